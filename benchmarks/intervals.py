"""How often the printed 95 % interval holds the true rate, in races run until settled and in fixed numbers of trials.

``python benchmarks/intervals.py [--races 5000]``. Exact: every way a race can end, with its probability; beside it a
simulation (seed 0) of the same rule.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Callable
from statistics import NormalDist

from tabulate import tabulate

from repro.rates import CLEAN_TRIALS, Rate

RATES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 0.9, 0.95)
BATCHES = (1, 2, 3, 4, 6, 8, 12, 16, CLEAN_TRIALS)
"""Trials at a time; ``CLEAN_TRIALS`` at once is a fixed number of trials."""

Interval = Callable[[Rate], tuple[float, float]]


def printed(rate: Rate) -> tuple[float, float]:
    """The interval of the kit."""
    return rate.low, rate.high


def wilson(rate: Rate) -> tuple[float, float]:
    """The 95 % Wilson score interval, for comparison."""
    z = NormalDist().inv_cdf(0.975)
    share, weight = rate.k / rate.n, z * z / rate.n
    half = z * math.sqrt(share * (1 - share) / rate.n + weight / (4 * rate.n))
    return (share + weight / 2 - half) / (1 + weight), (share + weight / 2 + half) / (1 + weight)


def endings(rate: float, batch: int) -> dict[Rate, float]:
    """How a race that fails at ``rate`` can end when run ``batch`` trials at a time until settled: count -> chance."""
    going, ended = {Rate(0, 0): 1.0}, dict[Rate, float]()
    while going:
        grown: dict[Rate, float] = {}
        for had, chance in going.items():
            size = min(batch, had.still_needed)
            for k in range(size + 1):
                new = Rate(had.k + k, had.n + size)
                grown[new] = grown.get(new, 0) + chance * math.comb(size, k) * rate**k * (1 - rate) ** (size - k)
        ended.update((count, chance) for count, chance in grown.items() if count.settled)
        going = {count: chance for count, chance in grown.items() if not count.settled}
    return ended


def coverage(rate: float, batch: int, interval: Interval = printed) -> float:
    """The probability that the interval of such a race holds ``rate``."""
    return sum(chance for count, chance in endings(rate, batch).items() if holds(interval(count), rate))


def least(batch: int, interval: Interval = printed) -> tuple[float, float]:
    """The smallest coverage over all rates, and the rate it has it at: just beside a bound of some interval."""
    bounds = {bound for count in endings(0.5, batch) for bound in interval(count)}
    beside = (bound + side for bound in bounds for side in (-1e-9, 1e-9))
    return min((coverage(rate, batch, interval), rate) for rate in beside if 0 < rate < 1)


def holds(interval: tuple[float, float], rate: float) -> bool:
    return interval[0] <= rate <= interval[1]


def simulated(rate: float, batch: int, races: int) -> Rate:
    """How many of so many simulated races got an interval that holds their rate."""
    dice, held = random.Random(0), 0
    for _ in range(races):
        count = Rate(0, 0)
        while not count.settled:
            size = min(batch, count.still_needed)
            count = Rate(count.k + sum(dice.random() < rate for _ in range(size)), count.n + size)
        held += holds(printed(count), rate)
    return Rate(held, races)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--races", type=int, default=5000)
    races = parser.parse_args().races
    rows = [
        [rate, *(f"{coverage(rate, 1, i):.2%}" for i in (printed, wilson)), str(simulated(rate, 1, races))]
        for rate in RATES
    ]
    print(f"One trial at a time\n\n{table(rows, ['true rate', 'held', 'Wilson', f'held in {races} simulated'])}\n")
    worst = [[batch, *(f"{c:.2%} at {r:.3f}" for c, r in (least(batch), least(batch, wilson)))] for batch in BATCHES]
    print(f"The least over all rates\n\n{table(worst, ['trials at a time', 'held', 'Wilson'])}")


def table(rows: list[list[object]], headers: list[str]) -> str:
    return tabulate(rows, headers, tablefmt="github", disable_numparse=True)


if __name__ == "__main__":
    main()
