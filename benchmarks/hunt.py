"""Prints how fast a hunt is, how much of datasets it covers, when it finds what is known, and how many causes in time.

``python benchmarks/hunt.py [--target SPEC] [--programs 1000] [--seeds 5] [--most 4000] [--minutes 10]``. A program
counts with the CPU time of the worker and of the kit, so that a loaded machine gives the same figures.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Sequence
from statistics import median
from time import monotonic, process_time

from measure import Row, table

from repro import places, targets
from repro.hunt import corpus
from repro.hunt.campaign import NEEDS
from repro.hunt.judge import Finding
from repro.hunt.plans import Plan, Run
from repro.hunt.script import heading
from repro.hunt.search import Hunt
from repro.hunt.session import Session, session
from repro.model import TargetInfo

NEWEST = "datasets==5.2.0 pyarrow==24.0.0"
AIM_PER_S, AIM_SEEDS, AIM_WALL_S = 40.0, 4, 600.0
KNOWN: dict[str, tuple[str, Callable[[Finding], bool]]] = {
    "no bytes embedded": (
        "datasets==4.4.1 pyarrow==22.0.0",
        lambda found: found.op in {"embed", "push_to_hub"} and found.sort == "value became null",
    ),
    "wrong rows after a streamed skip": (
        "datasets==4.8.5 pyarrow==24.0.0",
        lambda found: found.op == "skip" and found.silent,
    ),
    "a sliced list read whole": (
        "datasets==5.1.0 pyarrow==24.0.0",
        lambda found: found.sort == "files opened without need",
    ),
}


class Enough(Exception):
    """What was looked for is found, or enough programs were run."""


def target_of(spec: str, *more: str) -> TargetInfo:
    found = targets.provision(spec, cache=places.cache(), requires=(*NEEDS, *more))
    assert isinstance(found, TargetInfo), found
    return found


class Timed(Hunt):
    """A hunt that makes nothing small, and ends when ``wanted`` is found or after ``most`` programs."""

    def __init__(self, worker: Session, seed: int, most: int, wanted: Callable[[Finding], bool] | None) -> None:
        super().__init__(worker, seed, shrink_s=0.0)
        self.most, self.wanted, self.causes = most, wanted, list[tuple[int, str]]()
        self.hit = False
        self.known_causes = set[tuple[str, str]]()

    def once(self, plan: Plan) -> Run:
        if self.programs >= self.most:
            raise Enough
        done = super().once(plan)
        found = done.finding
        if found is not None and not found.refusal:
            if self.wanted is not None and self.wanted(found):
                self.hit = True
                raise Enough
            key = (found.op, found.sort)
            if key not in self.known_causes:
                self.known_causes.add(key)
                self.causes.append((self.programs, f"{found.op}: {found.sort}"))
            done.finding = None  # nothing is made small
        return done


def hunted(
    worker: Session, seed: int, most: int, wanted: Callable[[Finding], bool] | None
) -> tuple[Timed, float, float]:
    """A hunt, with the CPU seconds and the seconds that it took."""
    hunt = Timed(worker, seed, most, wanted)
    cpu, spent, wall = worker.cpu_s, process_time(), monotonic()
    with contextlib.suppress(Enough):
        hunt.go(86_400.0)
    return hunt, worker.cpu_s - cpu + process_time() - spent, monotonic() - wall


def speed(spec: str, programs: int) -> tuple[list[Row], Timed]:
    """Programs a second and core, how many of them are valid, and what finds how much."""
    with session(target_of(spec)) as worker:
        worker.ask(True, [("ds = Dataset.from_dict({'a': [1]})", "got = ds[:]")])  # the start counts apart
        hunt, cpu, wall = hunted(worker, 1, programs, None)
    rate, refused = hunt.programs / cpu, sum(hunt.refused.values())
    valid = 1 - refused / hunt.programs
    return [
        Row("programs a second of CPU", f"{rate:.0f}", f"≥ {AIM_PER_S:.0f}", rate >= AIM_PER_S),
        Row("programs a second here, with what else runs", f"{hunt.programs / wall:.1f}"),
        Row("operations a program", f"{hunt.steps / hunt.programs:.1f}"),
        Row("valid programs (not refused)", f"{valid:.0%}"),
        *(Row(f"new after {after:,} programs", what) for after, what in hunt.causes),
    ], hunt


def coverage(spec: str, programs: int) -> list[Row]:
    with session(target_of(spec, "coverage"), coverage=True) as worker:
        hunted(worker, 1, programs, None)
        found = worker.covered()
    return [Row(f"lines of datasets/{name}.py", f"{share:.0%}") for name, share in found.items()]


def found_again(seeds: int, most: int) -> list[Row]:
    """After how many programs, and how much CPU, each known fault is found from nothing."""
    rows = []
    for name, (spec, wanted) in KNOWN.items():
        after, cpus, walls = list[int](), list[float](), list[float]()
        with session(target_of(spec)) as worker:
            for seed in range(1, seeds + 1):
                hunt, cpu, wall = hunted(worker, seed, most, wanted)
                print(f"{name}, seed {seed}: {hunt.programs} programs, CPU {cpu:.0f} s", file=sys.stderr, flush=True)
                if hunt.hit:
                    after.append(hunt.programs)
                    cpus.append(cpu)
                    walls.append(wall)
        rows.append(said(name, seeds, after, cpus, walls))
    return rows


def said(name: str, seeds: int, after: Sequence[int], cpus: Sequence[float], walls: Sequence[float]) -> Row:
    within = sum(cpu <= AIM_WALL_S for cpu in cpus)
    if not after:
        return Row(name, f"0 of {seeds} seeds", f"≥ {AIM_SEEDS} of 5", False)
    spent = f"CPU {median(cpus):.0f} s, wall {median(walls):.0f} s (medians)"
    what = f"{len(after)} of {seeds} seeds; after {', '.join(map(str, after))} programs; {spent}"
    return Row(name, what, f"≥ {AIM_SEEDS} of 5 in 10 min", within * 5 >= AIM_SEEDS * seeds)


def causes(spec: str, minutes: float, seed: int) -> list[Row]:
    """When a hunt that knows nothing first saw each cause; those that it also made small and saw again."""
    entries, rows, seen = corpus.load(), list[Row](), set[str]()
    with session(target_of(spec)) as worker:
        hunt = Hunt(worker, seed)
        hunt.go(60 * minutes)
    for one in hunt.found:
        known = corpus.known(entries, one.steps, one.finding)
        name = known.name if known else f"not judged: {heading(one.finding)}"
        if name not in seen:
            seen.add(name)
            silent = "silent" if one.finding.silent else "error"
            rows.append(Row(f"after {one.seconds:.0f} s, {one.programs:,} programs", f"{name} ({silent})"))
    return [*rows, Row("programs in all", f"{hunt.programs:,}"), Row("causes", str(len(seen)))]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default=NEWEST)
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--most", type=int, default=4000)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--only", choices=("speed", "coverage", "known", "causes"))
    given = parser.parse_args(arguments)
    if given.only in (None, "speed"):
        print(table(speed(given.target, given.programs)[0], "Hunt"))
    if given.only in (None, "coverage"):
        print(table(coverage(given.target, given.programs), "Coverage"))
    if given.only in (None, "known"):
        print(table(found_again(given.seeds, given.most), "Found from nothing"))
    if given.only in (None, "causes"):
        print(table(causes(given.target, given.minutes, seed=1), "Causes against time"))


if __name__ == "__main__":
    main()
