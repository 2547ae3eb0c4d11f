"""The one pool: runs jobs side by side so that the sum of their memory caps never exceeds what the machine has.

It is the default of the executors; ``cluster.py`` is the other one.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import psutil

from repro.errors import UserError
from repro.units import format_size

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Job(Generic[T]):
    """Work under a memory cap in bytes (0: not counted); without one (``None``) it may need all, so it runs alone.

    ``sent`` is the same work for another process or machine: it pickles, and ends early once its event is set.
    ``arrived`` is called here with what came of it, and gives the result.
    """

    work: Callable[[], T]
    memory_bytes: int | None = 0
    sent: Callable[[threading.Event], T] | None = None
    arrived: Callable[[T], T] | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """Bytes that all running jobs may use together, and how many jobs may run at a time."""

    memory_bytes: int
    slots: int

    @classmethod
    def of_machine(cls, memory_bytes: int | None = None, slots: int | None = None) -> Budget:
        """What is given, else the memory that is available now and a slot for each CPU."""
        available = int(psutil.virtual_memory().available)
        return cls(memory_bytes or available, slots or os.cpu_count() or 1)


class Executor(Protocol):
    """Runs jobs side by side, somewhere."""

    def room(self, budget: Budget) -> Budget:
        """What there is for the jobs, if ``budget`` is what this machine would give."""

    def run(
        self, jobs: Sequence[Job[T]], budget: Budget, stop: threading.Event
    ) -> Generator[tuple[int, T], None, None]:
        """Yield (place, result) of each job as it ends; whatever a job raises ends the others and is raised."""


class Pool:
    """Runs jobs on this machine."""

    def room(self, budget: Budget) -> Budget:
        return budget

    def run(
        self, jobs: Sequence[Job[T]], budget: Budget, stop: threading.Event
    ) -> Generator[tuple[int, T], None, None]:
        return run_jobs(jobs, budget, stop)


def startable(waiting: Sequence[int | None], running: Sequence[int | None], budget: Budget) -> int | None:
    """Place of the first waiting cap that fits beside the running ones; ``None`` if none does. Pure."""
    if len(running) >= budget.slots or None in running:
        return None
    free = budget.memory_bytes - sum(cap for cap in running if cap is not None)
    for place, cap in enumerate(waiting):
        if not running if cap is None else cap <= free:
            return place
    return None


def check(caps: Sequence[int | None], budget: Budget) -> None:
    """Refuse a cap that would never fit, before anything is started."""
    too_large = [cap for cap in caps if cap is not None and cap > budget.memory_bytes]
    if too_large:
        raise UserError(
            f"a cap of {format_size(max(too_large))} is more than the {format_size(budget.memory_bytes)} there are "
            "for all trials together: give a smaller --memory, or free some"
        )


def run_jobs(jobs: Sequence[Job[T]], budget: Budget, stop: threading.Event) -> Generator[tuple[int, T], None, None]:
    """Yield (place, result) of each job as it ends. An error of one ends the others: ``stop`` tells them to.

    Raises:
        UserError: a cap is more than the budget; or whatever a job raises.
    """
    check([job.memory_bytes for job in jobs], budget)
    waiting = list(enumerate(jobs))
    running: dict[Future[T], tuple[int, int | None]] = {}
    with ThreadPoolExecutor(budget.slots) as pool:
        try:
            while waiting or running:
                while (place := startable([j.memory_bytes for _, j in waiting], _caps(running), budget)) is not None:
                    number, job = waiting.pop(place)
                    running[pool.submit(job.work)] = (number, job.memory_bytes)
                ended, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    number, _ = running.pop(future)
                    yield number, future.result()
        except BaseException:
            stop.set()  # Ctrl-C reaches only the main thread: the others must be told
            pool.shutdown(cancel_futures=True)
            stop.clear()
            raise


def in_order(jobs: Sequence[Job[T]], budget: Budget, stop: threading.Event) -> list[T]:
    """The results of all jobs, in the order of the jobs."""
    found = dict(run_jobs(jobs, budget, stop))
    return [found[place] for place in range(len(jobs))]


def _caps(running: dict[Future[T], tuple[int, int | None]]) -> list[int | None]:
    return [cap for _, cap in running.values()]
