"""How often a bug shows: k of n trials, the interval of the rate, and the one rule of what may be said of it. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from repro.errors import UserError
from repro.model import Status, Verdict

LOWER_TAIL, UPPER_TAIL = 0.02, 0.026
"""How probable each bound of an interval may make counts at least as extreme as those seen.

Together below 5 %: the rest is what stopping between batches of trials can take away (``benchmarks/intervals.py``).
"""

SAFE_BELOW = 0.10
"""A race is called absent, and a fix of it safe, only if the upper 95 % bound of its rate is below this."""

FAILURES_ENOUGH = 3
"""So many failures end a race that runs until settled: more would sharpen a rate that is bad enough already."""


@dataclass(frozen=True, slots=True)
class Rate:
    """The bug showed in ``k`` of ``n`` trials; ``other`` more failed in another way, and so say nothing of it.

    ``low`` to ``high`` is a 95 % confidence interval, exact (Clopper and Pearson) and so never too narrow: whatever the
    true rate is, at least 95 % of such intervals hold it. That is true of a fixed number of trials and of a race that
    ran until ``settled``, one trial at a time or in batches. It is not true of trials added because of what the first
    ones showed.

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
        """Lower bound of the 95 % interval, in 0..1."""
        return 1 - _upper(self.n - self.k, self.n, LOWER_TAIL)

    @property
    def high(self) -> float:
        """Upper bound of the 95 % interval, in 0..1; 1 where there is no trial."""
        return _upper(self.k, self.n, UPPER_TAIL)

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
        """What may be said, in words: ``fails in 3/7 (9–82 %)``, ``not seen in 35 trials: less than 10 %``, …"""
        match self.status(race=race):
            case Status.PRESENT:
                return f"fails in {self}"
            case Status.ABSENT:
                return f"not seen in {_trials(self.n)}{f': less than {percent_above(self.high)} %' if race else ''}"
            case Status.UNSETTLED:
                return f"unsettled: not seen in {_trials(self.n)} (rate below {percent_above(self.high)} %)"
            case Status.DIFFERENT_FAILURE:
                return f"fails in another way in {self.other} of {_trials(self.n + self.other)}"
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

    def __str__(self) -> str:
        """``3/20 (2–38 %)``: rounding only ever widens the interval."""
        return f"{self.k}/{self.n} ({percent_below(self.low)}–{percent_above(self.high)} %)"


def clean_trials(limit: float) -> int:
    """How many trials without one failure put the upper bound of the rate below ``limit``, a share in 0..1.

    Raises:
        UserError: ``limit`` lies outside 0..1.
    """
    if not 0 < limit < 1:
        raise UserError(f"limit {limit:g} is no share: type a number between 0 and 1, such as 0.05")
    # With k = 0 the upper bound p solves (1 - p)^n = UPPER_TAIL; solve for n, then step over rounding.
    trials = max(1, math.floor(math.log(UPPER_TAIL) / math.log1p(-limit)))
    while Rate(0, trials).high >= limit:
        trials += 1
    return trials


def _trials(count: int) -> str:
    return f"{count} trial{'s' * (count != 1)}"


def percent_below(share: float) -> str:
    """A share in percent, rounded down: whole, but never 0 for what is more than 0."""
    return _percent(share, math.floor)


def percent_above(share: float) -> str:
    """A share in percent, rounded up: whole, but never 100 for what is less than 100."""
    return _percent(share, math.ceil)


def _percent(share: float, whole: Callable[[float], int]) -> str:
    value = 100 * share
    near = min(value, 100 - value)
    decimals = -math.floor(math.log10(near)) if 0 < near < 1 else 0
    return f"{whole(value * 10**decimals) / 10**decimals:.{decimals}f}"


@lru_cache(maxsize=4096)
def _upper(k: int, n: int, tail: float) -> float:
    """The rate at which k or fewer failures of n trials have the probability ``tail``; 1 if k = n."""
    if k == n:
        return 1.0
    low, high = k / n, 1.0
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if _at_most(k, n, middle) > tail else (low, middle)
    return high


def _at_most(k: int, n: int, rate: float) -> float:
    """Probability of at most k < n failures among n trials, for a rate above k / n: the terms shrink from k down."""
    log_term = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    term = math.exp(log_term + k * math.log(rate) + (n - k) * math.log1p(-rate))
    total = 0.0
    for i in range(k, -1, -1):
        total += term
        term *= i * (1 - rate) / ((n - i + 1) * rate)
    return total


CLEAN_TRIALS = clean_trials(SAFE_BELOW)
"""So many clean trials call a race absent: 35."""
