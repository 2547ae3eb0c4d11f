"""Jobs run side by side as far as their memory caps allow, each once, and an error ends them all."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.errors import UserError
from repro.run.pool import Budget, Job, run_jobs, startable

caps = st.lists(st.none() | st.integers(1, 10), max_size=12)


@given(waiting=caps, budget=st.integers(10, 30), slots=st.integers(1, 4), data=st.data())
def test_the_caps_of_what_runs_never_exceed_the_budget_and_every_job_gets_its_turn(
    waiting: list[int | None], budget: int, slots: int, data: st.DataObject
) -> None:
    left, started = list(waiting), 0
    running: list[int | None] = []
    room = Budget(budget, slots)
    while left or running:
        while (place := startable(left, running, room)) is not None:
            running.append(left.pop(place))
            started += 1
        assert running, "nothing runs, so something must fit"
        assert len(running) <= slots
        assert len(running) == 1 or None not in running
        assert sum(cap or 0 for cap in running) <= budget
        running.pop(data.draw(st.integers(0, len(running) - 1)))
    assert started == len(waiting)


def test_a_small_job_overtakes_one_that_does_not_fit_yet() -> None:
    assert startable([8, 3], [6], Budget(10, 4)) == 1


def test_a_job_without_a_cap_waits_until_it_is_alone() -> None:
    assert startable([None], [1], Budget(10, 4)) is None
    assert startable([None], [], Budget(10, 4)) == 0
    assert startable([1], [None], Budget(10, 4)) is None


def test_results_come_with_the_place_of_their_job() -> None:
    jobs = [Job(lambda n=n: n * n, 1) for n in range(20)]  # type: ignore[misc]
    assert dict(run_jobs(jobs, Budget(3, 2), threading.Event())) == {n: n * n for n in range(20)}


def test_jobs_really_overlap_up_to_the_slots() -> None:
    together = threading.Barrier(2, timeout=30)
    jobs = [Job(together.wait, 1) for _ in range(4)]
    assert len(list(run_jobs(jobs, Budget(10, 2), threading.Event()))) == 4


def test_a_cap_above_the_budget_is_refused_before_anything_runs() -> None:
    ran: list[int] = []
    with pytest.raises(UserError, match="smaller --memory"):
        list(
            run_jobs([Job(lambda: ran.append(1), 1), Job(lambda: ran.append(2), 11)], Budget(10, 2), threading.Event())
        )
    assert ran == []


def test_an_error_tells_the_other_jobs_to_stop_and_no_further_one_starts() -> None:
    stop, told, later = threading.Event(), threading.Event(), threading.Event()

    def patient() -> None:
        if stop.wait(30):
            told.set()

    def failing() -> None:
        time.sleep(0.05)
        raise UserError("no")

    jobs = [Job(patient, 1), Job(failing, 1), Job(later.set, 1)]
    with pytest.raises(UserError, match="no"):
        list(run_jobs(jobs, Budget(10, 2), stop))
    assert told.is_set()
    assert not later.is_set()
    assert not stop.is_set(), "the next study of the same runner must be able to start"
