"""Which release to try next when a release answers the same every time, and where its answers change. No I/O."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

from repro.errors import UserError
from repro.model import Status

Label = Hashable
"""What a release showed: a status, a symptom, any word of the caller's. ``untestable`` says nothing about the bug."""


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of label between two releases.

    Attributes:
        last: the last release tried that shows ``before``.
        first: the first release tried that shows ``after``.
        skipped: releases between the two that were tried and say nothing about the bug, each with its label.
        untried: releases between the two that were not tried yet; 0 once the search is finished.
    """

    last: str
    before: Label
    first: str
    after: Label
    skipped: tuple[tuple[str, Label], ...] = ()
    untried: int = 0

    def __str__(self) -> str:
        """``present up to 5.1.0, absent from 5.2.0``, or an interval with what lies in it."""
        if not self.skipped and not self.untried:
            return f"{self.before} up to {self.last}, {self.after} from {self.first}"
        inside = [f"{release} {label}" for release, label in self.skipped]
        if self.untried:
            inside.append(f"{self.untried} not tried yet")
        where = f"between {self.last} and {self.first}, with {', '.join(inside)}"
        return f"{self.before} to {self.after} somewhere {where}"


@dataclass(frozen=True, slots=True)
class BisectionResult:
    """What the releases tried so far say.

    Attributes:
        finished: whether nothing is left that is worth trying.
        problem: one line on why there is nothing to search for; empty if the bounds are right.
        transitions: in the order of the releases.
        tried: every release tried with its label, in the order of trying.
        assumption: what is taken for granted about the releases that were not tried.
    """

    finished: bool
    problem: str
    transitions: tuple[Transition, ...]
    tried: tuple[tuple[str, Label], ...]
    assumption: str


class Bisector:
    """Finds where releases change: ``select()`` the next index, try it, ``record()`` its label, until ``None``.

    By default it looks for the first affected or the first fixed release, whichever the two bounds call for, and tries
    both bounds first. Only ``affected`` and ``unaffected`` count; a release with any other label (another failure,
    untestable) is passed over and named. Without such releases at most ⌈log2 n⌉ + 2 are tried.

    With ``every=True`` all labels count, except ``untestable`` (where it reaches inwards from a bound it counts too),
    and every change between tested neighbours is narrowed down. Two tested neighbours with the same label are taken
    to agree with everything between them, so a label that comes back (A B A) can hide. ``grid=g`` limits that: no
    run of ``g`` or more testable releases can hide.

    Labels already known (of earlier evidence) may be recorded at any time; no release is ever selected twice.
    """

    def __init__(
        self,
        releases: Sequence[str],
        *,
        affected: Label = Status.PRESENT,
        unaffected: Label = Status.ABSENT,
        every: bool = False,
        grid: int | None = None,
    ) -> None:
        if len(releases) < 2:
            raise UserError("a bisection needs at least two releases: give a wider range")
        if len(set(releases)) < len(releases):
            raise UserError("a release is listed twice: list each once, oldest first")
        if grid is not None and (grid < 1 or not every):
            raise ValueError("a grid is a run length of 1 or more, and only for every=True")
        self.releases = tuple(releases)
        self._affected, self._unaffected = affected, unaffected
        self._every, self._grid = every, grid
        self._tried: dict[int, Label] = {}

    def record(self, index: int, label: Label) -> None:
        """Note what the release at ``index`` showed; ``ValueError`` if it contradicts an earlier record."""
        if not 0 <= index < len(self.releases):
            raise ValueError(f"there is no release number {index}")
        if self._tried.setdefault(index, label) != label:
            raise ValueError(f"{self.releases[index]} was {self._tried[index]} before, now {label}: not deterministic")

    def select(self) -> int | None:
        """Index of the release to try next; ``None`` when nothing more can be learnt."""
        for bound in (0, len(self.releases) - 1):
            if self._problem():
                return None
            if bound not in self._tried:
                return bound
        if self._problem():
            return None
        for low, high in pairwise(self._anchors()):
            if self._tried[low] != self._tried[high]:
                aim = (low + high) // 2
            elif self._grid is not None and high - low > self._grid:
                aim = low + self._grid
            else:
                continue
            untried = [i for i in range(low + 1, high) if i not in self._tried]
            if untried:
                return min(untried, key=lambda i: abs(i - aim))
        return None

    def result(self) -> BisectionResult:
        """What is known so far; meant for the end, right at any time."""
        problem = self._problem()
        changes = [] if problem else [p for p in pairwise(self._anchors()) if self._tried[p[0]] != self._tried[p[1]]]
        return BisectionResult(
            finished=self.select() is None,
            problem=problem,
            transitions=tuple(self._transition(low, high) for low, high in changes),
            tried=tuple((self.releases[i], label) for i, label in self._tried.items()),
            assumption=self._assumption(),
        )

    def _anchors(self) -> list[int]:
        """Tried releases whose label counts, in order."""
        if not self._every:
            return sorted(i for i, label in self._tried.items() if label in (self._affected, self._unaffected))
        every = range(len(self.releases))
        silent = {i for i, label in self._tried.items() if label == Status.UNTESTABLE}
        outer = {*takewhile(silent.__contains__, every), *takewhile(silent.__contains__, reversed(every))}
        return sorted(self._tried.keys() - silent | outer)

    def _transition(self, low: int, high: int) -> Transition:
        inside = range(low + 1, high)
        return Transition(
            last=self.releases[low],
            before=self._tried[low],
            first=self.releases[high],
            after=self._tried[high],
            skipped=tuple((self.releases[i], self._tried[i]) for i in inside if i in self._tried),
            untried=sum(i not in self._tried for i in inside),
        )

    def _problem(self) -> str:
        """Why the bounds, as far as they were tried, do not enclose one transition; empty if they may."""
        if self._every:
            return ""
        last = len(self.releases) - 1
        for index, name, remedy in ((0, "oldest", "start from a later"), (last, "newest", "end with an earlier")):
            label = self._tried.get(index, self._affected)
            if label not in (self._affected, self._unaffected):
                return (
                    f"the {name} release {self.releases[index]} is {label}, neither {self._affected} nor "
                    f"{self._unaffected}: {remedy} release, or look for every transition"
                )
        if {0, last} <= self._tried.keys() and self._tried[0] == self._tried[last]:
            return (
                f"{self.releases[0]} and {self.releases[last]} are both {self._tried[0]}: "
                "widen the range, or look for every transition"
            )
        return ""

    def _assumption(self) -> str:
        if not self._every:
            return f"one change between {self._affected} and {self._unaffected} in the range"
        alike = "releases between two tested ones with the same label are alike"
        return alike if self._grid is None else f"{alike}, if they are fewer than {self._grid}"
