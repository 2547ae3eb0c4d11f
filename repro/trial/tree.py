"""The processes of one trial: which they are, how much memory they use together, and the highest it was."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterable

import psutil

from repro.trial import meters

SAMPLED = "sampled"
PROPORTIONAL = "sampled, pages that its processes share counted once"
SEARCH_EVERY_S = 1.0


class Tree:
    """A probe and all that it started.

    Descendants of ``ancestor`` (which is not counted itself unless it is the probe) are looked for at every
    ``rescan``-th sample, and so are ``strays``, at most once a second, since that searches the whole machine. Memory
    is read at each sample. A sum of RSS counts pages that a fork pool shares once for each process; how much that is
    too much is measured at a rescan (PSS) and taken off the sums until the next.
    """

    def __init__(
        self,
        pid: int,
        ancestor: int | None = None,
        strays: Callable[[], Iterable[psutil.Process]] = tuple,
        count_files: bool = False,
        rescan: int = 5,
    ) -> None:
        self.pid, self.peak, self.peak_source = pid, 0, SAMPLED
        self.known: dict[int, psutil.Process] = {}
        self._strays, self._count_files, self._rescan, self._count = strays, count_files, rescan, 0
        self._ancestor = pid if ancestor is None else ancestor
        self._shared = self._in_files = 0
        self._next_search = self._next_share = 0.0
        with contextlib.suppress(*meters.GONE):
            self.known[pid] = psutil.Process(pid)

    def sample(self, others: Iterable[int] = ()) -> tuple[int, int]:
        """Bytes of all processes together, and how many there are. ``others`` are known to belong here too."""
        scan = self._count % self._rescan == 0
        self._count += 1
        if scan:
            self._look_around(others)
        sizes = {pid: size for pid, process in self.known.items() if (size := meters.footprint(process))}
        several = len(sizes) > 1
        total = self._together(sizes)
        if (scan and time.monotonic() >= self._next_share) or (several and total > 1.05 * self.peak):
            self._measure_sharing(sizes)
            total = self._together(sizes)
        self._note_peak(total, PROPORTIONAL if several else SAMPLED)
        if list(sizes) == [self.pid] and (exact := meters.exact_peak(self.pid)):
            self._note_peak(*exact)
        return total, len(sizes)

    def _look_around(self, others: Iterable[int]) -> None:
        self.known = {pid: process for pid, process in self.known.items() if process.is_running()}
        with contextlib.suppress(*meters.GONE):
            for child in psutil.Process(self._ancestor).children(recursive=True):
                self.known.setdefault(child.pid, child)
        for pid in set(others) - self.known.keys():
            with contextlib.suppress(*meters.GONE):
                self.known[pid] = psutil.Process(pid)
        if time.monotonic() >= self._next_search:
            self._next_search = time.monotonic() + SEARCH_EVERY_S
            for stray in self._strays():
                self.known.setdefault(stray.pid, stray)

    def _together(self, sizes: dict[int, int]) -> int:
        shared = self._shared if len(sizes) > 1 else 0
        return max([sum(sizes.values()) - shared, *sizes.values()], default=0) + self._in_files

    def _measure_sharing(self, sizes: dict[int, int]) -> None:
        """Measure what a sum of RSS counts twice and what it leaves out.

        That is slow: it takes a twentieth of the time at most, and is done besides before a peak rises much.
        """
        began, alive = time.monotonic(), [self.known[pid] for pid in sizes]
        if len(alive) > 1:
            proportional = meters.proportional(alive)
            self._shared = max(0, sum(sizes.values()) - proportional) if proportional is not None else 0
        if self._count_files:
            self._in_files = meters.unmapped_memory_files(process.pid for process in alive)
        self._next_share = time.monotonic() + 20 * (time.monotonic() - began)

    def _note_peak(self, value: int, source: str) -> None:
        if value > self.peak:
            self.peak, self.peak_source = value, source

    def last_words(self) -> None:
        """Read the peak that survives the end of the process (macOS); call before it is reaped."""
        if sys.platform == "darwin" and (exact := meters.exact_peak(self.pid)):
            self._note_peak(*exact)

    def above(self, cap: int, total: int) -> bool:
        """Whether the processes really use more than ``cap`` bytes together, or the only one did a moment ago."""
        exact = self.peak if self.peak_source not in (SAMPLED, PROPORTIONAL) else 0
        if max(total, exact) <= cap:
            return False
        alive = [process for process in self.known.values() if process.is_running()]
        shared = meters.proportional(alive) if len(alive) > 1 and exact <= cap else None
        return shared is None or shared + self._in_files > cap
