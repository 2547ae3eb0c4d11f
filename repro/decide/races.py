"""Bisection of a bug that shows in some trials only: a posterior over where it began or ended. No I/O.

The model: releases on one side of the transition fail at some unknown rate, those on the other at another, small one;
a Beta prior on each rate makes the rates integrate out. ``select`` names the release whose next trial is expected to
say most about the place of the transition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from math import exp, lgamma, log
from typing import Literal

from repro.errors import UserError
from repro.rates import Rate

Direction = Literal["first-affected", "first-fixed"]


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed before the first trial.

    Attributes:
        healthy: Beta(a, b) of the failure rate on the healthy side.
        affected: Beta(a, b) of the failure rate on the affected side.
        bound: probability that every release is affected; as much again goes to "no release is".
    """

    healthy: tuple[float, float]
    affected: tuple[float, float]
    bound: float


FREQUENT = Prior(healthy=(0.03, 20.0), affected=(8.0, 14.0), bound=0.05)
"""The affected side fails in at least a quarter of its trials, the healthy side practically never.

Chosen by simulation for few trials there; with rarer failures, or a flaky healthy side, it is too sure of itself."""

RARE = Prior(healthy=(0.5, 30.0), affected=(1.0, 3.0), bound=0.1)
"""The affected side may fail in one trial of twenty, and the healthy side in one of fifty: costs more trials."""


@dataclass(frozen=True, slots=True)
class RaceResult:
    """What the trials so far say.

    Attributes:
        finished: whether ``select`` has nothing more to ask for.
        confident: whether ``confidence`` has reached what was asked for (else the budget ended the search).
        last: the last release before the transition; ``None`` if all testable ones show what the newest does.
        first: the first release after it; ``None`` if all testable ones show what the oldest does.
        skipped: untestable releases between the two (or beyond the last testable one, where one is ``None``).
        confidence: posterior probability of this place.
        confidence_if_rare: the same under ``RARE``: how much of it does not rest on failures being frequent. Usually
            well below ``confidence``, right or wrong; to raise it, replay the records with ``prior=RARE`` and go on.
        posterior: ``posterior[i]`` is the probability that the transition lies just before release i
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
    confidence_if_rare: float
    posterior: tuple[float, ...]
    affected: Rate
    healthy: Rate

    def __str__(self) -> str:
        """The conclusion in a sentence, with its probability and the counts it rests on."""
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
        return (
            f"{doubt}{place} (probability {self.confidence:.2f}, {self.confidence_if_rare:.2f} if failures are rare; "
            f"failed {self.affected} affected, {self.healthy} healthy)"
        )


class RaceBisector:
    """Finds the transition of a race: ``select()`` an index, run a few trials there, ``record()`` them, until ``None``.

    One transition is assumed, or none. A batch of trials a step means fewer steps and more trials in all.
    The answers depend on the records only, so replaying them resumes a search.
    """

    def __init__(
        self,
        releases: Sequence[str],
        *,
        direction: Direction = "first-affected",
        prior: Prior = FREQUENT,
        confidence: float = 0.95,
        budget: int = 1000,
    ) -> None:
        if len(releases) < 2:
            raise UserError("a bisection needs at least two releases: give a wider range")
        if not 0.5 <= confidence < 1:
            raise UserError(f"confidence {confidence:g} cannot be reached: type a number from 0.5 to 0.999")
        self.releases = tuple(releases)
        self._direction: Direction = direction
        self._prior, self._confidence, self._budget = prior, confidence, budget
        self._failures = [0] * len(releases)
        self._trials = [0] * len(releases)
        self._skipped: set[int] = set()

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

    def select(self) -> int | None:
        """The release whose next trial tells most; ``None`` when confident, out of budget or nothing is testable."""
        places, order = self._places(self._prior), self._order()
        if sum(self._trials) >= self._budget:
            return None
        top = _most_probable(places)
        if places[top].weight >= self._confidence:
            # A prior alone, or one lucky side, settles nothing: both neighbours of the place have to be tried.
            return next((i for i in _neighbours(order, top) if not self._trials[i]), None)
        # A release at position i lies on the affected side of each place p <= i: move the places over one by one.
        failing = sum(p.weight * p.healthy for p in places)
        noise = sum(p.weight * _entropy(p.healthy) for p in places)
        best, chosen = 0.0, None
        for index, place in zip(order, places, strict=False):
            failing += place.weight * (place.affected - place.healthy)
            noise += place.weight * (_entropy(place.affected) - _entropy(place.healthy))
            gain = _entropy(failing) - noise
            if chosen is None or gain > best + 1e-12:
                best, chosen = gain, index
        return chosen

    def result(self) -> RaceResult:
        """The most probable place, right at any time; with nothing recorded it is only the prior."""
        places, order = self._places(self._prior), self._order()
        top = _most_probable(places)
        below, above = order[:top], order[top:]
        forward = self._direction == "first-affected"
        old, new = (below, above) if forward else (above[::-1], below[::-1])
        inside = range(old[-1] + 1 if old else 0, new[0] if new else len(self.releases))
        weight, tried = places[top].weight, all(self._trials[i] for i in _neighbours(order, top))
        return RaceResult(
            direction=self._direction,
            finished=self.select() is None,
            confident=bool(order) and weight >= self._confidence and tried,
            last=self.releases[old[-1]] if old else None,
            first=self.releases[new[0]] if new else None,
            skipped=tuple(self.releases[i] for i in inside),
            confidence=weight,
            confidence_if_rare=self._places(RARE)[top].weight,
            posterior=self._posterior(places),
            affected=Rate(sum(self._failures[i] for i in above), sum(self._trials[i] for i in above)),
            healthy=Rate(sum(self._failures[i] for i in below), sum(self._trials[i] for i in below)),
        )

    def _all(self) -> range:
        """All releases, the healthy side first."""
        indices = range(len(self.releases))
        return indices if self._direction == "first-affected" else indices[::-1]

    def _order(self) -> list[int]:
        """Testable releases, the healthy side first."""
        return [i for i in self._all() if i not in self._skipped]

    def _cuts(self, prior: Prior) -> tuple[list[int], list[float], list[float]]:
        """Per cut (0..n releases on the healthy side): the place it belongs to (how many of those are testable)
        and its prior weight; and third, the prior weight of each place."""
        numbers = [0, *accumulate(int(i not in self._skipped) for i in self._all())]
        inner = len(self.releases) - 1
        weights = [prior.bound, *[(1 - 2 * prior.bound) / inner] * inner, prior.bound]
        places = [0.0] * (numbers[-1] + 1)
        for number, weight in zip(numbers, weights, strict=True):
            places[number] += weight
        return numbers, weights, places

    def _places(self, prior: Prior) -> list[_Place]:
        """The places that trials can tell apart: one more than there are testable releases. The weights sum to 1."""
        order = self._order()
        failures = [0, *accumulate(self._failures[i] for i in order)]
        trials = [0, *accumulate(self._trials[i] for i in order)]
        logs, rates = [], []
        for k, n, weight in zip(failures, trials, self._cuts(prior)[2], strict=True):
            sides = ((prior.healthy, k, n), (prior.affected, failures[-1] - k, trials[-1] - n))
            logs.append(log(weight) + sum(_evidence(*side) for side in sides))
            rates.append([(a + x) / (a + b + y) for (a, b), x, y in sides])
        largest = max(logs)
        scaled = [exp(value - largest) for value in logs]
        total = sum(scaled)
        return [_Place(s / total, *rate) for s, rate in zip(scaled, rates, strict=True)]

    def _posterior(self, places: list[_Place]) -> tuple[float, ...]:
        """The weights per cut in the order of the releases; untestable neighbours share theirs as the prior does."""
        numbers, weights, totals = self._cuts(self._prior)
        cuts = [places[i].weight * weight / totals[i] for i, weight in zip(numbers, weights, strict=True)]
        return tuple(cuts if self._direction == "first-affected" else cuts[::-1])


@dataclass(frozen=True, slots=True)
class _Place:
    """One place of the transition: its posterior weight and the failure rate expected on each side of it."""

    weight: float
    healthy: float
    affected: float


def _most_probable(places: Sequence[_Place]) -> int:
    return max(range(len(places)), key=lambda i: places[i].weight)


def _neighbours(order: Sequence[int], place: int) -> Sequence[int]:
    """The testable releases on either side of a place: two, or one at a bound."""
    return order[max(place - 1, 0) : place + 1]


@lru_cache(maxsize=65536)
def _evidence(beta: tuple[float, float], k: int, n: int) -> float:
    """Log probability of k failures among n trials whose rate is drawn from ``beta``."""
    a, b = beta
    return lgamma(a + k) + lgamma(b + n - k) - lgamma(a + b + n) - lgamma(a) - lgamma(b) + lgamma(a + b)


def _entropy(p: float) -> float:
    """Of a yes/no answer with probability p, in nats."""
    return 0.0 if not 0 < p < 1 else -p * log(p) - (1 - p) * log(1 - p)
