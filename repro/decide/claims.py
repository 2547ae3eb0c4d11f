"""Judges what the reports believed against what was measured. Pure: claims and evidence in, findings out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from repro.bugs.declaration import Bug, Claim, ClaimFinding, Witness


@dataclass(frozen=True, slots=True)
class Judged:
    """A claim with what the evidence says of it."""

    claim: Claim
    finding: ClaimFinding


@dataclass(frozen=True, slots=True)
class Chapter:
    """The judged claims about one thing; ``slug`` is empty where no bug is built for it yet."""

    title: str
    slug: str
    judged: tuple[Judged, ...]


def judge_claims(claims: Iterable[Claim], evidence: Sequence[Witness]) -> tuple[Judged, ...]:
    """Applies each claim's own rule to the evidence of its bug, oldest first."""
    return tuple(Judged(claim, claim.rule(evidence)) for claim in claims)


def ledger(
    bugs: Iterable[Bug], pending: Mapping[str, Sequence[Claim]], evidence: Mapping[str, Sequence[Witness]]
) -> list[Chapter]:
    """A chapter for each bug that has claims, then those that wait; ``evidence`` is by bug, ``pending`` by title."""
    built = [(bug.title, bug.slug, judge_claims(bug.claims, evidence.get(bug.slug, ()))) for bug in bugs if bug.claims]
    waiting = [(title, "", judge_claims(claims, ())) for title, claims in pending.items()]
    return [Chapter(*chapter) for chapter in built + waiting]
