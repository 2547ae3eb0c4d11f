"""What a run of one question gave: its status, its trials, and the fixed JSON form of both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from repro.evidence.store import Evidence
from repro.model import SCHEMA, Status, status_of


@dataclass(frozen=True, slots=True)
class Run:
    """The trials of one question, in the order they were run. At least one."""

    evidence: tuple[Evidence, ...]
    reproduce: str

    @property
    def status(self) -> Status:
        return status_of(e.verdict for e in self.evidence)

    @property
    def symptoms(self) -> Counter[str]:
        """How often each symptom was seen."""
        return Counter(e.verdict.symptom.value for e in self.evidence)

    @property
    def worst(self) -> Evidence:
        """The trial to show: one that shows the bug, else one that failed, else the first."""
        ranked = sorted(self.evidence, key=lambda e: (not e.verdict.is_bug, e.verdict.symptom.healthy))
        return ranked[0]

    def to_json(self) -> dict[str, Any]:
        """The form that ``repro run --json`` prints (``design.md``: contracts)."""
        first = self.evidence[0]
        target = {k: v for k, v in first.target.items() if k not in {"packages"}}
        return {
            "schema": SCHEMA,
            "bug": first.bug,
            "scenario": first.scenario,
            "fix": first.fix,
            "status": self.status.value,
            "target": target,
            "limits": {
                "memory_bytes": first.limits.memory_bytes,
                "timeout_s": first.limits.timeout_s,
                "grace_s": first.limits.grace_s,
            },
            "parameters": dict(first.parameters),
            "trials": [trial_json(e) for e in self.evidence],
            "reproduce": self.reproduce,
        }


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


def brief(measures: Any, longest: int = 20) -> dict[str, Any]:
    """Measures without long lists: those stay in the evidence file."""
    return {name: value for name, value in measures.items() if not isinstance(value, Sequence) or len(value) <= longest}
