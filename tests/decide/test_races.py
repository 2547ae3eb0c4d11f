"""Where a race begins or ends, from trials that fail only sometimes."""

import random
from collections.abc import Container, Sequence
from statistics import mean
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repro.decide.races import FREQUENT, RARE, RaceBisector, RaceResult
from repro.errors import UserError


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


def test_three_failures_in_ten_are_found_in_95_of_100_with_half_the_trials_of_ten_a_step():
    """40 releases, seeds 0 to 199; a classic bisection tries both bounds and at least 5 releases, ten times each."""
    right, spent = 0, []
    for seed in range(200):
        first = random.Random(f"first {seed}").randrange(1, 40)
        result, trials = search([0.0] * first + [0.3] * (40 - first), f"trials {seed}")
        right += result.first == f"v{first}"
        spent.append(trials)
    assert right >= 190
    assert mean(spent) <= 10 * (2 + 5) / 2


def test_the_rare_prior_copes_with_a_healthy_side_that_fails_in_one_of_fifty():
    right = 0
    for seed in range(60):
        first = random.Random(f"first {seed}").randrange(1, 40)
        result, _ = search([0.02] * first + [0.3] * (40 - first), f"trials {seed}", prior=RARE)
        right += result.first == f"v{first}"
    assert right >= 55


def test_a_wrong_answer_about_a_rare_race_is_not_confirmed_by_the_rare_prior():
    results = [search([0.0] * 5 + [0.05] * 15, seed)[0] for seed in range(60)]
    wrong = [r.confidence_if_rare for r in results if r.confident and r.first != "v5"]
    assert wrong and mean(wrong) < 0.8


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("first", [1, 7, 19])
def test_first_fixed_is_the_mirror_image(first, seed):
    result, _ = search([1.0] * first + [0.0] * (20 - first), seed, direction="first-fixed")
    assert (result.last, result.first) == (f"v{first - 1}", f"v{first}")
    assert result.posterior.index(max(result.posterior)) == first
    assert str(result).startswith(f"affected up to v{first - 1}, healthy from v{first} (probability 0.9")
    assert result.affected.k == result.affected.n > 0
    assert result.healthy.k == 0 < result.healthy.n


@pytest.mark.parametrize("prior", [FREQUENT, RARE])
def test_a_range_that_is_affected_throughout_is_recognised(prior):
    result, _ = search([0.9] * 20, 1, prior=prior)
    assert (result.confident, result.last, result.first) == (True, None, "v0")
    assert str(result).startswith("every release is affected")


def test_a_range_that_is_healthy_throughout_is_recognised():
    result, _ = search([0.0] * 20, 1)
    assert (result.confident, result.last, result.first) == (True, "v19", None)
    assert str(result).startswith("every release is healthy")


def test_untestable_releases_at_the_transition_are_named_and_not_tried_again():
    result, _ = search([0.0] * 5 + [1.0] * 5, 3, untestable={4, 5, 9})
    assert (result.last, result.first, result.skipped) == ("v3", "v6", ("v4", "v5"))
    assert "(v4, v5 untestable)" in str(result)
    inside = result.posterior[4:7]
    assert sum(inside) == pytest.approx(result.confidence)
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
    assert "no release can be tested" in str(result)


def test_the_prior_alone_settles_nothing():
    bisector = RaceBisector(names(2), confidence=0.8)
    tried = set()
    while (index := bisector.select()) is not None:
        tried.add(index)
        assert not bisector.result().confident
        bisector.record(index, failures=index)
    assert tried == {0, 1} and bisector.result().confident


def test_the_budget_ends_the_search_and_the_result_says_that_it_is_open():
    result, trials = search([0.0] * 20 + [0.05] * 20, 1, prior=RARE, budget=30)
    assert (trials, result.finished, result.confident) == (30, True, False)
    assert str(result).startswith("not settled: most likely")


def test_higher_confidence_costs_more_trials():
    rates = [0.0] * 10 + [0.3] * 10
    low = mean(search(rates, seed, confidence=0.8)[1] for seed in range(30))
    assert mean(search(rates, seed, confidence=0.99)[1] for seed in range(30)) > low


def test_batches_take_fewer_steps():
    result, trials = search([0.0] * 12 + [0.5] * 28, 2, batch=4)
    assert result.first == "v12" and trials % 4 == 0


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_the_posterior_is_a_distribution_and_depends_on_the_counts_only(data):
    count = data.draw(st.integers(2, 12))
    record = st.tuples(st.integers(0, count - 1), st.integers(0, 3), st.integers(3, 6))
    records = data.draw(st.lists(record, max_size=12))
    direction = data.draw(st.sampled_from(["first-affected", "first-fixed"]))
    one, other = (RaceBisector(names(count), direction=direction) for _ in range(2))
    for bisector, order in ((one, records), (other, data.draw(st.permutations(records)))):
        for index, failures, trials in order:
            bisector.record(index, failures, trials)
    assert one.result() == other.result() and one.select() == other.select()
    assert len(one.result().posterior) == count + 1
    assert sum(one.result().posterior) == pytest.approx(1)


def test_one_failure_leaves_little_doubt_that_the_release_is_affected():
    bisector = RaceBisector(names(10))
    bisector.record(4, failures=1)
    assert sum(bisector.result().posterior[:5]) > 0.99


def test_impossible_counts_are_refused():
    bisector = RaceBisector(names(3))
    for record in ((0, 2, 1), (0, -1, 1), (3, 0, 1)):
        with pytest.raises(ValueError, match="not a count"):
            bisector.record(*record)
    with pytest.raises(ValueError, match="no release"):
        bisector.skip(3)


def test_mistakes_say_what_to_type():
    with pytest.raises(UserError, match="wider range"):
        RaceBisector(["1"])
    with pytest.raises(UserError, match=r"0\.5 to 0\.999"):
        RaceBisector(["1", "2"], confidence=95)
