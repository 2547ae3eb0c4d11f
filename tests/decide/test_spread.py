"""What measured values say."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.decide.spread import paired_ratios, spread

values = st.lists(st.floats(0.001, 1e6), min_size=1, max_size=40)


def test_the_spread_of_known_values():
    found = spread([4, 1, 3, 2, 5.0625])
    assert (found.n, found.median, found.minimum, found.maximum) == (5, 3, 1, 5.0625)
    assert str(found) == "3 (1–5.06, n=5)"


@given(values)
def test_a_spread_is_ordered_and_ignores_the_order_of_the_values(numbers):
    found = spread(numbers)
    assert found == spread(reversed(numbers))
    assert found.minimum <= found.median * (1 + 1e-12) and found.median <= found.maximum * (1 + 1e-12)


def test_the_spread_of_nothing_is_refused():
    with pytest.raises(ValueError, match="a spread needs at least one value"):
        spread([])


def test_ratios_are_taken_within_a_round():
    assert paired_ratios({2: 4, 0: 1, 1: 2}, {0: 2, 1: 2, 2: 2}) == (2, 1, 0.5)


def test_a_round_that_lacks_one_side_gives_no_ratio():
    assert paired_ratios({0: 1, 1: 10}, {1: 5, 2: 7}) == (0.5,)


@pytest.mark.parametrize("divisor", [0, -1])
def test_a_divisor_that_is_not_positive_gives_no_ratio(divisor):
    assert paired_ratios({0: divisor, 1: 1}, {0: 1, 1: 3}) == (3,)


@given(values)
def test_the_same_values_twice_have_the_ratio_one(numbers):
    rounds = dict(enumerate(numbers))
    assert all(math.isclose(ratio, 1) for ratio in paired_ratios(rounds, rounds))
