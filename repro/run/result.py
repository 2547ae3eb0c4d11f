"""What a run of one question gave: its status, its trials, and the fixed JSON form of both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from repro.evidence.record import Evidence
from repro.model import SCHEMA, Status
from repro.rates import Rate
from repro.signature import why


@dataclass(frozen=True, slots=True)
class Run:
    """The trials of one question, in the order they were run. At least one.

    ``broken`` is a trial of a control that failed in the same target: then no failure there says anything of the bug.
    """

    evidence: tuple[Evidence, ...]
    reproduce: str
    race: bool = False
    broken: Evidence | None = None

    @property
    def rate(self) -> Rate:
        return Rate.of(e.verdict for e in self.evidence)

    @property
    def status(self) -> Status:
        return Status.UNTESTABLE if self.broken else self.rate.status(race=self.race)

    @property
    def symptoms(self) -> Counter[str]:
        """How often each symptom was seen."""
        return Counter(e.verdict.symptom.value for e in self.evidence)

    @property
    def worst(self) -> Evidence:
        """The trial to show: one that shows the bug, else one that failed, else the first."""
        return min(self.evidence, key=lambda e: (not e.verdict.is_bug, e.verdict.symptom.healthy))

    @property
    def reason(self) -> str:
        """Why this status, in a sentence."""
        if self.broken:
            return f"the control {self.broken.scenario} fails here too: {self.broken.verdict.reason}"
        if self.status is Status.UNSETTLED:
            return self.rate.words(race=True)
        return why(self.worst.outcome, self.worst.verdict)

    def to_json(self) -> dict[str, Any]:
        """The form that ``repro run --json`` prints (``design.md``: contracts)."""
        first = self.evidence[0]
        return {
            "schema": SCHEMA,
            "bug": first.bug,
            "scenario": first.scenario,
            "fix": first.fix,
            "status": self.status.value,
            "reason": self.reason,
            "target": target_json(first),
            "limits": {
                "memory_bytes": first.limits.memory_bytes,
                "timeout_s": first.limits.timeout_s,
                "grace_s": first.limits.grace_s,
            },
            "parameters": dict(first.parameters),
            "trials": [trial_json(e) for e in self.evidence],
            "control": trial_json(self.broken) if self.broken else None,
            "reproduce": self.reproduce,
        }


def target_json(evidence: Evidence) -> dict[str, Any]:
    """The environment without the long table of all its packages."""
    return {name: value for name, value in evidence.target.items() if name != "packages"}


def trial_json(evidence: Evidence) -> dict[str, Any]:
    """One entry of ``trials``: what a machine needs to know; all else is in the evidence file it names."""
    outcome, verdict = evidence.outcome, evidence.verdict
    return {
        "symptom": verdict.symptom.value,
        "reason": verdict.reason,
        "exit_code": outcome.exit_code,
        "signal": outcome.signal,
        "killer": outcome.killer.value if outcome.killer else None,
        "killer_basis": outcome.killer_basis or None,
        "done": outcome.done,
        "wall_s": outcome.wall_s,
        "exit_s": outcome.exit_s,
        "peak_rss_bytes": outcome.peak_rss_bytes,
        "peak_kernel_bytes": outcome.peak_kernel_bytes,
        "cap_backend": outcome.cap_backend,
        "measures": brief(outcome.measures),
        "evidence": evidence.shown_path,
    }


def brief(measures: Mapping[str, Any], longest: int = 20) -> dict[str, Any]:
    """Measures without long lists, such as the requests that a Hub saw: those stay in the evidence file."""
    return {
        name: brief(value, longest) if isinstance(value, Mapping) else value
        for name, value in measures.items()
        if not isinstance(value, Sequence) or len(value) <= longest
    }
