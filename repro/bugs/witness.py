"""Helps a claim's rule to find the evidence it needs, and to say what that shows. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from repro.bugs.declaration import ClaimFinding, ClaimVerdict, Witness

Evidence = Sequence[Witness]
Condition = Callable[[Witness], bool]
Rule = Callable[[Evidence], ClaimFinding]


def newest(evidence: Evidence, scenario: str, *conditions: Condition, fix: str = "none") -> Witness | None:
    """The newest informative evidence of a scenario and fix that meets all conditions."""
    for one in reversed(evidence):
        asked = one.scenario == scenario and one.fix == fix and one.verdict.informative
        if asked and all(condition(one) for condition in conditions):
            return one
    return None


def decide(
    good: bool, measured: str, *witnesses: Witness, otherwise: ClaimVerdict = ClaimVerdict.REFUTED
) -> ClaimFinding:
    """Confirmed if ``good``, else ``otherwise``; names each piece of evidence once."""
    verdict = ClaimVerdict.CONFIRMED if good else otherwise
    return ClaimFinding(verdict, measured, tuple(dict.fromkeys(one.shown_path for one in witnesses)))


def untested(command: str) -> ClaimFinding:
    """No evidence yet; says how to make it."""
    return ClaimFinding(ClaimVerdict.NOT_YET_TESTED, f"run: {command}")
