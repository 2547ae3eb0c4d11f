"""The simulation of a cluster: exact where the answer is known, never faster than what limits it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.simulation import Site, Task, bounds, simulate

tasks = st.lists(st.builds(Task, st.floats(0.01, 10), st.floats(0, 1000)), max_size=30)
sites = st.builds(Site, st.floats(0, 1), st.floats(1, 1000), st.floats(1, 1000))


@pytest.mark.parametrize(
    ("given_tasks", "workers", "site", "seconds"),
    [
        ([], 3, Site(), 0),
        ([Task(2)] * 6, 1, Site(), 12),
        ([Task(2)] * 6, 3, Site(), 4),
        ([Task(2)] * 6, 100, Site(), 2),
        ([Task(0)] * 6, 100, Site(handover_s=0.5), 3),
        ([Task(1, 100)] * 4, 4, Site(shared=100, own=100), 5),  # all move at once: a quarter of the bandwidth each
        ([Task(1, 100)] * 4, 4, Site(shared=1e9, own=50), 3),  # each as fast as its own link
        ([Task(0, 100), Task(1, 100)], 2, Site(shared=100, own=100), 2),  # the second begins as the first ends
    ],
)
def test_it_is_exact_where_the_answer_is_known(given_tasks, workers, site, seconds):
    assert simulate(given_tasks, workers, site) == pytest.approx(seconds)


@given(tasks, st.integers(1, 40), sites)
def test_it_is_never_faster_than_any_limit_nor_slower_than_one_worker_alone(some, workers, site):
    found = simulate(some, workers, site)
    assert found >= max(bounds(some, workers, site).values()) * (1 - 1e-9)
    assert found <= simulate(some, 1, site) * (1 + 1e-9) + len(some) * site.handover_s + 1e-9


def test_the_limit_is_named_by_what_sets_it():
    slow = bounds([Task(1, 1000)] * 50, 50, Site(0.001, shared=100, own=100))
    assert max(slow, key=slow.__getitem__) == "file system"
