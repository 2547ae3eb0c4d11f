"""Prints how often, and after how many trials, the bisections find the right release in simulated histories.

``python benchmarks/bisection.py [--releases 40] [--seeds 200]``. Every number follows from the seeds 0, 1, 2, …
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import ceil, log2
from statistics import mean
from time import perf_counter

from tabulate import tabulate

from repro.decide.bisection import Bisector
from repro.decide.races import FREQUENT, RARE, Prior, RaceBisector, RaceResult
from repro.rates import Rate

REPEATS = 10
"""Trials of each step of a classic bisection that is repeated because the bug is a race."""


@dataclass(frozen=True, slots=True)
class History:
    """A simulated axis: releases from ``first`` on fail at rate ``affected``, the others at rate ``healthy``."""

    releases: int
    first: int
    affected: float
    healthy: float
    seed: int

    def trials(self) -> Callable[[int], bool]:
        """A function that runs one trial of a release and says whether it failed."""
        dice = random.Random(f"trials {self.seed}")
        return lambda index: dice.random() < (self.affected if index >= self.first else self.healthy)


@dataclass(frozen=True, slots=True)
class Run:
    right: bool
    trials: int
    settled: bool
    confidence_if_rare: float = 0.0


def classic(history: History) -> Run:
    """Ten trials of both bounds and of each step; one failure calls a release affected."""
    fails, spent = history.trials(), 0
    bisector = Bisector([str(i) for i in range(history.releases)])
    while (index := bisector.select()) is not None:
        bisector.record(index, "present" if sum(fails(index) for _ in range(REPEATS)) else "absent")
        spent += REPEATS
    found = [change.first for change in bisector.result().transitions]
    return Run(found == [str(history.first)], spent, settled=bool(found))


def bayesian(prior: Prior, history: History) -> Run:
    """Stops at a posterior probability of 0.95, or after 1000 trials."""
    fails, spent = history.trials(), 0
    bisector = RaceBisector([str(i) for i in range(history.releases)], prior=prior)
    while (index := bisector.select()) is not None:
        bisector.record(index, int(fails(index)))
        spent += 1
    result = bisector.result()
    return Run(_found(result) == history.first, spent, result.confident, result.confidence_if_rare)


def _found(result: RaceResult) -> int:
    """Index of the first affected release, or the number of releases if none is."""
    return len(result.posterior) - 1 if result.first is None else int(result.first)


def histories(releases: int, seeds: int, affected: float, healthy: float) -> list[History]:
    """One history per seed; the first affected release is drawn anew for each, never a bound."""
    firsts = [random.Random(f"first {seed}").randrange(1, releases) for seed in range(seeds)]
    return [History(releases, first, affected, healthy, seed) for seed, first in enumerate(firsts)]


def _columns(runs: list[Run]) -> list[str]:
    return [str(Rate(sum(run.right for run in runs), len(runs))), f"{mean(run.trials for run in runs):.1f}"]


def _mean(values: list[float]) -> str:
    return f"{mean(values):.2f}" if values else "–"


def races(releases: int, seeds: int) -> str:
    """The table of simulated races: right answers and mean trials of each way to bisect."""
    strategies = (classic, partial(bayesian, FREQUENT), partial(bayesian, RARE))
    rates = [(rate, 0.0) for rate in (0.05, 0.1, 0.2, 0.3, 0.5, 1.0)]
    rates += [(rate, 0.02) for rate in (0.1, 0.3, 0.5, 1.0)]
    rows = []
    for affected, healthy in rates:
        cases = histories(releases, seeds, affected, healthy)
        runs = [[strategy(case) for case in cases] for strategy in strategies]
        spent = [mean(run.trials for run in group) for group in runs]
        doubt = [
            [run.confidence_if_rare for run in runs[1] if run.right],
            [run.confidence_if_rare for run in runs[1] if not run.right],
        ]
        columns = [text for group in runs for text in _columns(group)]
        rows.append([affected, healthy, *columns[:4], f"{spent[1] / spent[0]:.0%}", *map(_mean, doubt), *columns[4:]])
    headers = ["rate", "healthy rate", f"classic ×{REPEATS}: right", "trials"]
    headers += [
        "Bayes: right",
        "trials",
        "of classic",
        "if rare: right ones",
        "wrong ones",
        "Bayes, rare: right",
        "trials",
    ]
    return tabulate(rows, headers, tablefmt="github", disable_numparse=True)


def bounds(releases: int, seeds: int) -> str:
    """The table of histories without a transition: every release affected, or none."""
    rows = []
    for name, first, rate in (("all affected", 0, 0.3), ("none affected", releases, 0.3)):
        cases = [History(releases, first, rate, 0.0, seed) for seed in range(seeds)]
        groups = [[bayesian(prior, case) for case in cases] for prior in (FREQUENT, RARE)]
        rows.append([name, *(text for group in groups for text in _columns(group))])
    headers = ["history", "Bayes: right", "trials", "Bayes, rare: right", "trials"]
    return tabulate(rows, headers, tablefmt="github", disable_numparse=True)


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
    parser.add_argument("--releases", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=200)
    options = parser.parse_args()
    began = perf_counter()
    print(f"Deterministic bug, both bounds tried\n\n{deterministic()}\n")
    print(f"Races: {options.releases} releases, seeds 0 to {options.seeds - 1}, one transition, mean trials")
    print("The classic way tries both bounds first, and gives up early where one of them looks wrong.\n")
    print(f"{races(options.releases, options.seeds)}\n")
    print(f"No transition in the range (1000 trials: the budget)\n\n{bounds(options.releases, options.seeds)}\n")
    print(f"{perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
