"""What k of n trials, and n measured values, can and cannot say: intervals, spreads and paired ratios. No I/O."""

from __future__ import annotations

import math
import statistics as stdlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from repro.errors import UserError

Z_95 = stdlib.NormalDist().inv_cdf(0.975)
"""Two-sided 95 % quantile of the normal distribution, 1.96."""


@dataclass(frozen=True, slots=True)
class Interval:
    """``k`` of ``n`` trials, with the bounds of the underlying rate, each in 0..1."""

    k: int
    n: int
    low: float
    high: float

    def __str__(self) -> str:
        """``3/20 (5–36 %)``."""
        return f"{self.k}/{self.n} ({_percent(self.low)}–{_percent(self.high)} %)"


@dataclass(frozen=True, slots=True)
class Spread:
    """Where the middle of some values lies and how far they scatter, in the unit of the values."""

    n: int
    median: float
    minimum: float
    maximum: float
    lower_quartile: float
    upper_quartile: float

    @property
    def iqr(self) -> float:
        """Interquartile range: the width of the middle half."""
        return self.upper_quartile - self.lower_quartile

    def __str__(self) -> str:
        """``1.2 (0.9–1.6, n=20)``: median, smallest, largest."""
        return f"{self.median:.3g} ({self.minimum:.3g}–{self.maximum:.3g}, n={self.n})"


def wilson(k: int, n: int, z: float = Z_95) -> Interval:
    """The Wilson score interval for ``k`` events in ``n`` trials; 0 of 0 says nothing and gives 0..1.

    Raises:
        ValueError: unless ``0 <= k <= n``.
    """
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} trials is not a count")
    if n == 0:
        return Interval(0, 0, 0.0, 1.0)
    share, weight = k / n, z * z / n
    centre = (share + weight / 2) / (1 + weight)
    half = z / (1 + weight) * math.sqrt(share * (1 - share) / n + weight / (4 * n))
    # At k = 0 and k = n one bound is exact; rounding must not push it past the share.
    low = 0.0 if k == 0 else max(0.0, centre - half)
    high = 1.0 if k == n else min(1.0, centre + half)
    return Interval(k, n, low, high)


def trials_for_upper_bound(limit: float, confidence: float = 0.95) -> int:
    """How many trials without one event put the upper Wilson bound of the rate below ``limit``.

    Args:
        limit: a rate between 0 and 1, such as 0.05.
        confidence: of the two-sided interval, as ``wilson`` gives it.

    Raises:
        UserError: if either lies outside 0..1.
    """
    for name, value in (("limit", limit), ("confidence", confidence)):
        if not 0 < value < 1:
            raise UserError(f"{name} {value:g} is no share: type a number between 0 and 1, such as 0.05")
    z = stdlib.NormalDist().inv_cdf(0.5 + confidence / 2)
    # With k = 0 the upper bound is z² / (n + z²); solve for n, then step over rounding.
    trials = max(1, math.floor(z * z * (1 - limit) / limit))
    while wilson(0, trials, z).high >= limit:
        trials += 1
    return trials


def spread(values: Iterable[float]) -> Spread:
    """Median, range and quartiles (linear interpolation, both ends included).

    Raises:
        ValueError: if there is no value.
    """
    ordered = sorted(values)
    if not ordered:
        raise ValueError("a spread needs at least one value")
    if len(ordered) == 1:
        return Spread(1, ordered[0], ordered[0], ordered[0], ordered[0], ordered[0])
    lower, median, upper = stdlib.quantiles(ordered, n=4, method="inclusive")
    return Spread(len(ordered), median, ordered[0], ordered[-1], lower, upper)


def paired_ratios(before: Sequence[float], after: Sequence[float]) -> tuple[float, ...]:
    """``after / before``, pair by pair: values of the same interleaved round stand at the same place.

    Raises:
        ValueError: if the lengths differ, or a value of ``before`` is not positive.
    """
    if len(before) != len(after):
        raise ValueError(f"{len(before)} and {len(after)} values do not make pairs")
    if any(value <= 0 for value in before):
        raise ValueError("a ratio needs positive values to divide by")
    return tuple(y / x for x, y in zip(before, after, strict=True))


def _percent(share: float) -> str:
    """Whole percents, except near 0 and 100, where ``0`` and ``100`` would claim certainty."""
    value = 100 * share
    if 0 < value < 0.995 or 99 < value < 100:
        decimals = max(1, -math.floor(math.log10(min(value, 100 - value))))
        return f"{value:.{decimals}f}"
    return f"{value:.0f}"
