"""Prints how often, and after how many trials, the bisections find the right release in simulated histories.

``python benchmarks/bisection.py [--seeds 200] [--releases 5 15 40] [--step 10]``. Every number follows from the seeds.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil, log2
from time import process_time

from tabulate import tabulate

from repro.decide.bisection import Bisector
from repro.decide.races import RaceBisector
from repro.rates import Rate

AFFECTED = (0.05, 0.1, 0.25, 0.4, 0.8)
HEALTHY = (0.0, 0.01, 0.02)

REPEATS = 10
"""Trials of each step of a classic bisection that is repeated because the bug is a race."""


@dataclass(frozen=True, slots=True)
class History:
    """A simulated axis: releases from ``first`` on fail at rate ``affected``, the others at rate ``healthy``."""

    releases: int
    affected: float
    healthy: float
    seed: int

    @property
    def first(self) -> int:
        """Drawn anew for each seed; never a bound."""
        return random.Random(f"first {self.seed}").randrange(1, self.releases)

    def trials(self) -> Callable[[int, int], int]:
        """A function that runs so many trials of a release and counts the failures."""
        dice, first = random.Random(f"trials {self.seed}"), self.first

        def fails(index: int, count: int) -> int:
            rate = self.affected if index >= first else self.healthy
            return sum(dice.random() < rate for _ in range(count))

        return fails


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a simulated bisection said; ``sure`` where it claims to have found the release."""

    right: bool
    sure: bool
    trials: int


def classic(history: History) -> Outcome:
    """Ten trials of both bounds and of each step; one failure calls a release affected."""
    fails, spent = history.trials(), 0
    bisector = Bisector([str(i) for i in range(history.releases)])
    while (index := bisector.select()) is not None:
        bisector.record(index, "present" if fails(index, REPEATS) else "absent")
        spent += REPEATS
    found = [change.first for change in bisector.result().transitions]
    return Outcome(found == [str(history.first)], bool(found), spent)


def bayesian(history: History, step: int, budget: int = 1000) -> Outcome:
    """Both ends until they are settled, then ``step`` trials at a time: as ``repro bisect`` does."""
    fails, spent = history.trials(), 0
    bisector = RaceBisector([str(i) for i in range(history.releases)], budget=budget)
    for end in (0, history.releases - 1):
        rate = Rate(0, 0)
        while not rate.settled:
            rate = Rate(rate.k + fails(end, 1), rate.n + 1)
        bisector.record(end, rate.k, rate.n)
        spent += rate.n
    while (index := bisector.select()) is not None:
        bisector.record(index, fails(index, step), step)
        spent += step
    result = bisector.result()
    right = (result.direction, result.first) == ("first-affected", str(history.first))
    return Outcome(right, result.confident, spent)


def quantile(values: Sequence[int], share: float) -> int:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def races(sizes: Sequence[int], seeds: int, step: int) -> str:
    """A row a group: what is called 0.95 must be right in at least 95 % of the runs of every one."""
    rows = []
    for releases, healthy, affected in product(sizes, HEALTHY, AFFECTED):
        cases = [History(releases, affected, healthy, seed) for seed in range(seeds)]
        # Rare failures take hundreds of trials: more of them a step, so that the table is done in minutes.
        runs = [bayesian(case, step if affected <= 0.1 else max(1, step // 5)) for case in cases]
        old = [classic(case) for case in cases]
        sure = [run for run in runs if run.sure]
        spent = [run.trials for run in runs]
        rows.append(
            [
                releases,
                affected,
                healthy,
                share(sum(run.right for run in sure), len(sure)),
                f"{1 - len(sure) / seeds:.0%}",
                quantile(spent, 0.5),
                quantile(spent, 0.9),
                share(sum(run.right for run in old), sum(run.sure for run in old)),
                f"{sum(not run.sure for run in old) / seeds:.0%}",
                quantile([run.trials for run in old], 0.5),
            ]
        )
    headers = ["releases", "rate", "healthy", "right of those sure", "not settled", "trials: median", "90 %"]
    classic_headers = [f"classic ×{REPEATS}: right", "gave up", "trials: median"]
    return tabulate(rows, [*headers, *classic_headers], tablefmt="github", disable_numparse=True)


def share(k: int, n: int) -> str:
    return f"{k / n:.1%} of {n}: {Rate(k, n)}".replace(f"{k}/{n} ", "") if n else "none"


def deterministic() -> str:
    """The table of the most targets tried, over every place of the transition."""
    rows = []
    for releases in (2, 5, 10, 20, 40, 60, 100):
        most = 0
        for first in range(1, releases):
            bisector = Bisector([str(i) for i in range(releases)])
            while (index := bisector.select()) is not None:
                bisector.record(index, "present" if index >= first else "absent")
            most = max(most, len(bisector.result().tried))
        rows.append([releases, most, ceil(log2(releases)) + 2])
    return tabulate(rows, ["releases", "most tried", "⌈log2 n⌉ + 2"], tablefmt="github")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--releases", type=int, nargs="+", default=[5, 15, 40])
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--step", type=int, default=20, help="trials a step of rare failures; a fifth of it of others")
    options = parser.parse_args()
    began = process_time()
    print(f"Deterministic bug, both bounds tried\n\n{deterministic()}\n")
    print(f"Races: one transition, seeds 0 to {options.seeds - 1}, budget 1000 trials; shares with 95 % intervals")
    print("The classic way tries both bounds first, and gives up early where one of them looks wrong.\n")
    print(f"{races(options.releases, options.seeds, options.step)}\n\n{process_time() - began:.0f} s of processor time")


if __name__ == "__main__":
    main()
