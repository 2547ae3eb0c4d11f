"""Cells and words that the tables of an issue text share. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import shorten

from repro.bugs.declaration import Bug
from repro.decide import facts
from repro.evidence.record import Evidence
from repro.model import Status
from repro.render.tables import NOTHING

ENOUGH = 0.2
"""A fix of a race helps if the upper bound of its rate of failures is no higher than this."""


def status_words(status: Status) -> str:
    return {
        Status.PRESENT: "affected",
        Status.ABSENT: "not affected",
        Status.DIFFERENT_FAILURE: "fails otherwise",
        Status.UNSETTLED: "unsettled",
        Status.UNTESTABLE: "untestable",
    }[status]


def failed_column(bug: Bug) -> tuple[str, ...]:
    return ("runs that failed (95 % Wilson interval)",) if bug.race else ()


def failed_cell(bug: Bug, release: facts.Release) -> tuple[str, ...]:
    """k of n with its interval, for a race only: of what happens each time it would say less than the status."""
    return (str(release.failed) if release.failed.n else NOTHING,) if bug.race else ()


def clip(text: str, most: int = 160) -> str:
    return shorten(text, most, placeholder=" …")


def helped(bug: Bug, release: facts.Release) -> str:
    if release.status is not Status.ABSENT:
        return status_words(release.status)
    # a few healthy runs would also be seen of a race that fails in every fourth
    return "too few runs to say" if bug.race and release.failed.high > ENOUGH else "helps"


def plain(title: str) -> str:
    """A title for a table, whose cells show no code."""
    return title.replace("`", "")


def files_cell(one: Evidence) -> str:
    opened, needed = (one.outcome.measures.get(name) for name in ("files_opened", "files_needed"))
    killed = " (until it was killed)" if one.outcome.killer is not None else ""
    return NOTHING if opened is None else f"{opened} / {NOTHING if needed is None else needed}{killed}"


def listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else NOTHING
