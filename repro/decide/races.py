"""Bisection of a bug that shows in some trials only: a posterior over where it began or ended. No I/O.

The model: releases on one side of the transition fail at some unknown rate, those on the other at another, smaller one.
Neither is known, nor which side is which, so all pairs of rates of a grid are weighed by how well they explain the
trials. Every place is as probable as any other before the first trial: two neighbouring places differ in one release
only, so what decides between them is that release's own trials.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from math import exp, log, log1p
from typing import Literal, NamedTuple

from repro.errors import UserError
from repro.rates import Rate

Direction = Literal["first-affected", "first-fixed"]

HEALTHY = (0.006, 0.012, 0.025, 0.05)
"""Failure rates that the healthy side may have, all alike to begin with.

None is 0: by luck, a side that fails in one trial of fifty looks clean for a hundred, and too much would follow."""

AFFECTED = tuple(
    (rate, 1 / rate)
    for rate in (0.025, 0.04, 0.06, 0.08, 0.12, 0.17, 0.24, 0.33, 0.43, 0.55, 0.7, 0.8, 0.88, 0.93, 0.97)
)
"""The same for the affected side, with weights: rare failures weigh most, which asks for enough clean trials."""

MARGIN = 10
"""The odds of the posterior are divided by this: right on average over all rates, it is less so at the hardest ones.

With it, an answer of confidence 0.95 is right in 95 % of races at every rate tried by ``benchmarks/bisection.py``."""


@dataclass(frozen=True, slots=True)
class RaceResult:
    """What the trials so far say.

    Attributes:
        direction: whether the bug begins at the transition or ends there.
        finished: whether ``select`` has nothing more to ask for.
        confident: whether ``confidence`` has reached what was asked for (else the budget ended the search).
        last: the last release before the transition; ``None`` if all testable ones show what the newest does.
        first: the first release after it; ``None`` if all testable ones show what the oldest does.
        skipped: untestable releases between the two (or all of them, where one of the two is ``None``).
        confidence: how often an answer like this is right, even at the rates that are hardest to tell apart.
        posterior: ``posterior[i]`` is the probability under the model that the transition lies just before release i
            (0: before the oldest; n: after the newest).
        affected, healthy: failures and trials on each side of this place.
    """

    direction: Direction
    finished: bool
    confident: bool
    last: str | None
    first: str | None
    skipped: tuple[str, ...]
    confidence: float
    posterior: tuple[float, ...]
    affected: Rate
    healthy: Rate

    def __str__(self) -> str:
        """The conclusion in a sentence, with its confidence and the counts it rests on."""
        new, old = ("affected", "healthy") if self.direction == "first-affected" else ("healthy", "affected")
        if self.last is None and self.first is None:
            return "no release can be tested: give another range"
        if self.last is None:
            place = f"every release is {new}"
        elif self.first is None:
            place = f"every release is {old}"
        else:
            place = f"{old} up to {self.last}, {new} from {self.first}"
        if self.skipped:
            place += f" ({', '.join(self.skipped)} untestable)"
        doubt = "" if self.confident else "not settled: most likely "
        counts = f"failed {self.affected} affected, {self.healthy} healthy"
        return f"{doubt}{place} (confidence {int(100 * self.confidence) / 100:.2f}; {counts})"


class RaceBisector:
    """Finds the transition of a race: ``select()`` an index, run a few trials there, ``record()`` them, until ``None``.

    One transition is assumed, or none. A batch of trials a step means fewer steps and more trials in all.
    The answers depend on the records only, so replaying them resumes a search.
    """

    def __init__(self, releases: Sequence[str], *, confidence: float = 0.95, budget: int = 1000) -> None:
        if len(releases) < 2:
            raise UserError("a bisection needs at least two releases: give a wider range")
        if not 0.5 <= confidence < 1:
            raise UserError(f"confidence {confidence:g} cannot be reached: type a number from 0.5 to 0.999")
        if budget < 1:
            raise UserError(f"{budget} trials settle nothing: type a number such as 1000")
        self.releases = tuple(releases)
        self._confidence, self._budget = confidence, budget
        self._failures = [0] * len(releases)
        self._trials = [0] * len(releases)
        self._skipped: set[int] = set()
        self._remember_histories()

    def record(self, index: int, failures: int, trials: int = 1) -> None:
        """Add trials of one release, only those that say something about the bug; ``ValueError`` if it is no count."""
        if not 0 <= failures <= trials or not 0 <= index < len(self.releases):
            raise ValueError(f"{failures} of {trials} failures of release number {index} is not a count")
        self._failures[index] += failures
        self._trials[index] += trials

    def skip(self, index: int) -> None:
        """Note that the release cannot be tested; it is not selected again, and trials of it no longer count."""
        if not 0 <= index < len(self.releases):
            raise ValueError(f"there is no release number {index}")
        self._skipped.add(index)
        self._remember_histories()

    def select(self) -> int | None:
        """The release whose next trial tells most; ``None`` when confident, out of budget or nothing is testable."""
        order = self._order()
        if not order or sum(self._trials) >= self._budget:
            return None
        fits = self._fits()
        posterior = self._posterior(fits)
        top = max(posterior, key=posterior.__getitem__)
        if _confidence(posterior[top]) >= self._confidence:
            # The prior alone settles nothing: both neighbours of the place have to be tried.
            return next((i for i in self._neighbours(top) if not self._trials[i]), None)
        return order[self._most_telling(fits, posterior)]

    def result(self) -> RaceResult:
        """The most probable place, right at any time; with nothing recorded it is only the prior."""
        posterior, order = self._posterior(self._fits()), self._order()
        top = max(posterior, key=posterior.__getitem__)
        confidence, tried = _confidence(posterior[top]), all(self._trials[i] for i in self._neighbours(top))
        old, new = order[: top.cut], order[top.cut :]
        inside = range(old[-1] + 1, new[0]) if old and new else range(len(self.releases))
        return RaceResult(
            direction="first-affected" if top.begins else "first-fixed",
            finished=self.select() is None,
            confident=bool(order) and confidence >= self._confidence and tried,
            last=self.releases[old[-1]] if old else None,
            first=self.releases[new[0]] if new else None,
            skipped=tuple(self.releases[i] for i in inside if i in self._skipped),
            confidence=confidence,
            posterior=self._per_release(posterior, top.begins),
            affected=self._rate(new if top.begins else old),
            healthy=self._rate(old if top.begins else new),
        )

    def _remember_histories(self) -> None:
        self._histories = _histories([i not in self._skipped for i in range(len(self.releases))])
        self._shares = Counter(place for _, place in self._histories)

    def _order(self) -> list[int]:
        """Testable releases, oldest first."""
        return [i for i in range(len(self.releases)) if i not in self._skipped]

    def _neighbours(self, place: _Place) -> Sequence[int]:
        """The testable releases on either side of a place: two, or one at a bound."""
        return self._order()[max(place.cut - 1, 0) : place.cut + 1]

    def _rate(self, indices: Sequence[int]) -> Rate:
        return Rate(sum(self._failures[i] for i in indices), sum(self._trials[i] for i in indices))

    def _fits(self) -> dict[_Place, _Fit]:
        """How well each place that trials can tell explains them."""
        order = self._order()
        failures = [0, *accumulate(self._failures[i] for i in order)]
        trials = [0, *accumulate(self._trials[i] for i in order)]
        fits = {}
        for place in self._shares:
            old = failures[place.cut], trials[place.cut]
            new = failures[-1] - old[0], trials[-1] - old[1]
            fits[place] = _fit(*old, *new) if place.begins else _fit(*new, *old)
        return fits

    def _posterior(self, fits: Mapping[_Place, _Fit]) -> dict[_Place, float]:
        """The probability of each place that trials can tell; every history counts alike beforehand."""
        logs = {place: log(self._shares[place]) + fit.evidence for place, fit in fits.items()}
        largest = max(logs.values())
        scaled = {place: exp(value - largest) for place, value in logs.items()}
        total = sum(scaled.values())
        return {place: value / total for place, value in scaled.items()}

    def _per_release(self, posterior: Mapping[_Place, float], begins: bool) -> tuple[float, ...]:
        """The same, per release before which the change lies; places that untestable releases hide share alike."""
        found = [0.0] * (len(self.releases) + 1)
        for index, place in self._histories:
            found[index] += posterior[place] / self._shares[place]
        if not begins:  # a bug that is everywhere ends after the newest release, one that is nowhere before the oldest
            found[0], found[-1] = found[-1], found[0]
        return tuple(found)

    def _most_telling(self, fits: Mapping[_Place, _Fit], posterior: Mapping[_Place, float]) -> int:
        """The testable release whose next trial is expected to say most about the place: its information gain."""
        count = len(self._order())
        fails, noise = [0.0] * (count + 1), [0.0] * (count + 1)
        for place, weight in posterior.items():
            _, healthy, affected = fits[place]
            old, new = (healthy, affected) if place.begins else (affected, healthy)
            # What the place says of every release: a value from the oldest on, and its change at the cut. What the
            # noise is at the oldest is the same for all, so it has no say in the choice.
            fails[0] += weight * old
            fails[place.cut] += weight * (new - old)
            noise[place.cut] += weight * (_entropy(new) - _entropy(old))
        gains = [_entropy(p) - q for p, q in zip(accumulate(fails), accumulate(noise), strict=True)]
        return max(range(count), key=lambda i: round(gains[i], 12))


class _Place(NamedTuple):
    """The bug begins, or ends, after so many of the testable releases."""

    begins: bool
    cut: int


class _Fit(NamedTuple):
    """Log probability of some trials, and the failure rate that they let expect on each side."""

    evidence: float
    healthy: float
    affected: float


def _histories(testable: Sequence[bool]) -> list[tuple[int, _Place]]:
    """Every history of a bug, by the release that it changes before, and the place by which trials can tell it."""
    before = [0, *accumulate(map(int, testable))]
    found = [(index, _Place(True, cut)) for index, cut in enumerate(before)]
    for index, cut in list(enumerate(before))[1:-1]:
        # A bug that ends outside of what can be tested looks like one that is everywhere, or nowhere.
        bound = cut in (0, before[-1])
        found.append((index, _Place(True, before[-1] - cut) if bound else _Place(False, cut)))
    return found


def _confidence(weight: float) -> float:
    """The weight of a place in the posterior, as far as it can be relied on at every rate."""
    return weight / (weight + MARGIN * (1 - weight))


TINY = 1e-300
"""Instead of a likelihood that has become too small for a float."""

_HEALTHY = [(rate, log(rate), log1p(-rate)) for rate in HEALTHY]
_AFFECTED = [
    (rate, log(rate), log1p(-rate), log(weight), sum(healthy < rate for healthy in HEALTHY))
    for rate, weight in AFFECTED
]


@lru_cache(maxsize=65536)
def _fit(k_healthy: int, n_healthy: int, k_affected: int, n_affected: int) -> _Fit:
    """Weighs all pairs of a healthy rate and a higher affected one by how well they explain the trials."""
    low = [k_healthy * yes + (n_healthy - k_healthy) * no for _, yes, no in _HEALTHY]
    high = [w + k_affected * yes + (n_affected - k_affected) * no for _, yes, no, w, _ in _AFFECTED]
    scale_low, scale_high = max(low), max(high)
    weights = [exp(value - scale_low) for value in low]
    below = [0.0, *accumulate(weights)]
    rates_below = [0.0, *accumulate(weight * rate for weight, (rate, *_) in zip(weights, _HEALTHY, strict=True))]
    total = healthy = affected = 0.0
    for value, (rate, _, _, _, lower) in zip(high, _AFFECTED, strict=True):
        weight = exp(value - scale_high)
        total += weight * below[lower]
        healthy += weight * rates_below[lower]
        affected += weight * below[lower] * rate
    total = max(total, TINY)
    return _Fit(log(total) + scale_low + scale_high, healthy / total, affected / total)


def _entropy(p: float) -> float:
    """Of a yes/no answer with probability p, in nats."""
    return 0.0 if not 0 < p < 1 else -p * log(p) - (1 - p) * log(1 - p)
