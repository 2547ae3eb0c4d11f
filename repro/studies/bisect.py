"""Bisects one axis of releases to where a bug begins, ends or changes, and tells which package is behind a change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from repro.decide.attribution import Attribution, AttributionResult
from repro.decide.bisection import BisectionResult, Bisector
from repro.decide.races import RaceBisector, RaceResult
from repro.errors import UserError
from repro.evidence.record import Evidence
from repro.model import Status, Symptom, TargetInfo
from repro.rates import FAILURES_ENOUGH, Rate
from repro.run.cache import MOST_SILENT, TrialCache
from repro.run.pool import Budget
from repro.run.question import Question
from repro.run.result import Run
from repro.signature import signature

Ask = Callable[[str], Question]
"""The question to put to one release."""

Say = Callable[[str], object]
"""Called with a line about each release that was tried."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One release that was tried: what it showed, and all its trials."""

    release: str
    label: str
    run: Run


@dataclass(frozen=True, slots=True)
class Bisection:
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
    """What a release showed: its status; with ``every`` also how exactly it failed, so that two failures differ."""
    if not every or run.status in {Status.ABSENT, Status.UNSETTLED}:
        return run.status.value
    shown = run.worst
    if run.status is Status.UNTESTABLE:
        missing = shown.verdict.symptom.value if not shown.verdict.symptom.informative and not run.broken else ""
        return missing if missing == "unsupported" else run.status.value
    if shown.verdict.is_bug and shown.verdict.symptom is not Symptom.ERROR:
        return f"{run.status.value} ({shown.verdict.symptom.value})"
    return f"{run.status.value}: {signature(shown.outcome)}"


def between(releases: Sequence[str], good: str | None, bad: str | None) -> list[str]:
    """The releases from one bound to the other, whichever is older.

    With ``bad`` alone, all up to it (since when?); with ``good`` alone, all from it on.

    Raises:
        UserError: a bound is not among the releases.
    """
    for bound in (good, bad):
        if bound is not None and bound not in releases:
            raise UserError(f"{bound} is not among the releases {releases[0]} to {releases[-1]}: name one that is")
    first = releases.index(good) if good is not None else 0
    last = releases.index(bad) if bad is not None else len(releases) - 1
    return list(releases[min(first, last) : max(first, last) + 1])


def bisect(
    cache: TrialCache,
    ask: Ask,
    releases: Sequence[str],
    *,
    every: bool = False,
    grid: int | None = None,
    good: str | None = None,
    bad: str | None = None,
    say: Say = len,
) -> Bisection:
    """Bisects a deterministic bug: one transition, or ``every`` change of what it shows. No release is tried twice.

    With ``every`` at least each eighth part of the range is tried, unless ``grid`` says otherwise: what comes and goes
    between two tested releases would be missed.

    A ``good`` release that shows the bug, or a ``bad`` one that does not, is named as wrong.
    """
    if every and grid is None:
        grid = max(2, len(releases) // 8)
    bisector = Bisector(releases, every=every, grid=grid)
    tried: list[Tried] = []
    while (index := bisector.select()) is not None:
        run = cache.run(ask(releases[index]), None)
        label = label_of(run, every)
        bisector.record(index, label)
        tried.append(Tried(releases[index], label, run))
        say(f"{releases[index]}: {label}, {run.reason}")
    result = bisector.result()
    wrong = "" if every else wrong_bounds({one.release: one.run.status for one in tried}, good, bad)
    return Bisection(tuple(releases), result, tuple(tried), wrong or result.problem)


def wrong_bounds(shown: dict[str, Status], good: str | None, bad: str | None) -> str:
    """Which of the two bounds is not what it was said to be; empty if none is."""
    said = []
    if good in shown and shown[good] is not Status.ABSENT:
        said.append(f"--good {good} is {shown[good].value}")
    if bad in shown and shown[bad] is not Status.PRESENT:
        said.append(f"--bad {bad} is {shown[bad].value}")
    return f"{' and '.join(said)}: name another release" if said else ""


def bisect_race(
    cache: TrialCache,
    ask: Ask,
    releases: Sequence[str],
    *,
    trials: int | None = None,
    batch: int = 1,
    confidence: float = 0.95,
    most: int = 1000,
    budget: Budget | None = None,
    good: str | None = None,
    bad: str | None = None,
    say: Say = len,
) -> Bisection:
    """Bisects a race: each bound until it is settled, then ``batch`` trials wherever they tell most.

    The trials say which way it goes: from healthy to affected or back. Only the bug counts as a failure, and a trial
    that failed in another way counts for nothing. ``most`` limits the trials in total, ``budget`` those at a time.
    A ``good`` release that fails more often than the ``bad`` one is named as wrong; a flaky one need not be clean.

    Raises:
        UserError: an argument makes no sense; nothing was run.
    """
    bisector = RaceBisector(releases, confidence=confidence, budget=most)
    if batch < 1 or (trials is not None and trials < 1):
        raise UserError("a step needs at least one trial: type --trials 1 or more")
    runs: dict[int, Run] = {}
    rates: dict[int, Rate] = {}

    def more(index: int, count: int | None) -> Rate:
        """The rate among new trials of a release."""
        kept = [e for e in runs[index].evidence if e.verdict.symptom is not Symptom.KIT_FAULT] if index in runs else []
        runs[index] = cache.run(ask(releases[index]), None if count is None else len(kept) + count, budget)
        had, now = rates.get(index, Rate(0, 0)), Rate.of(e.verdict for e in runs[index].evidence)
        rates[index] = now
        new = Rate(0, 0) if runs[index].broken else Rate(now.k - had.k, now.n - had.n)
        say(f"{releases[index]}: {new.k} of {new.n} trials showed the bug")
        return new

    last = len(releases) - 1
    ends = {index: more(index, trials) for index in (0, last)}
    shown = {releases[index]: rate for index, rate in ends.items()}
    problem = swapped(shown, good, bad) or wrong_ends(shown)
    if problem:
        return Bisection(tuple(releases), None, _told(releases, runs), problem)
    for index, rate in ends.items():
        bisector.record(index, rate.k, rate.n)
    silent: Counter[int] = Counter()
    while (choice := bisector.select()) is not None:
        rate = more(choice, batch)
        bisector.record(choice, rate.k, rate.n)
        silent[choice] += not rate.n
        if not rate.n and (_says_nothing(runs[choice]) or silent[choice] > MOST_SILENT):
            bisector.skip(choice)
    return Bisection(tuple(releases), bisector.result(), _told(releases, runs))


def swapped(ends: Mapping[str, Rate], good: str | None, bad: str | None) -> str:
    """Whether the two bounds of a race are the other way round, as far as their trials tell; empty if they are not."""
    if good not in ends or bad not in ends or good is None or bad is None:
        return ""
    first, second = ends[good], ends[bad]
    if first.k * second.n <= second.k * first.n:
        return ""
    return f"--good {good} fails in {first} and --bad {bad} in {second}: name them the other way round"


def wrong_ends(ends: Mapping[str, Rate]) -> str:
    """Why a race cannot begin or end between these two releases, as far as their trials tell; empty if it may."""
    counts = " and ".join(f"{rate.k} of {rate.n} in {release}" for release, rate in ends.items())
    silent = [release for release, rate in ends.items() if not rate.n]
    if silent:
        return f"{' and '.join(silent)} cannot be tested: give another range"
    if not any(rate.k for rate in ends.values()):
        return f"neither end shows the bug ({counts}): give a wider range, or more --trials"
    alike = max(rate.low for rate in ends.values()) <= min(rate.high for rate in ends.values())
    if alike and all(rate.k >= FAILURES_ENOUGH for rate in ends.values()):
        return f"both ends show the bug ({counts}): give a wider range"
    return ""


def _says_nothing(run: Run) -> bool:
    """Whether a release cannot be tested. A fault of the kit says that of the kit only: it is tried again."""
    faults = sum(e.verdict.symptom is Symptom.KIT_FAULT for e in run.evidence)
    return run.broken is not None or (not run.rate.n and faults < len(run.evidence))


def attribute(cache: TrialCache, ask: Ask, old: str, new: str, say: Say = len) -> Cause:
    """Finds which package, of all that differ between two targets, flips the status.

    Every mix is pinned completely, so that nothing else can drift.

    Raises:
        UserError: a target cannot be made, or the two hold the same packages.
    """
    search = Attribution(_packages(cache, ask(old)), _packages(cache, ask(new)))
    tried: list[Tried] = []
    while (mix := search.select()) is not None:
        # The two ends are asked as they were typed; a mix in between is a spec that pins everything.
        spec = old if not mix else new if mix == set(search.differing) else _spec(search.pins(mix))
        run = cache.run(ask(spec), None)
        search.record(mix, run.status.value)
        name = ", ".join(sorted(mix)) or "(none)"
        tried.append(Tried(name, run.status.value, run))
        say(f"taken from the new target: {name}: {run.status.value}")
    return Cause(search.result(), tuple(tried))


def _packages(cache: TrialCache, question: Question) -> dict[str, str]:
    target = cache.runner.target(question)
    if not isinstance(target, TargetInfo):
        raise UserError(f"the target {question.target!r} cannot be made: {target.reason}")
    local = [name for name, version in target.packages.items() if "+" in version]
    if local:
        raise UserError(f"{local[0]} of {question.target!r} is no release: attribution mixes releases, so name those")
    return {**target.packages, "python": target.python_version}


def _spec(pins: dict[str, str]) -> str:
    return " ".join(f"{name}=={version}" for name, version in sorted(pins.items()))


def _told(releases: Sequence[str], runs: dict[int, Run]) -> tuple[Tried, ...]:
    return tuple(Tried(releases[index], _rate_label(run.evidence), run) for index, run in runs.items())


def _rate_label(evidence: Iterable[Evidence]) -> str:
    rate = Rate.of(e.verdict for e in evidence)
    return f"{rate.k}/{rate.n}" if rate.n else Status.UNTESTABLE.value
