"""Walks one axis of releases to where a bug begins, ends or changes, and tells which package is behind a change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from repro.errors import UserError
from repro.evidence.store import Evidence
from repro.model import Status, Symptom, TargetInfo
from repro.studies.attribution import Attribution, AttributionResult
from repro.studies.bisection import BisectionResult, Bisector
from repro.studies.cells import Cells
from repro.studies.races import Direction, RaceBisector, RaceResult
from repro.studies.result import Run
from repro.studies.runner import Question
from repro.studies.scheduler import Budget

Ask = Callable[[str], Question]
"""The question to put to one release."""

Seen = Callable[[str], object]
"""Called with a line about each release that was tried."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One release that was tried: what it showed, and all its trials."""

    release: str
    label: str
    run: Run


@dataclass(frozen=True, slots=True)
class Walk:
    """A finished bisection: releases oldest first, what was concluded, and what was tried, in the order of trying."""

    releases: tuple[str, ...]
    result: BisectionResult | RaceResult | None
    tried: tuple[Tried, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Cause:
    """A finished attribution: which packages flip the status, and the mixes tried, named by what they take from B."""

    result: AttributionResult
    tried: tuple[Tried, ...]


def label_of(run: Run, every: bool) -> str:
    """What a release showed, for a bisection: its status, or with ``every`` its symptom.

    A release without the feature is a kind of its own for ``every``; what is no answer at all is ``untestable``.
    """
    if not every:
        return run.status.value
    symptom = run.worst.verdict.symptom
    silent = symptom in {Symptom.UNSOLVABLE, Symptom.KIT_FAULT}
    return Status.UNTESTABLE.value if silent else symptom.value


def between(releases: Sequence[str], good: str | None, bad: str | None) -> list[str]:
    """The releases from one bound to the other, whichever is older; the ends where a bound is not given.

    Raises:
        UserError: a bound is not among the releases.
    """
    for bound in (good, bad):
        if bound is not None and bound not in releases:
            raise UserError(f"{bound} is not among the releases {releases[0]} to {releases[-1]}: name one that is")
    places = [releases.index(bound) for bound in (good, bad) if bound is not None]
    if len(places) < 2:
        return list(releases)
    return list(releases[min(places) : max(places) + 1])


def walk(
    cells: Cells, ask: Ask, releases: Sequence[str], *, every: bool = False, grid: int | None = None, seen: Seen = len
) -> Walk:
    """Bisect a deterministic bug: one transition, or ``every`` change of symptom. No release is tried twice."""
    bisector = Bisector(releases, every=every, grid=grid)
    tried: list[Tried] = []
    while (index := bisector.select()) is not None:
        question = ask(releases[index])
        run = cells.run(question, question.bug.default_trials)
        label = label_of(run, every)
        bisector.record(index, label)
        tried.append(Tried(releases[index], label, run))
        seen(f"{releases[index]}: {label}, {run.worst.verdict.reason}")
    result = bisector.result()
    return Walk(tuple(releases), result, tuple(tried), result.problem)


def walk_race(
    cells: Cells,
    ask: Ask,
    releases: Sequence[str],
    *,
    trials: int,
    batch: int = 1,
    confidence: float = 0.95,
    most: int = 1000,
    budget: Budget | None = None,
    seen: Seen = len,
) -> Walk:
    """Bisect a race: ``trials`` at each bound, then ``batch`` more wherever they tell most, until ``confidence``.

    The bounds say which way it goes: from healthy to affected or back. Only the bug counts as a failure, and a trial
    that failed in another way counts for nothing. ``most`` limits the trials in total, ``budget`` those at a time.
    """
    runs: dict[int, Run] = {}

    def more(index: int, count: int) -> tuple[int, int]:
        """Failures and counted trials among ``count`` new trials of a release."""
        had = len(runs[index].evidence) if index in runs else 0
        question = ask(releases[index])
        runs[index] = cells.run(question, had + count, budget)
        failed, counted = _counted(runs[index].evidence[had:])
        seen(f"{releases[index]}: {failed} of {counted} trials showed the bug")
        return failed, counted

    last = len(releases) - 1
    ends = {index: more(index, trials) for index in (0, last)}
    silent = [releases[index] for index, (_, counted) in ends.items() if not counted]
    shows = [index for index, (failed, _) in ends.items() if failed]
    problem = ""
    if silent:
        problem = f"{' and '.join(silent)} cannot be tested: give another range"
    elif len(shows) != 1:
        what = "both show" if shows else f"neither shows, in {trials} trials,"
        problem = f"{releases[0]} and {releases[last]}: {what} the bug: give a wider range, or more --trials"
    if problem:
        return Walk(tuple(releases), None, _told(releases, runs), problem)
    direction: Direction = "first-affected" if shows == [last] else "first-fixed"
    bisector = RaceBisector(releases, direction=direction, confidence=confidence, budget=most)
    for index, (failed, counted) in ends.items():
        bisector.record(index, failed, counted)
    while (choice := bisector.select()) is not None:
        failed, counted = more(choice, batch)
        if counted:
            bisector.record(choice, failed, counted)
        else:
            bisector.skip(choice)
    return Walk(tuple(releases), bisector.result(), _told(releases, runs))


def attribute(cells: Cells, ask: Ask, old: str, new: str, seen: Seen = len) -> Cause:
    """Find which package, of all that differ between two targets, flips the status.

    Every mix is pinned completely, so that nothing else can drift.

    Raises:
        UserError: a target cannot be made, or the two hold the same packages.
    """
    search = Attribution(_packages(cells, ask(old)), _packages(cells, ask(new)))
    tried: list[Tried] = []
    while (mix := search.select()) is not None:
        # The two ends are asked as they were typed; a mix in between is a spec that pins everything.
        spec = old if not mix else new if mix == set(search.differing) else _spec(search.pins(mix))
        question = ask(spec)
        run = cells.run(question, question.bug.default_trials)
        search.record(mix, run.status.value)
        name = ", ".join(sorted(mix)) or "(none)"
        tried.append(Tried(name, run.status.value, run))
        seen(f"taken from the new target: {name}: {run.status.value}")
    return Cause(search.result(), tuple(tried))


def _packages(cells: Cells, question: Question) -> dict[str, str]:
    target = cells.runner.target(question)
    if not isinstance(target, TargetInfo):
        raise UserError(f"the target {question.target!r} cannot be made: {target.reason}")
    local = [name for name, version in target.packages.items() if "+" in version]
    if local:
        raise UserError(f"{local[0]} of {question.target!r} is no release: attribution mixes releases, so name those")
    return {**target.packages, "python": target.python_version}


def _spec(pins: dict[str, str]) -> str:
    return " ".join(f"{name}=={version}" for name, version in sorted(pins.items()))


def _counted(evidence: Iterable[Evidence]) -> tuple[int, int]:
    """How many trials showed the bug, and how many said something about it (a different failure does not)."""
    told = [e.verdict for e in evidence if e.verdict.is_bug or e.verdict.symptom.healthy]
    return sum(v.is_bug for v in told), len(told)


def _told(releases: Sequence[str], runs: dict[int, Run]) -> tuple[Tried, ...]:
    found = []
    for index, run in runs.items():
        failed, counted = _counted(run.evidence)
        label = f"{failed}/{counted}" if counted else Status.UNTESTABLE.value
        found.append(Tried(releases[index], label, run))
    return tuple(found)
