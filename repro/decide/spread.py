"""What n measured values say: the middle, the spread, and ratios of paired rounds. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """Where the middle of some values lies and how far they scatter, in the unit of the values."""

    n: int
    median: float
    minimum: float
    maximum: float

    def __str__(self) -> str:
        """``1.2 (0.9–1.6, n=20)``: median, smallest, largest."""
        return f"{self.median:.3g} ({self.minimum:.3g}–{self.maximum:.3g}, n={self.n})"


def spread(values: Iterable[float]) -> Spread:
    """Median and range. Raises ValueError if there is no value."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("a spread needs at least one value")
    return Spread(len(ordered), statistics.median(ordered), ordered[0], ordered[-1])


def paired_ratios(before: Mapping[int, float], after: Mapping[int, float]) -> tuple[float, ...]:
    """``after / before`` of each round that both have; rounds whose divisor is not positive are left out."""
    return tuple(after[r] / before[r] for r in sorted(before) if r in after and before[r] > 0)
