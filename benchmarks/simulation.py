"""How long many tasks would take on many workers: pure. The workers share one file system and one scheduler.

A task computes, then moves bytes. The scheduler hands over one task at a time; the file system shares its bandwidth
among all that move bytes, of which none gets more than one worker can take.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, slots=True)
class Task:
    """Seconds of work on one worker, and bytes to and from the shared file system."""

    work_s: float
    moved_bytes: float = 0.0


@dataclass(frozen=True, slots=True)
class Site:
    """Seconds the scheduler takes for a task, and bytes a second: of the file system, and of one worker at most."""

    handover_s: float = 0.0
    shared: float = inf
    own: float = inf


def simulate(tasks: Iterable[Task], workers: int, site: Site) -> float:
    """Seconds until the last task has ended, in the order given, each on the first worker that is free."""
    waiting = list(reversed(list(tasks)))
    now = handed = moved = 0.0  # moved: bytes that each mover got since the beginning
    working: list[tuple[float, int]] = []
    moving: list[tuple[float, int]] = []
    sizes: dict[int, float] = {}
    free = workers
    while True:
        while free and waiting:
            task, number = waiting.pop(), len(sizes)
            handed = max(handed, now) + site.handover_s
            sizes[number] = task.moved_bytes
            heapq.heappush(working, (handed + task.work_s, number))
            free -= 1
        if not working and not moving:
            return now
        rate = min(site.own, site.shared / len(moving)) if moving else 0.0
        ready = working[0][0] if working else inf
        through = now + (moving[0][0] - moved) / rate if moving else inf
        if ready <= through:
            moved += rate * (ready - now) if moving else 0.0
            now, number = heapq.heappop(working)
            if sizes[number] and min(site.own, site.shared) < inf:
                heapq.heappush(moving, (moved + sizes[number], number))
            else:
                free += 1
        else:
            now, (moved, _) = through, heapq.heappop(moving)
            free += 1


def bounds(tasks: Sequence[Task], workers: int, site: Site) -> dict[str, float]:
    """Seconds below which no schedule comes, by what sets the limit; the largest is what to mend first."""
    alone = [task.work_s + task.moved_bytes / site.own for task in tasks]
    return {
        "workers": sum(alone) / workers,
        "file system": sum(task.moved_bytes for task in tasks) / site.shared,
        "scheduler": len(tasks) * site.handover_s,
        "longest task": max(alone, default=0.0),
    }
