"""Says which section of which notebook runs, how far the whole is, and about how long it still takes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from repro.files import write_atomic
from repro.render.words import clip

WIDTH = 80
Place = tuple[str, str]
"""Notebook and section."""
Times = dict[str, dict[str, float]]
"""Seconds by notebook and section."""

_ENOUGH_S = 5.0


def still(plan: Sequence[Place], recorded: Mapping[Place, float], current: int, elapsed_s: float) -> float | None:
    """Seconds from the start of section ``current`` to the end; ``None`` where a section was never timed. Pure.

    Recorded times are stretched by what the sections so far took against theirs: with trials to reuse all goes faster.
    """
    if any(place not in recorded for place in plan[current:]):
        return None
    before = sum(recorded.get(place, 0.0) for place in plan[:current])
    # The pace of a few seconds says little, so it is mixed with the recorded one.
    pace = (elapsed_s + _ENOUGH_S) / (before + _ENOUGH_S) if all(p in recorded for p in plan[:current]) else 1.0
    return pace * sum(recorded[place] for place in plan[current:])


def left_words(seconds: float | None) -> str:
    """``about 3 min left``, ``under 1 min left``; empty where nothing is known."""
    if seconds is None:
        return ""
    return f"about {seconds / 60:.0f} min left" if seconds >= 60 else "under 1 min left"


class Progress:
    """Prints a line a section and keeps how long each took, by depth, in ``path``."""

    def __init__(
        self,
        path: Path,
        depth: str,
        plan: Sequence[Place],
        say: Callable[[str], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path, self._depth, self._plan, self._say, self._clock = path, depth, tuple(plan), say, clock
        self._kept = _read(path)
        known = self._kept.get(depth, {})
        self._recorded = {(book, name): s for book, sections in known.items() for name, s in sections.items()}
        self._took: dict[Place, float] = {}
        self._current: Place | None = None
        self._started = self._since = clock()

    def begin(self, notebook: str, section: str) -> None:
        """The section before it has ended, and this one begins."""
        self._close()
        self._current = (notebook, section)
        number = self._plan.index(self._current) if self._current in self._plan else len(self._took)
        left = left_words(still(self._plan, self._recorded, number, self._since - self._started))
        head = f"[{number + 1:>2}/{len(self._plan)}] "
        tail = f" ({left})" if left else ""
        self._say(head + clip(f"{notebook}: {section}", WIDTH - len(head) - len(tail)) + tail)

    def end(self) -> float:
        """All sections have ended: keeps their times; returns the seconds of the whole."""
        self._close()
        times = self._kept.setdefault(self._depth, {})
        for (notebook, section), seconds in self._took.items():
            times.setdefault(notebook, {})[section] = round(seconds, 1)
        write_atomic(self._path, (json.dumps(self._kept, indent=1) + "\n").encode())
        return self._since - self._started

    def _close(self) -> None:
        now = self._clock()
        if self._current is not None:
            self._took[self._current] = self._took.get(self._current, 0.0) + now - self._since
        self._since = now


def _read(path: Path) -> dict[str, Times]:
    try:
        kept: dict[str, Times] = json.loads(path.read_text("utf-8"))
        return {d: {b: {s: float(t) for s, t in n.items()} for b, n in times.items()} for d, times in kept.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
