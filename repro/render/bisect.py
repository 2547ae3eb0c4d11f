"""What a bisection or an attribution found: sentences, a table of what was tried, the posterior, JSON. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from repro.decide.bisection import BisectionResult
from repro.decide.races import RaceResult
from repro.model import SCHEMA
from repro.render.tables import Table
from repro.render.words import clip
from repro.studies.bisect import Bisection, Cause, Tried

LEAST_SHOWN = 0.005
"""Places of the transition that are less probable are summed up in one row."""


def bisection_sentences(found: Bisection) -> list[str]:
    """What was found, a sentence each, and what is taken for granted."""
    if found.problem:
        return [f"No transition was found: {found.problem}"]
    if isinstance(found.result, RaceResult):
        return [str(found.result)]
    result = _certain(found)
    changes = [str(change) for change in result.transitions] or [
        f"nothing changes from {found.releases[0]} to {found.releases[-1]}"
    ]
    tried = f"{len(found.tried)} of {len(found.releases)} releases tried; taken for granted: {result.assumption}."
    return [*changes, tried]


def bisection_table(found: Bisection) -> Table:
    """A row a release that was tried, oldest first."""
    order = {release: place for place, release in enumerate(found.releases)}
    return _tried_table("release", sorted(found.tried, key=lambda one: order[one.release]))


def posterior_table(found: Bisection) -> Table | None:
    """How probable each place of the transition is; ``None`` for a bug that is no race."""
    if not isinstance(found.result, RaceResult):
        return None
    releases, posterior = found.releases, found.result.posterior
    names = [f"before {releases[0]}", *(f"{a} | {b}" for a, b in itertools.pairwise(releases))]
    places = list(zip([*names, f"after {releases[-1]}"], posterior, strict=True))
    shown = [(name, f"{p:.3f}") for name, p in places if p >= LEAST_SHOWN]
    rest = sum(p for _, p in places if p < LEAST_SHOWN)
    rows = (*shown, *([("all other places", f"{rest:.3f}")] if rest else []))
    return Table("Where the transition lies", ("between", "probability"), rows)


def bisection_json(found: Bisection) -> dict[str, Any]:
    """The same for a machine."""
    form: dict[str, Any] = {
        "schema": SCHEMA,
        "releases": list(found.releases),
        "problem": found.problem or None,
        "conclusion": bisection_sentences(found),
        "tried": [_tried_json(one) for one in found.tried],
    }
    if isinstance(found.result, RaceResult):
        race = found.result
        form["race"] = {
            "direction": race.direction,
            "last": race.last,
            "first": race.first,
            "confident": race.confident,
            "confidence": race.confidence,
            "skipped": list(race.skipped),
            "posterior": list(race.posterior),
        }
    elif found.result is not None:
        form["transitions"] = [
            {
                "last": t.last,
                "before": t.before,
                "first": t.first,
                "after": t.after,
                "skipped": [r for r, _ in t.skipped],
            }
            for t in found.result.transitions
        ]
        form["assumption"] = found.result.assumption
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


class ShownBisection:
    """A bisection that shows itself: sentences, then the releases tried and, for a race, the posterior."""

    def __init__(self, found: Bisection) -> None:
        self.found = found

    @property
    def sentences(self) -> list[str]:
        return [f"{_subject(self.found.tried)}: {said}" for said in bisection_sentences(self.found)]

    def __repr__(self) -> str:
        parts = [table.to_text() for table in (bisection_table(self.found), posterior_table(self.found)) if table]
        return "\n\n".join(["\n".join(bisection_sentences(self.found)), *parts])

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(bisection_table(self.found))
        posterior = posterior_table(self.found)
        if posterior is not None:
            display(posterior)
        print("\n".join(bisection_sentences(self.found)))


class ShownCause:
    """An attribution that shows itself: the sentence, and the mixes tried."""

    def __init__(self, cause: Cause) -> None:
        self.cause = cause

    @property
    def sentences(self) -> list[str]:
        return [f"{_subject(self.cause.tried)}: {self.sentence}"]

    def __repr__(self) -> str:
        return "\n\n".join([self.sentence, _tried_table("taken from the second target", self.cause.tried).to_text()])

    @property
    def sentence(self) -> str:
        return self.cause.result.explain()

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(_tried_table("taken from the second target", self.cause.tried))
        print(self.sentence)


def _certain(found: Bisection) -> BisectionResult:
    if not isinstance(found.result, BisectionResult):
        raise ValueError("a bisection without a problem has a result")
    return found.result


def _tried_table(name: str, tried: Iterable[Tried]) -> Table:
    """A row a release; texts are cut, the JSON form has all of them."""
    rows = tuple(
        (clip(one.release, 80), _shown_briefly(one), clip(one.run.reason, 80), one.run.worst.shown_path)
        for one in tried
    )
    return Table("", (name, "showed", "why", "evidence"), rows)


def _shown_briefly(one: Tried) -> str:
    """Without the signature, which the reason gives."""
    return _showed(one) if one.run.race else one.label.partition(":")[0]


def _showed(one: Tried) -> str:
    """What a release showed; of a race, what its rate supports."""
    return one.run.rate.words(race=True) if one.run.race and not one.run.broken else one.label


def _subject(tried: Sequence[Tried]) -> str:
    """Bug and scenario of what was tried."""
    return f"{tried[0].run.worst.bug}, {tried[0].run.worst.scenario}" if tried else "nothing was tried"


def _tried_json(one: Tried) -> dict[str, Any]:
    return {
        "release": one.release,
        "label": one.label,
        "showed": _showed(one),
        "status": one.run.status.value,
        "reason": one.run.reason,
        "evidence": [e.shown_path for e in one.run.evidence],
        "reproduce": one.run.reproduce,
    }
