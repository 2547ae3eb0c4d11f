"""Bisecting a race: trials that may fail in many ways, around the pure bisector."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from types import SimpleNamespace
from typing import Any, cast

import pytest

from repro.decide.races import RaceResult
from repro.errors import UserError
from repro.model import Symptom, Verdict
from repro.rates import Rate
from repro.run.result import Run
from repro.studies.bisect import Bisection, bisect_race

HANG, OK, ERROR = Symptom.HANG_AT_EXIT, Symptom.OK, Symptom.ERROR
FAULT, UNSUPPORTED = Symptom.KIT_FAULT, Symptom.UNSUPPORTED
RELEASES = [f"1.{number}" for number in range(10)]

Show = Callable[[str, int], Symptom]
"""What a release shows in its trial of this number."""


@dataclass
class FakeCache:
    """Runs made-up trials at once, and like the real cache it forgets faults of the kit."""

    show: Show
    broken: frozenset[str] = frozenset()
    asked: list[str] = field(default_factory=list)
    kept: dict[str, list[Any]] = field(default_factory=dict)
    numbers: dict[str, count[int]] = field(default_factory=dict)

    def run(self, release: str, trials: int | None, budget: object = None) -> Run:
        found = list(self.kept.get(release, []))[:trials]
        while not self._enough(found, trials):
            self.asked.append(release)
            symptom = self.show(release, next(self.numbers.setdefault(release, count())))
            one = SimpleNamespace(verdict=Verdict(symptom, symptom is HANG, ""))
            found.append(one)
            if symptom is not FAULT:
                self.kept.setdefault(release, []).append(one)
        failed = cast(Any, found[0]) if release in self.broken else None
        return Run(tuple(found), "", True, failed)

    @staticmethod
    def _enough(found: Sequence[Any], trials: int | None) -> bool:
        if trials is not None:
            return len(found) >= trials
        return Rate.of(one.verdict for one in found).settled or len(found) >= 40


def bisect(show: Show, releases: Sequence[str] = RELEASES, **options: Any) -> tuple[Bisection, FakeCache]:
    broken = options.pop("broken", frozenset())
    cache = FakeCache(show, broken)
    return bisect_race(cast(Any, cache), cast(Any, str), releases, **options), cache


def race(rates: Sequence[float], seed: int = 1) -> Show:
    dice, rate_of = random.Random(seed), dict(zip(RELEASES, rates, strict=True))
    return lambda release, number: HANG if dice.random() < rate_of[release] else OK


def found(bisection: Bisection) -> tuple[str, str | None, str | None, tuple[str, ...]]:
    assert isinstance(bisection.result, RaceResult)
    assert bisection.result.confident
    return (bisection.result.direction, bisection.result.last, bisection.result.first, bisection.result.skipped)


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("fixed", [False, True])
def test_a_race_is_bisected_whichever_way_it_goes_and_every_trial_counts_once(fixed, batch):
    rates = [0.0] * 6 + [0.5] * 4
    bisection, cache = bisect(race(rates[::-1] if fixed else rates), batch=batch)
    assert found(bisection) == (("first-fixed", "1.3", "1.4", ()) if fixed else ("first-affected", "1.5", "1.6", ()))
    assert isinstance(bisection.result, RaceResult)
    assert bisection.result.affected.n + bisection.result.healthy.n == len(cache.asked)
    assert {one.release: one.label for one in bisection.tried}["1.9" if fixed else "1.0"] == "0/35"


def test_the_ends_run_until_they_are_settled():
    bisection, _ = bisect(lambda release, number: HANG if release >= "1.4" else OK)
    told = {one.release: one.label for one in bisection.tried}
    assert (told["1.0"], told["1.9"]) == ("0/35", "3/3")


def test_a_healthy_end_that_fails_once_does_not_end_the_bisection():
    bisection, _ = bisect(lambda release, number: HANG if release >= "1.4" or (release, number) == ("1.0", 3) else OK)
    assert found(bisection) == ("first-affected", "1.3", "1.4", ())


def test_both_ends_may_fail_if_one_fails_far_more_often():
    def show(release: str, number: int) -> Symptom:
        return HANG if release >= "1.4" or (release == "1.0" and number in (9, 20, 30)) else OK

    bisection, _ = bisect(show)
    assert not bisection.problem


@pytest.mark.parametrize(
    ("show", "problem"),
    [
        (lambda release, number: HANG, "both ends show the bug (3 of 3 in 1.0 and 3 of 3 in 1.9): give a wider range"),
        (
            lambda release, number: OK,
            "neither end shows the bug (0 of 35 in 1.0 and 0 of 35 in 1.9): give a wider range, or more --trials",
        ),
        (
            lambda release, number: UNSUPPORTED if release == "1.9" else HANG,
            "1.9 cannot be tested: give another range",
        ),
        (
            lambda release, number: ERROR if release == "1.0" else HANG,
            "1.0 cannot be tested: give another range",
        ),
        (lambda release, number: FAULT, "1.0 and 1.9 cannot be tested: give another range"),
    ],
)
def test_ends_that_enclose_nothing_are_told_before_anything_else_is_run(show, problem):
    bisection, cache = bisect(show)
    assert bisection.problem == problem
    assert bisection.result is None
    assert set(cache.asked) == {"1.0", "1.9"} == {one.release for one in bisection.tried}


@pytest.mark.parametrize("silent", [ERROR, UNSUPPORTED])
@pytest.mark.parametrize("fixed", [False, True])
def test_releases_that_say_nothing_of_the_bug_are_passed_over_after_one_trial_and_named(silent: Symptom, fixed: bool):
    def show(release: str, number: int) -> Symptom:
        if release in ("1.4", "1.5"):
            return silent
        return HANG if (release >= "1.4") != fixed else OK

    bisection, cache = bisect(show)
    assert found(bisection) == ("first-fixed" if fixed else "first-affected", "1.3", "1.6", ("1.4", "1.5"))
    assert cache.asked.count("1.4") <= 1 and cache.asked.count("1.5") <= 1


def test_a_release_whose_control_fails_is_passed_over():
    bisection, _ = bisect(lambda release, number: HANG if release >= "1.4" else OK, broken=frozenset({"1.4"}))
    assert found(bisection) == ("first-affected", "1.3", "1.5", ("1.4",))


@pytest.mark.parametrize("at", range(4))
def test_a_fault_of_the_kit_in_one_trial_drops_neither_the_release_nor_its_good_trials(at):
    def show(release: str, number: int) -> Symptom:
        if number == at and release in ("1.3", "1.4"):
            return FAULT
        return HANG if release >= "1.4" and number % 2 else OK

    bisection, cache = bisect(show)
    assert found(bisection) == ("first-affected", "1.3", "1.4", ())
    assert isinstance(bisection.result, RaceResult)
    counted = bisection.result.affected.n + bisection.result.healthy.n
    assert counted == sum(len(kept) for kept in cache.kept.values()), "no good trial is lost to the fault"


def test_a_release_in_which_the_kit_always_fails_is_given_up_at_last():
    def show(release: str, number: int) -> Symptom:
        return FAULT if release == "1.4" else HANG if release >= "1.4" else OK

    bisection, cache = bisect(show)
    assert found(bisection) == ("first-affected", "1.3", "1.5", ("1.4",))
    assert cache.asked.count("1.4") == 4


def test_the_budget_counts_all_trials():
    bisection, cache = bisect(race([0.0] * 5 + [0.3] * 5), most=60)
    assert isinstance(bisection.result, RaceResult)
    assert not bisection.result.confident
    assert len(cache.asked) == 60


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        ({"batch": 0}, "type --trials 1 or more"),
        ({"trials": 0}, "type --trials 1 or more"),
        ({"most": 0}, "0 trials settle nothing"),
        ({"confidence": 95}, r"0\.5 to 0\.999"),
        ({"releases": ["1.0"]}, "wider range"),
    ],
)
def test_arguments_are_checked_before_anything_is_run(options, remedy):
    def show(release: str, number: int) -> Symptom:
        raise AssertionError("a trial was run")

    with pytest.raises(UserError, match=remedy):
        bisect(show, **options)


def test_a_fixed_number_of_trials_is_run_at_the_ends():
    bisection, _ = bisect(lambda release, number: HANG if release >= "1.4" else OK, trials=5)
    assert found(bisection) == ("first-affected", "1.3", "1.4", ())
    assert {one.release: one.label for one in bisection.tried}["1.9"] == "5/5"
