"""What the benchmarks share: a row with its aim, the table of rows, and times in words."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from repro.render.tables import Table


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. ``met`` is ``None`` where there is no aim."""

    what: str
    measured: str
    aim: str = ""
    met: bool | None = None


def table(rows: Sequence[Row], title: str = "") -> str:
    """The rows side by side, for a terminal."""
    words = {True: "yes", False: "NO", None: ""}
    cells = tuple((row.what, row.measured, row.aim, words[row.met]) for row in rows)
    return Table(title, ("what", "measured", "aim", "met"), cells).to_text()


def timed(function: Callable[[], object]) -> float:
    """Seconds that one call takes."""
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def seconds(times: Sequence[float]) -> str:
    """Median and range: ``1.12 s (1.11 – 1.15, n 10)``; in milliseconds below a tenth of a second."""
    factor, unit = (1, "s") if median(times) >= 0.1 else (1000, "ms")
    middle, least, most = (f"{factor * value:.3g}" for value in (median(times), min(times), max(times)))
    return f"{middle} {unit} ({least} – {most}, n {len(times)})"
