"""The ledger of every factual claim in the reporter's documents, those of bugs that are not built yet included."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from repro import bugs
from repro.bugs.declaration import Claim, Witness
from repro.bugs.pending import PENDING
from repro.decide.claims import Judged, judge_claims

__all__ = ["Chapter", "ledger"]


@dataclass(frozen=True, slots=True)
class Chapter:
    """The judged claims about one thing; ``slug`` is empty where no bug is built for it yet."""

    title: str
    slug: str
    judged: tuple[Judged, ...]


def ledger(evidence: Mapping[str, Sequence[Witness]]) -> list[Chapter]:
    """Judge every claim from ``evidence`` (bug -> its evidence, oldest first): first the bugs, then the rest."""
    chapters = []
    for slug in bugs.slugs():
        bug = bugs.load(slug)
        if bug.claims:
            chapters.append(_chapter(bug.title, slug, bug.claims, evidence.get(slug, ())))
    return chapters + [_chapter(title, "", claims, ()) for title, claims in PENDING]


def _chapter(title: str, slug: str, claims: Iterable[Claim], evidence: Sequence[Witness]) -> Chapter:
    return Chapter(title, slug, tuple(judge_claims(claims, evidence)))
