"""Where a race begins or ends, from trials that fail only sometimes."""

import random
from collections.abc import Container, Iterable, Mapping, Sequence
from math import log
from statistics import mean
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repro.decide.races import RaceBisector, RaceResult
from repro.errors import UserError
from repro.rates import Rate


def names(count: int) -> list[str]:
    return [f"v{i}" for i in range(count)]


def search(
    rates: Sequence[float], seed: int | str, *, untestable: Container[int] = (), batch: int = 1, **options: Any
) -> tuple[RaceResult, int]:
    """Simulate trials with the given failure rate of each release until the search ends."""
    dice = random.Random(seed)
    bisector = RaceBisector(names(len(rates)), **options)
    trials = 0
    while (index := bisector.select()) is not None:
        assert not bisector.result().finished
        if index in untestable:
            bisector.skip(index)
            continue
        bisector.record(index, sum(dice.random() < rates[index] for _ in range(batch)), batch)
        trials += batch
    return bisector.result(), trials


def settled_ends(bisector: RaceBisector, rates: Sequence[float], dice: random.Random) -> None:
    """Three failures or 35 trials of either end, as they are run before a bisection begins."""
    for index in (0, len(rates) - 1):
        rate = Rate(0, 0)
        while not rate.settled:
            rate = Rate(rate.k + (dice.random() < rates[index]), rate.n + 1)
        bisector.record(index, rate.k, rate.n)


@pytest.mark.parametrize(
    ("affected", "healthy", "batch"), [(0.05, 0, 10), (0.1, 0.01, 10), (0.4, 0.02, 1), (0.8, 0, 1)]
)
def test_what_is_called_95_percent_sure_is_right_in_at_least_95_of_100(affected, healthy, batch):
    """The whole table is printed by ``benchmarks/bisection.py``; here 40 seeds of a few groups, 8 releases."""
    sure = right = 0
    for seed in range(40):
        dice = random.Random(f"{seed} {affected} {healthy}")
        first = dice.randrange(1, 8)
        rates = [healthy] * first + [affected] * (8 - first)
        bisector = RaceBisector(names(8))
        settled_ends(bisector, rates, dice)
        while (index := bisector.select()) is not None:
            bisector.record(index, sum(dice.random() < rates[index] for _ in range(batch)), batch)
        result = bisector.result()
        sure += result.confident
        right += result.confident and (result.direction, result.first) == ("first-affected", f"v{first}")
    assert sure >= 35
    assert right >= 0.95 * sure


@pytest.mark.parametrize("first", [1, 7, 19])
def test_a_bug_that_begins_and_one_that_ends_are_told_apart(first):
    ends, _ = search([1.0] * first + [0.0] * (20 - first), 1)
    assert (ends.direction, ends.last, ends.first) == ("first-fixed", f"v{first - 1}", f"v{first}")
    assert str(ends).startswith(f"affected up to v{first - 1}, healthy from v{first} (confidence 0.9")
    begins, _ = search([0.0] * first + [1.0] * (20 - first), 1)
    assert (begins.direction, begins.last, begins.first) == ("first-affected", f"v{first - 1}", f"v{first}")
    assert str(begins).startswith(f"healthy up to v{first - 1}, affected from v{first} (confidence 0.9")
    for result in (begins, ends):
        assert result.posterior.index(max(result.posterior)) == first
        assert result.affected.k == result.affected.n > 0
        assert result.healthy.k == 0 < result.healthy.n


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_the_same_trials_the_other_way_round_give_the_mirror_image(data):
    count = data.draw(st.integers(2, 9))
    untestable = data.draw(st.sets(st.integers(0, count - 1)))
    one, other = RaceBisector(names(count)), RaceBisector(names(count))
    for index in range(count):
        n = data.draw(st.integers(0, 9))
        k = data.draw(st.integers(0, n))
        one.record(index, k, n)
        other.record(count - 1 - index, k, n)
    for index in untestable:
        one.skip(index)
        other.skip(count - 1 - index)
    result, mirrored = one.result(), other.result()
    assert result.confidence == pytest.approx(mirrored.confidence)
    if result.confidence > 0.5 and result.last and result.first:
        assert result.direction != mirrored.direction
        assert result.posterior == pytest.approx(mirrored.posterior[::-1])
        assert (result.affected, result.healthy) == (mirrored.affected, mirrored.healthy)
        assert len(result.skipped) == len(mirrored.skipped)


def test_one_lucky_side_settles_nothing():
    """0 of 3 in the neighbour, while the bug shows in a tenth of the trials, is what an affected release shows too."""
    bisector = RaceBisector(names(5))
    for index, failures, trials in ((0, 0, 35), (2, 0, 3), (3, 3, 30), (4, 3, 30)):
        bisector.record(index, failures, trials)
    assert not bisector.result().confident
    assert bisector.select() in (1, 2)


@pytest.mark.parametrize(("failures", "trials", "enough"), [(20, 20, 3), (10, 20, 11), (12, 120, 70)])
def test_the_rarer_the_failures_the_more_clean_trials_the_neighbour_needs(failures, trials, enough):
    def after(clean: int) -> bool:
        bisector = RaceBisector(names(3))
        for index, k, n in ((0, 0, 35), (1, 0, clean), (2, failures, trials)):
            bisector.record(index, k, n)
        result = bisector.result()
        return result.confident and result.first == "v2"

    assert not after(enough // 2)
    assert after(2 * enough)


def test_a_range_that_is_affected_throughout_is_recognised():
    result, _ = search([0.9] * 20, 1)
    assert (result.confident, result.last, result.first) == (True, None, "v0")
    assert str(result).startswith("every release is affected (confidence 0.9")
    assert result.posterior.index(max(result.posterior)) == 0
    assert (result.healthy, result.affected.k > 0) == (Rate(0, 0), True)


def test_a_range_that_is_healthy_throughout_is_recognised():
    result, _ = search([0.0] * 20, 1)
    assert (result.confident, result.last, result.first) == (True, "v19", None)
    assert str(result).startswith("every release is healthy (confidence 0.9")
    assert result.posterior.index(max(result.posterior)) == 20
    assert result.affected == Rate(0, 0)


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("end", [0, 9])
def test_an_end_that_cannot_be_tested_is_named_and_does_not_hide_the_transition(end, fixed):
    rates = [0.0] * 4 + [0.9] * 6
    result, _ = search(rates[::-1] if fixed else rates, 2, untestable={end})
    found = ("first-fixed", "v5", "v6") if fixed else ("first-affected", "v3", "v4")
    assert (result.direction, result.last, result.first, result.skipped) == (*found, ())
    assert result.confident


def test_an_untestable_newest_release_is_no_place_for_a_fix():
    result, _ = search([0.9] * 5, 1, untestable={4})
    assert (result.last, result.first, result.skipped) == (None, "v0", ("v4",))
    assert str(result).startswith("every release is affected (v4 untestable)")
    assert result.posterior[0] == pytest.approx(result.posterior[4], abs=0.001), "v4 may be fixed, nobody knows"


def test_untestable_releases_beyond_the_last_healthy_one_are_named():
    result, _ = search([0.0] * 5, 1, untestable={3, 4})
    assert (result.last, result.first, result.skipped) == ("v2", None, ("v3", "v4"))
    assert str(result).startswith("every release is healthy (v3, v4 untestable)")


def test_trials_of_a_release_that_is_skipped_later_count_no_more():
    bisector = RaceBisector(names(4))
    for index, failures, trials in ((0, 0, 35), (1, 5, 5), (2, 5, 5), (3, 5, 5)):
        bisector.record(index, failures, trials)
    bisector.skip(2)
    assert bisector.result().affected == Rate(10, 10)


def test_untestable_releases_at_the_transition_are_named_and_not_tried_again():
    result, _ = search([0.0] * 5 + [1.0] * 5, 3, untestable={4, 5, 9})
    assert (result.last, result.first, result.skipped) == ("v3", "v6", ("v4", "v5"))
    assert "(v4, v5 untestable)" in str(result)
    inside = result.posterior[4:7]
    assert sum(inside) > 0.99
    assert inside[0] == pytest.approx(inside[1]) == pytest.approx(inside[2])


def test_skipping_alone_moves_no_probability():
    bisector = RaceBisector(names(10))
    before = bisector.result().posterior
    for index in (0, 3, 4, 9):
        bisector.skip(index)
    assert bisector.result().posterior == pytest.approx(before)


def test_a_range_without_a_testable_release_has_no_answer():
    result, trials = search([0.0] * 4, 1, untestable=range(4))
    assert (result.confident, trials) == (False, 0)
    assert str(result) == "no release can be tested: give another range"


def test_nothing_recorded_settles_nothing():
    bisector = RaceBisector(names(2), confidence=0.5)
    tried = set()
    while (index := bisector.select()) is not None:
        tried.add(index)
        assert not bisector.result().confident
        bisector.record(index, failures=index)
    assert tried == {0, 1} and bisector.result().confident


def test_the_budget_ends_the_search_and_the_result_says_that_it_is_open():
    assert search([0.0] * 3, 1, budget=1)[1] == 1
    result, trials = search([0.0] * 20 + [0.05] * 20, 1, budget=30)
    assert (trials, result.finished, result.confident) == (30, True, False)
    assert str(result).startswith("not settled: most likely")


def test_an_answer_that_is_just_short_of_certain_is_not_printed_as_certain():
    result, _ = search([0.0] * 5 + [1.0] * 5, 1, confidence=0.999)
    assert result.confidence > 0.999
    assert "(confidence 0.99; failed " in str(result)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=20))
def test_confidence_is_what_the_posterior_says_with_its_odds_divided_by_the_margin(records):
    bisector = RaceBisector(names(5))
    for index, failed in records:
        bisector.record(index, int(failed))
    result = bisector.result()
    assert 0 < result.confidence < max(result.posterior)


def test_higher_confidence_costs_more_trials():
    rates = [0.0] * 3 + [0.5] * 3
    low = mean(search(rates, seed, confidence=0.8)[1] for seed in range(8))
    assert mean(search(rates, seed, confidence=0.99)[1] for seed in range(8)) > low


def test_batches_take_fewer_steps():
    result, trials = search([0.0] * 12 + [0.5] * 28, 2, batch=4)
    assert result.first == "v12" and trials % 4 == 0


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_the_posterior_is_a_distribution_and_depends_on_the_counts_only(data):
    count = data.draw(st.integers(2, 12))
    record = st.tuples(st.integers(0, count - 1), st.integers(0, 3), st.integers(3, 6))
    records = data.draw(st.lists(record, max_size=12))
    one, other = RaceBisector(names(count)), RaceBisector(names(count))
    for bisector, order in ((one, records), (other, data.draw(st.permutations(records)))):
        for index, failures, trials in order:
            bisector.record(index, failures, trials)
    assert one.result() == other.result() and one.select() == other.select()
    assert len(one.result().posterior) == count + 1
    assert sum(one.result().posterior) == pytest.approx(1)


def test_a_record_is_one_trial_unless_it_says_more():
    bisector = RaceBisector(names(2))
    bisector.record(0, 0)
    bisector.record(1, 1)
    assert bisector.result().affected.n + bisector.result().healthy.n == 2


def entropy(chances: Sequence[float]) -> float:
    return -sum(p * log(p) for p in chances if p > 0)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_release_that_is_tried_next_is_the_one_whose_trial_settles_most(data):
    """By trying both answers of every release. The ends leave no doubt which side is which."""
    count = data.draw(st.integers(3, 7))
    fixed = data.draw(st.booleans())
    ends = [(0, 0, 35), (count - 1, data.draw(st.integers(12, 20)), 20)]
    inner = data.draw(st.lists(st.tuples(st.integers(1, count - 2), st.integers(0, 1), st.just(1)), max_size=8))

    def posterior(*more: tuple[int, int, int]) -> RaceBisector:
        bisector = RaceBisector(names(count), confidence=0.999)
        for index, k, n in (*ends, *inner, *more):
            bisector.record(count - 1 - index if fixed else index, k, n)
        return bisector

    now = posterior().result().posterior
    gains = []
    for index in range(count):
        failed, passed = (posterior((index, k, 1)).result().posterior for k in (1, 0))
        moved = max(range(count + 1), key=lambda i: abs(failed[i] - passed[i]))
        chance = (now[moved] - passed[moved]) / (failed[moved] - passed[moved])
        gains.append(entropy(now) - chance * entropy(failed) - (1 - chance) * entropy(passed))
    chosen = posterior().select()
    if chosen is not None and not posterior().result().confident:
        assert gains[count - 1 - chosen if fixed else chosen] >= max(gains) - 1e-5


def test_many_releases_and_trials_do_not_overflow():
    bisector = RaceBisector(names(3), budget=10**6)
    for index, failures, trials in ((0, 5000, 5000), (1, 0, 9000), (2, 5000, 5000)):
        bisector.record(index, failures, trials)
    assert sum(bisector.result().posterior) == pytest.approx(1)
    assert bisector.select() in (None, 0, 1, 2)


def gap(records: Mapping[int, tuple[int, int]], untestable: Iterable[int]) -> RaceBisector:
    """60 releases, most of them untestable: before any trial the transition is likely among those."""
    bisector = RaceBisector(names(60), confidence=0.5)
    for index, count in records.items():
        bisector.record(index, *count)
    for index in untestable:
        bisector.skip(index)
    return bisector


@pytest.mark.parametrize(
    ("records", "untestable", "neighbours"),
    [
        ({0: (0, 35), 59: (20, 20)}, range(2, 58), {1, 58}),
        ({0: (0, 35), 1: (0, 35), 59: (20, 20)}, range(2, 58), {58}),
        ({0: (0, 35), 58: (20, 20), 59: (20, 20)}, range(2, 58), {1}),
        ({58: (20, 20), 59: (20, 20)}, range(1, 58), {0}),
        ({0: (0, 35), 1: (0, 35)}, range(2, 59), {59}),
    ],
)
def test_both_neighbours_of_the_place_have_to_be_tried_however_likely_it_is(records, untestable, neighbours):
    bisector = gap(records, untestable)
    assert bisector.select() in neighbours
    assert not bisector.result().confident


def test_releases_further_away_need_not_be_tried():
    bisector = gap({1: (0, 35), 58: (20, 20)}, range(2, 58))
    assert bisector.select() is None
    assert bisector.result().confident


def test_impossible_counts_are_refused():
    bisector = RaceBisector(names(3))
    for record in ((0, 2, 1), (0, -1, 1), (3, 0, 1)):
        with pytest.raises(ValueError, match="not a count"):
            bisector.record(*record)
    with pytest.raises(ValueError, match="no release"):
        bisector.skip(3)


def test_mistakes_say_what_to_type():
    with pytest.raises(UserError, match=r"^a bisection needs at least two releases: give a wider range$"):
        RaceBisector(["1"])
    for confidence in (0.49, 1, 95):
        with pytest.raises(UserError, match=rf"^confidence {confidence} cannot be reached: type .* 0\.5 to 0\.999$"):
            RaceBisector(["1", "2"], confidence=confidence)
    with pytest.raises(UserError, match=r"^0 trials settle nothing: type a number such as 1000$"):
        RaceBisector(["1", "2"], budget=0)
