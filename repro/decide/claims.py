"""Judges what the reports believed against what was measured. Pure: evidence in, findings out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from repro.bugs.declaration import Claim, ClaimFinding, ClaimVerdict


@dataclass(frozen=True, slots=True)
class Judged:
    """A claim with what the evidence says of it."""

    claim: Claim
    finding: ClaimFinding


def judge_claims(claims: Iterable[Claim], evidence: Sequence[Any]) -> list[Judged]:
    """Apply each claim's own rule; without evidence that the rule can use, a claim is not yet tested."""
    return [Judged(claim, claim.rule(evidence)) for claim in claims]


__all__ = ["Claim", "ClaimFinding", "ClaimVerdict", "Judged", "judge_claims"]
