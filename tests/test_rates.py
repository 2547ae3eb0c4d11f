"""What counts and values can say."""

import math
from itertools import pairwise
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.errors import UserError
from repro.rates import paired_ratios, spread, trials_for_upper_bound, wilson

counts = st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
values = st.lists(st.floats(0.001, 1e6), min_size=1, max_size=40)


def test_three_of_twenty_is_the_textbook_interval():
    interval = Rate(3, 20)
    assert (round(interval.low, 4), round(interval.high, 4)) == (0.0524, 0.3604)
    assert str(interval) == "3/20 (5–36 %)"


@pytest.mark.parametrize(
    ("k", "n", "text"),
    [
        (0, 50, "0/50 (0–7 %)"),
        (50, 50, "50/50 (93–100 %)"),
        (0, 1000, "0/1000 (0–0.4 %)"),
        (999, 1000, "999/1000 (99.4–99.98 %)"),
        (0, 0, "0/0 (0–100 %)"),
    ],
)
def test_no_bound_is_rounded_to_a_certainty(k, n, text):
    assert str(Rate(k, n)) == text


@given(counts)
def test_the_interval_holds_the_share_and_mirrors(count):
    k, n = count
    interval, mirrored = Rate(k, n), Rate(n - k, n)
    assert 0 <= interval.low <= k / n <= interval.high <= 1
    assert math.isclose(interval.low, 1 - mirrored.high, abs_tol=1e-12)


@given(counts)
def test_ten_times_the_trials_narrow_the_interval(count):
    k, n = count
    few, many = Rate(k, n), Rate(10 * k, 10 * n)
    assert many.high - many.low < few.high - few.low


@pytest.mark.parametrize(("k", "n"), [(-1, 5), (6, 5)])
def test_impossible_counts_are_refused(k, n):
    with pytest.raises(ValueError, match="not a count"):
        Rate(k, n)


def test_73_clean_trials_put_the_rate_below_five_percent():
    assert trials_for_upper_bound(0.05) == 73


@given(st.floats(0.001, 0.999), st.floats(0.5, 0.999))
def test_the_number_of_trials_is_the_smallest_that_suffices(limit, confidence):
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    needed = trials_for_upper_bound(limit, confidence)
    assert Rate(0, needed, z).high < limit
    assert needed == 1 or Rate(0, needed - 1, z).high >= limit * (1 - 1e-9)


@pytest.mark.parametrize("limit", [0, 1, 5])
def test_a_limit_in_percent_is_explained(limit):
    with pytest.raises(UserError, match="between 0 and 1"):
        trials_for_upper_bound(limit)


def test_spread_of_known_values():
    found = spread([4, 1, 3, 2, 5])
    assert (found.n, found.median, found.minimum, found.maximum, found.iqr) == (5, 3, 1, 5, 2)
    assert str(found) == "3 (1–5, n=5)"


@given(values)
def test_spread_is_ordered_and_ignores_the_order_of_the_values(numbers):
    found = spread(numbers)
    assert found == spread(reversed(numbers))
    parts = [found.minimum, found.lower_quartile, found.median, found.upper_quartile, found.maximum]
    assert all(low <= high or math.isclose(low, high) for low, high in pairwise(parts))


def test_spread_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        spread([])


def test_ratios_are_taken_pair_by_pair():
    assert paired_ratios([1, 2, 4], [2, 2, 2]) == (2, 1, 0.5)


@pytest.mark.parametrize(("before", "after"), [([1, 2], [1]), ([0], [1])])
def test_values_that_make_no_ratio_are_refused(before, after):
    with pytest.raises(ValueError):
        paired_ratios(before, after)
