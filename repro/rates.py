"""How often a bug shows: k of n trials, the interval of the rate, and the one rule of what may be said of it. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist

from repro.errors import UserError
from repro.model import Status, Verdict

Z_95 = NormalDist().inv_cdf(0.975)
"""Two-sided 95 % quantile of the normal distribution, 1.96."""

SAFE_BELOW = 0.10
"""A race is called absent, and a fix of it safe, only if the upper 95 % bound of its rate is below this."""

FAILURES_ENOUGH = 3
"""So many failures end a race that runs until settled: more would sharpen a rate that is bad enough already."""


@dataclass(frozen=True, slots=True)
class Rate:
    """The bug showed in ``k`` of ``n`` trials; ``other`` more failed in another way, and so say nothing of it.

    Raises:
        ValueError: unless ``0 <= k <= n`` and ``other >= 0``.
    """

    k: int
    n: int
    other: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.k <= self.n or self.other < 0:
            raise ValueError(f"{self.k} of {self.n} trials ({self.other} others) is not a count")

    @classmethod
    def of(cls, verdicts: Iterable[Verdict]) -> Rate:
        """Counts verdicts; those that say nothing (our mistakes, missing features, broken targets) are left out."""
        told = [v for v in verdicts if v.informative]
        bug = sum(v.is_bug for v in told)
        healthy = sum(v.symptom.healthy and not v.is_bug for v in told)
        return cls(bug, bug + healthy, len(told) - bug - healthy)

    @property
    def low(self) -> float:
        """Lower bound of the 95 % Wilson score interval, in 0..1."""
        return self._bounds()[0]

    @property
    def high(self) -> float:
        """Upper bound of the 95 % Wilson score interval, in 0..1; 1 where there is no trial."""
        return self._bounds()[1]

    def _bounds(self, z: float = Z_95) -> tuple[float, float]:
        if not self.n:
            return 0.0, 1.0
        share, weight = self.k / self.n, z * z / self.n
        centre = (share + weight / 2) / (1 + weight)
        half = z / (1 + weight) * math.sqrt(share * (1 - share) / self.n + weight / (4 * self.n))
        # At k = 0 and k = n one bound is exact; rounding must not push it past the share.
        low = 0.0 if self.k == 0 else max(0.0, centre - half)
        return low, 1.0 if self.k == self.n else min(1.0, centre + half)

    def status(self, *, race: bool) -> Status:
        """The one rule. A failure is always an answer; of a race, health is one only after enough clean trials."""
        if self.k:
            return Status.PRESENT
        if self.other:
            return Status.DIFFERENT_FAILURE
        if not self.n:
            return Status.UNTESTABLE
        return Status.ABSENT if not race or self.high < SAFE_BELOW else Status.UNSETTLED

    @property
    def settled(self) -> bool:
        """Whether a race needs no more trials: enough failures, or as many trials as clean ones would take."""
        return self.k >= FAILURES_ENOUGH or self.n + self.other >= CLEAN_TRIALS

    @property
    def still_needed(self) -> int:
        """How many more trials settle it, if all of them are clean."""
        return 0 if self.settled else CLEAN_TRIALS - self.n - self.other

    def words(self, *, race: bool) -> str:
        """What may be said, in words: ``fails in 3/7 (16–75 %)``, ``not in 35 trials: less than 9.9 %``, …"""
        match self.status(race=race):
            case Status.PRESENT:
                return f"fails in {self}"
            case Status.ABSENT:
                return f"not seen in {self._trials()}{f': less than {percent(self.high)} %' if race else ''}"
            case Status.UNSETTLED:
                return f"unsettled: not seen in {self._trials()} (rate below {percent(self.high)} %)"
            case Status.DIFFERENT_FAILURE:
                return f"fails in another way in {self.other} of {self.n + self.other} trials"
            case Status.UNTESTABLE:
                return "not testable here"

    def fix_words(self, *, race: bool) -> str:
        """What may be said of a fix under which this rate was counted; correctness is judged elsewhere."""
        match self.status(race=race):
            case Status.PRESENT:
                return f"does not help: {self.words(race=race)}"
            case Status.ABSENT:
                return f"helps: {self.words(race=race)}"
            case _:
                return self.words(race=race)

    def _trials(self) -> str:
        return f"{self.n} trial{'s' * (self.n != 1)}"

    def __str__(self) -> str:
        """``3/20 (5–36 %)``."""
        return f"{self.k}/{self.n} ({percent(self.low)}–{percent(self.high)} %)"


def clean_trials(limit: float) -> int:
    """How many trials without one failure put the upper bound of the rate below ``limit``, a share in 0..1.

    Raises:
        UserError: ``limit`` lies outside 0..1.
    """
    if not 0 < limit < 1:
        raise UserError(f"limit {limit:g} is no share: type a number between 0 and 1, such as 0.05")
    # With k = 0 the upper bound is z² / (n + z²); solve for n, then step over rounding.
    trials = max(1, math.floor(Z_95 * Z_95 * (1 - limit) / limit))
    while Rate(0, trials).high >= limit:
        trials += 1
    return trials


def percent(share: float) -> str:
    """A share in percent: whole, except near 0 and 100, where ``0`` and ``100`` would claim certainty."""
    value = 100 * share
    if 0 < value < 0.995 or 99 < value < 100:
        decimals = max(1, -math.floor(math.log10(min(value, 100 - value))))
        return f"{value:.{decimals}f}"
    return f"{value:.1f}" if 9 < value < 10 else f"{value:.0f}"


CLEAN_TRIALS = clean_trials(SAFE_BELOW)
