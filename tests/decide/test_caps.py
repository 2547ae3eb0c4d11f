"""The smallest memory cap that is survived, in as few trials as can be."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from repro.decide.caps import MIB, CapSearch
from repro.errors import UserError


def search(
    need: float, start: int, floor: int = 32, ceiling: int = 8192, **options: float
) -> tuple[CapSearch, list[int]]:
    """A search, in MiB, for what survives with ``need`` or more; and the caps it tried."""
    caps = CapSearch(start * MIB, floor * MIB, ceiling * MIB, **options)
    tried: list[int] = []
    while (cap := caps.select()) is not None:
        assert cap not in tried and cap % MIB == 0
        tried.append(cap // MIB)
        caps.record(cap, cap >= need * MIB)
    return caps, tried


@given(st.integers(32, 8192), st.integers(1, 16384), st.sampled_from([0.01, 0.05, 0.2]))
@example(need=8192, start=1, resolution=0.01)
@example(need=32, start=16384, resolution=0.01)
def test_the_search_ends_around_the_true_need_whatever_it_starts_with(need, start, resolution):
    """The smallest cap survived is at most the resolution, or 1 MiB, above the largest that was not."""
    caps, tried = search(need, start, resolution=resolution)
    assert caps.survived is not None and caps.survived >= need * MIB
    assert len(tried) <= 40
    if need == 32:
        assert caps.failed is None
    else:
        assert caps.failed is not None and caps.failed < need * MIB
        assert caps.survived <= max(caps.failed * (1 + resolution), caps.failed + MIB)


def test_from_the_start_it_steps_by_30_percent_and_then_halves_on_a_log_scale():
    assert search(150, 100)[1] == [100, 130, 169, 148, 158, 153]
    assert search(150, 200)[1] == [200, 154, 118, 135, 144, 149]


def test_it_stops_at_5_percent_unless_told_otherwise():
    caps, _ = search(150, 100)
    assert (caps.failed, caps.survived) == (148 * MIB, 153 * MIB)
    caps, _ = search(150, 100, resolution=1)
    assert (caps.failed, caps.survived) == (130 * MIB, 169 * MIB)


def test_a_resolution_that_is_just_reached_is_enough():
    caps = CapSearch(100 * MIB, 32 * MIB, 400 * MIB, 0.05)
    caps.record(100 * MIB, False)
    caps.record(105 * MIB, True)
    assert caps.select() is None


def test_nothing_survives_if_not_even_the_largest_cap_does():
    caps, tried = search(1000, 100, ceiling=400)
    assert (caps.survived, caps.failed) == (None, 400 * MIB)
    assert tried[-1] == 400


def test_nothing_fails_if_even_the_smallest_cap_survives():
    caps, tried = search(0, 100)
    assert (caps.survived, caps.failed) == (32 * MIB, None)
    assert tried[-1] == 32


def test_a_single_cap_may_be_asked_about():
    assert search(0, 500, floor=64, ceiling=64)[1] == [64]


def test_the_failed_cap_is_the_largest_that_failed_and_the_survived_one_the_smallest():
    caps = CapSearch(100 * MIB, 32 * MIB, 400 * MIB)
    for cap, survived in ((50, False), (100, False), (60, False), (300, True), (200, True), (250, True)):
        caps.record(cap * MIB, survived)
    assert (caps.failed, caps.survived) == (100 * MIB, 200 * MIB)


@pytest.mark.parametrize(("cap", "survived"), [(300, False), (200, False), (50, True), (100, True)])
def test_an_answer_that_contradicts_earlier_ones_changes_nothing(cap, survived):
    caps = CapSearch(100 * MIB, 32 * MIB, 400 * MIB)
    caps.record(200 * MIB, True)
    caps.record(100 * MIB, False)
    caps.record(cap * MIB, survived)
    assert (caps.failed, caps.survived) == (100 * MIB, 200 * MIB)


@pytest.mark.parametrize("resolution", [0, -1, 1.01])
def test_a_resolution_that_is_no_share_is_explained(resolution):
    with pytest.raises(UserError, match=f"^a resolution of {resolution} makes no sense: type a share such as 0.05$"):
        CapSearch(100, 32, 400, resolution)


@pytest.mark.parametrize(("floor", "ceiling"), [(32, 16), (0, 16)])
def test_bounds_without_a_cap_between_them_are_explained(floor, ceiling):
    with pytest.raises(UserError, match=f"^no cap lies between {floor} and {ceiling} bytes: give a larger --most$"):
        CapSearch(100, floor, ceiling)


def test_the_smallest_bounds_and_the_coarsest_resolution_are_allowed():
    assert CapSearch(1, 1, 1, 1).select() == 1
