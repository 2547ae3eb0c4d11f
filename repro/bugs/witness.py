"""Helps a claim's rule to find the evidence it needs. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from repro.bugs.declaration import ClaimFinding, ClaimVerdict, Witness
from repro.model import Symptom


def pick(
    evidence: Sequence[Witness],
    *,
    scenario: str,
    fix: str = "none",
    where: Callable[[Witness], bool] = lambda _: True,
    **versions: str,
) -> Witness | None:
    """The newest counted evidence of a scenario and fix; ``versions`` name packages, as ``datasets="5.1.0"``."""
    for witness in reversed(evidence):
        asked = witness.scenario == scenario and witness.fix == fix and witness.verdict.informative
        if asked and all(witness.target.get(name) == version for name, version in versions.items()) and where(witness):
            return witness
    return None


def decide(
    good: bool, measured: str, *witnesses: Witness, otherwise: ClaimVerdict = ClaimVerdict.REFUTED
) -> ClaimFinding:
    """Confirmed if ``good``, else ``otherwise``; with the evidence named."""
    verdict = ClaimVerdict.CONFIRMED if good else otherwise
    return ClaimFinding(verdict, measured, tuple(dict.fromkeys(w.shown_path for w in witnesses)))


def untested(command: str) -> ClaimFinding:
    """No evidence yet; says how to make it."""
    return ClaimFinding(ClaimVerdict.NOT_YET_TESTED, f"run: {command}")


def killed(witness: Witness) -> bool:
    return witness.verdict.symptom is Symptom.OUT_OF_MEMORY


def at_scale(witness: Witness) -> bool:
    """Whether the trial used the cohort at the scale of the report."""
    return bool(witness.parameters.get("inputs") in (None, "arc") and not witness.parameters.get("rows"))


def opened(witness: Witness) -> str:
    """``opened 24 files, needed 3``."""
    measures: Any = witness.outcome.measures
    return f"opened {measures.get('files_opened')} files, needed {measures.get('files_needed')}"


def gib(count: int) -> str:
    return f"{count / 2**30:.2f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"
