"""What a bisection or an attribution found: sentences, a table of what was tried, the posterior, JSON. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from textwrap import shorten
from typing import Any

from repro.decide.bisection import BisectionResult
from repro.decide.races import RaceResult
from repro.model import SCHEMA
from repro.render.tables import Table
from repro.studies.bisect import Cause, Tried, Walk

LEAST_SHOWN = 0.005
"""Places of the transition that are less probable are summed up in one row."""


def walk_sentences(walk: Walk) -> list[str]:
    """What was found, a sentence each, and what is taken for granted."""
    if walk.problem:
        return [f"No transition was found: {walk.problem}"]
    if isinstance(walk.result, RaceResult):
        return [str(walk.result)]
    result = _certain(walk)
    found = [str(change) for change in result.transitions] or [
        f"nothing changes from {walk.releases[0]} to {walk.releases[-1]}"
    ]
    tried = f"{len(walk.tried)} of {len(walk.releases)} releases tried; taken for granted: {result.assumption}."
    return [*found, tried]


def walk_table(walk: Walk) -> Table:
    """A row a release that was tried, oldest first."""
    order = {release: place for place, release in enumerate(walk.releases)}
    return _tried_table("release", sorted(walk.tried, key=lambda one: order[one.release]))


def posterior_table(walk: Walk) -> Table | None:
    """How probable each place of the transition is; ``None`` for a bug that is no race."""
    if not isinstance(walk.result, RaceResult):
        return None
    releases, posterior = walk.releases, walk.result.posterior
    names = [f"before {releases[0]}", *(f"{a} | {b}" for a, b in itertools.pairwise(releases))]
    places = list(zip([*names, f"after {releases[-1]}"], posterior, strict=True))
    shown = [(name, f"{p:.3f}") for name, p in places if p >= LEAST_SHOWN]
    rest = sum(p for _, p in places if p < LEAST_SHOWN)
    rows = (*shown, *([("all other places", f"{rest:.3f}")] if rest else []))
    return Table("Where the transition lies", ("between", "probability"), rows)


def walk_json(walk: Walk) -> dict[str, Any]:
    """The same for a machine."""
    form: dict[str, Any] = {
        "schema": SCHEMA,
        "releases": list(walk.releases),
        "problem": walk.problem or None,
        "conclusion": walk_sentences(walk),
        "tried": [_tried_json(one) for one in walk.tried],
    }
    if isinstance(walk.result, RaceResult):
        race = walk.result
        form["race"] = {
            "direction": race.direction,
            "last": race.last,
            "first": race.first,
            "confident": race.confident,
            "confidence": race.confidence,
            "skipped": list(race.skipped),
            "posterior": list(race.posterior),
        }
    elif walk.result is not None:
        form["transitions"] = [
            {
                "last": t.last,
                "before": t.before,
                "first": t.first,
                "after": t.after,
                "skipped": [r for r, _ in t.skipped],
            }
            for t in walk.result.transitions
        ]
        form["assumption"] = walk.result.assumption
    return form


def cause_json(cause: Cause) -> dict[str, Any]:
    """An attribution for a machine."""
    result = cause.result
    return {
        "schema": SCHEMA,
        "conclusion": result.explain(),
        "problem": result.problem or None,
        "before": result.before,
        "after": result.after,
        "cause": [{"package": c.package, "old": c.old, "new": c.new} for c in result.cause],
        "others": [{"package": c.package, "old": c.old, "new": c.new} for c in result.others],
        "tried": [_tried_json(one) for one in cause.tried],
    }


class ShownWalk:
    """A bisection that shows itself: sentences, then the releases tried and, for a race, the posterior."""

    def __init__(self, walk: Walk) -> None:
        self.walk = walk

    def __repr__(self) -> str:
        parts = [table.to_text() for table in (walk_table(self.walk), posterior_table(self.walk)) if table]
        return "\n\n".join(["\n".join(walk_sentences(self.walk)), *parts])

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(walk_table(self.walk))
        posterior = posterior_table(self.walk)
        if posterior is not None:
            display(posterior)
        print("\n".join(walk_sentences(self.walk)))


class ShownCause:
    """An attribution that shows itself: the sentence, and the mixes tried."""

    def __init__(self, cause: Cause) -> None:
        self.cause = cause

    def __repr__(self) -> str:
        return "\n\n".join([self.sentence, _tried_table("taken from the second target", self.cause.tried).to_text()])

    @property
    def sentence(self) -> str:
        return self.cause.result.explain()

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(_tried_table("taken from the second target", self.cause.tried))
        print(self.sentence)


def _certain(walk: Walk) -> BisectionResult:
    if not isinstance(walk.result, BisectionResult):
        raise ValueError("a walk without a problem has a result")
    return walk.result


def _tried_table(name: str, tried: Iterable[Tried]) -> Table:
    rows = tuple(
        (_short(one.release), one.label, _short(one.run.worst.verdict.reason), one.run.worst.shown_path)
        for one in tried
    )
    return Table("", (name, "showed", "why", "evidence"), rows)


def _short(text: str) -> str:
    """At most 80 characters; the JSON form has all of it."""
    return shorten(text, 80, placeholder=" …")


def _tried_json(one: Tried) -> dict[str, Any]:
    return {
        "release": one.release,
        "label": one.label,
        "status": one.run.status.value,
        "reason": one.run.worst.verdict.reason,
        "evidence": [e.shown_path for e in one.run.evidence],
        "reproduce": one.run.reproduce,
    }
