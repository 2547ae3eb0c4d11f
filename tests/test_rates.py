"""What counts of a race can say, and no more than that."""

import math
from importlib import import_module

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.errors import UserError
from repro.model import Status, Symptom, Verdict
from repro.rates import CLEAN_TRIALS, SAFE_BELOW, Rate, clean_trials, percent_above, percent_below

intervals = import_module("benchmarks.intervals")
counts = st.integers(0, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
shares = st.floats(1e-9, 1 - 1e-9) | st.sampled_from([0.0, 1.0])


def at_most(k: int, n: int, rate: float) -> float:
    """Probability of at most ``k`` failures in ``n`` trials, summed up from the smallest."""
    return math.fsum(math.comb(n, i) * rate**i * (1 - rate) ** (n - i) for i in range(k + 1))


# The interval


def test_each_bound_is_the_rate_at_which_the_count_becomes_improbable():
    rate = Rate(3, 20)
    assert at_most(3, 20, rate.high) == pytest.approx(0.026)
    assert 1 - at_most(2, 20, rate.low) == pytest.approx(0.02)
    assert (round(rate.low, 4), round(rate.high, 4)) == (0.0294, 0.377)


@given(counts.filter(lambda count: 0 < count[0] < count[1]))
def test_the_bounds_are_exact_for_every_count(count):
    k, n = count
    assert at_most(k, n, Rate(k, n).high) == pytest.approx(0.026, rel=1e-6)
    assert at_most(n - k, n, 1 - Rate(k, n).low) == pytest.approx(0.02, rel=1e-6)


@given(counts)
def test_the_interval_holds_the_share_and_only_certainty_has_a_bound_at_0_or_1(count):
    k, n = count
    rate = Rate(k, n)
    assert rate.low <= (k / n if n else 0.5) <= rate.high
    assert (rate.low > 0, rate.high < 1) == (k > 0, k < n)


@given(counts.filter(lambda count: count[1] > 0))
def test_ten_times_the_trials_narrow_the_interval(count):
    k, n = count
    few, many = Rate(k, n), Rate(10 * k, 10 * n)
    assert many.high - many.low < few.high - few.low


def test_without_a_trial_every_rate_is_possible():
    assert (Rate(0, 0).low, Rate(0, 0).high) == (0, 1)


@pytest.mark.parametrize("batch", range(1, CLEAN_TRIALS + 1))
def test_95_percent_of_the_intervals_of_races_run_until_settled_hold_the_rate(batch):
    """Exact, over all rates; as many trials at a time as a machine may run, and all at once."""
    worst, rate = intervals.least(batch)
    assert worst >= 0.95, f"at a rate of {rate}"


@given(st.floats(0.005, 0.95), st.integers(1, CLEAN_TRIALS))
def test_the_ways_a_race_can_end_are_all_accounted_for(rate, batch):
    assert sum(intervals.endings(rate, batch).values()) == pytest.approx(1)
    assert 0.95 <= intervals.coverage(rate, batch) <= 1 + 1e-9


# Counting


def verdict(symptom: Symptom, is_bug: bool = False) -> Verdict:
    return Verdict(symptom, is_bug, "")


def test_only_trials_that_say_something_are_counted():
    shown = [verdict(Symptom.HANG, True), verdict(Symptom.OK), verdict(Symptom.OK), verdict(Symptom.ERROR)]
    silent = [verdict(s) for s in (Symptom.KIT_FAULT, Symptom.UNSUPPORTED, Symptom.UNSOLVABLE)]
    assert Rate.of(shown + silent) == Rate(k=1, n=3, other=1)


def test_output_that_is_fine_but_is_the_bug_is_no_health():
    assert Rate.of([verdict(Symptom.OK, True)]) == Rate(1, 1)


@pytest.mark.parametrize("count", [(-1, 5), (6, 5), (0, -1), (0, 5, -1)])
def test_impossible_counts_are_refused(count):
    with pytest.raises(ValueError, match="is not a count"):
        Rate(*count)


# The one rule


@given(counts, st.booleans())
def test_one_failure_settles_present(count, race):
    k, n = count
    assert (Rate(k, n).status(race=race) is Status.PRESENT) == (k > 0)


@given(st.integers(1, 200))
def test_a_race_is_absent_only_if_its_rate_is_shown_to_be_below_10_percent(n):
    assert Rate(0, n).status(race=True) is (Status.ABSENT if n >= 35 else Status.UNSETTLED)
    assert (Rate(0, n).high < SAFE_BELOW) == (n >= 35)
    assert Rate(0, n).status(race=False) is Status.ABSENT


@pytest.mark.parametrize("race", [True, False])
@pytest.mark.parametrize("n", [0, 1, 50])
def test_health_is_not_claimed_where_something_else_failed(n, race):
    assert Rate(0, n, other=1).status(race=race) is Status.DIFFERENT_FAILURE
    assert Rate(1, n + 1, other=1).status(race=race) is Status.PRESENT


@pytest.mark.parametrize("race", [True, False])
def test_without_a_trial_nothing_is_claimed(race):
    assert Rate(0, 0).status(race=race) is Status.UNTESTABLE


# How many trials


@given(counts, st.integers(0, 40))
def test_a_race_is_settled_by_three_failures_or_as_many_trials_as_clean_ones_would_take(count, other):
    k, n = count
    rate = Rate(k, n, other)
    assert rate.settled == (k >= 3 or n + other >= 35)
    assert rate.still_needed == (0 if rate.settled else 35 - n - other)


@given(counts)
def test_a_clean_race_that_is_settled_has_a_status_and_an_unsettled_one_has_none(count):
    rate = Rate(0, count[1])
    assert (rate.status(race=True) is Status.ABSENT) == rate.settled


def test_35_clean_trials_put_the_rate_below_ten_percent_and_72_below_five():
    assert (CLEAN_TRIALS, clean_trials(0.05)) == (35, 72)


@given(st.floats(0.001, 0.999))
def test_the_number_of_clean_trials_is_the_smallest_that_suffices(limit):
    needed = clean_trials(limit)
    assert Rate(0, needed).high < limit
    assert needed == 1 or Rate(0, needed - 1).high >= limit * (1 - 1e-9)


def test_a_bound_that_is_just_reached_is_not_below_the_limit():
    assert clean_trials(Rate(0, 10).high) == 11


@pytest.mark.parametrize("limit", [0, 1, 5])
def test_a_limit_in_percent_is_explained(limit):
    with pytest.raises(UserError, match=f"^limit {limit} is no share: type a number between 0 and 1, such as 0.05$"):
        clean_trials(limit)


# The words


@pytest.mark.parametrize(
    ("rate", "race", "words", "of_a_fix"),
    [
        (Rate(3, 7), True, "fails in 3/7 (9–82 %)", "does not help: fails in 3/7 (9–82 %)"),
        (Rate(0, 35), True, "not seen in 35 trials: less than 10 %", "helps: not seen in 35 trials: less than 10 %"),
        (Rate(0, 1), False, "not seen in 1 trial", "helps: not seen in 1 trial"),
        (Rate(0, 20), True, "unsettled: not seen in 20 trials (rate below 17 %)", None),
        (Rate(0, 1), True, "unsettled: not seen in 1 trial (rate below 98 %)", None),
        (Rate(0, 4, 2), True, "fails in another way in 2 of 6 trials", None),
        (Rate(0, 0, 1), False, "fails in another way in 1 of 1 trial", None),
        (Rate(0, 0), True, "not testable here", None),
    ],
)
def test_what_may_be_said_in_words(rate, race, words, of_a_fix):
    assert rate.words(race=race) == words
    assert rate.fix_words(race=race) == (of_a_fix or words)


@given(counts, st.integers(0, 3), st.booleans())
def test_words_never_say_more_than_the_evidence(count, other, race):
    rate = Rate(count[0], count[1], other)
    words, status = rate.fix_words(race=race), rate.status(race=race)
    assert words.startswith("helps") == (status is Status.ABSENT)
    assert words.startswith("does not help") == (status is Status.PRESENT)
    if race and status is Status.ABSENT:
        assert rate.n >= 35
    if race and status in {Status.ABSENT, Status.UNSETTLED}:
        (printed,) = [
            float(word.strip("()")) for word in words.replace("below", "than").split("than ")[1:][0].split()[:1]
        ]
        assert rate.high * 100 <= printed <= 100


@given(shares)
def test_rounding_only_widens_and_never_claims_a_certainty(share):
    low, high = float(percent_below(share)), float(percent_above(share))
    assert low <= share * 100 * (1 + 1e-9)
    assert high >= share * 100 * (1 - 1e-9)
    assert (low > 0, low < 100) == (share > 0, share < 1)
    assert (high > 0, high < 100) == (share > 0, share < 1)


@pytest.mark.parametrize(
    ("k", "n", "text"),
    [
        (3, 20, "3/20 (2–38 %)"),
        (0, 50, "0/50 (0–8 %)"),
        (50, 50, "50/50 (92–100 %)"),
        (0, 1000, "0/1000 (0–0.4 %)"),
        (999, 1000, "999/1000 (99.4–99.998 %)"),
        (0, 0, "0/0 (0–100 %)"),
    ],
)
def test_a_rate_is_printed_with_its_interval(k, n, text):
    assert str(Rate(k, n)) == text


@pytest.mark.parametrize(
    ("share", "below", "above"),
    [(0.01, "1", "1"), (0.99, "99", "99"), (0.0123, "1", "2"), (0.00123, "0.1", "0.2"), (0.9912, "99.1", "99.2")],
)
def test_decimals_are_kept_only_near_0_and_100(share, below, above):
    assert (percent_below(share), percent_above(share)) == (below, above)
