"""What a Dask cluster adds: the same matrix and shards on 1, 2 and 4 worker processes, killed at random, simulated.

``python benchmarks/scale.py [--cells 500] [--shards 200] [--size 16777216] [--turns 3] [--only costs|kills]``. The pool
with as many slots and a cluster take turns, each with a part of all tasks; an overhead is the median of the ratios of
turns. With fewer cores than workers that is what counts, not the speed-up; on a machine that is not quiet the CPU does.
The start of workers and their imports, seconds once a worker, are not in it. What is simulated uses the measured times
of a trial, of a shard and of a task without work.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import psutil
from deaths import killed
from measure import Row, table, timed
from processes import PRELOAD
from simulation import Site, Task, bounds, simulate

from repro import targets
from repro.evidence.redact import Redactor
from repro.evidence.store import Store
from repro.model import TargetInfo
from repro.run.cache import TrialCache
from repro.run.executors import executor
from repro.run.pool import Budget, Executor, Job, Pool
from repro.run.question import question
from repro.run.runner import Runner
from repro.run.shards import write_shards
from repro.studies.matrix import PlannedCell, fill

WORKERS = (1, 2, 4)
AIM = 0.05
BUG = """
from pathlib import Path
from repro.bugs.declaration import *
from repro.model import Limits
BUG = Bug(
    slug="tiny", title="Writes and reads a table", summary="For a benchmark.", needs=(), default_target="tiny==1.0",
    scenarios=(Scenario("plain", "the usual"),), folder=Path(__file__).parent,
    default_limits=Limits(400 << 20, 60.0, 5.0), parameters=(Parameter("cell", "int", 0, "which cell"),),
)
"""
SCRIPT = """
import pyarrow, pyarrow.parquet
table = pyarrow.table({"n": range(100_000)})
pyarrow.parquet.write_table(table, "table.parquet")
assert pyarrow.parquet.ParquetFile("table.parquet").read() == table
"""
FULL = {"a full matrix (20,000 trials)": 20_000, "273 GB in 546 shards": 546}

Work = Callable[[Executor, int, range], object]
"""Does the tasks of these numbers, as many at a time as there are slots."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=500)
    parser.add_argument("--shards", type=int, default=200)
    parser.add_argument("--size", type=int, default=16 << 20, help="bytes of a shard")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--kills", type=int, default=50, help="at least, of workers and schedulers")
    parser.add_argument("--only", choices=("costs", "kills"))
    parser.add_argument("--bandwidth", type=float, default=2e9, help="of the shared file system, bytes a second")
    given = parser.parse_args()
    with _kit() as root:
        dataset = files(root, given.shards, given.size)

        def matrix(where: Executor, slots: int, some: range) -> None:
            cells(root, where, some, slots)

        def write(where: Executor, slots: int, some: range) -> None:
            shards(root, where, dataset.select(some))

        if given.only in (None, "costs"):
            trial_s = measured("matrix", given.cells, given.turns, matrix)
            shard_s = measured("shards", given.shards, given.turns, write)
            print(simulated(trial_s, shard_s, handover(), given.size, given.bandwidth), flush=True)
        if given.only in (None, "kills"):
            every = range(given.cells)
            rows = killed(
                root,
                given.cells,
                lambda where, reports: cells(root, where, every, 2, reports),
                lambda where, out: shards(root, where, dataset, out),
                given.kills,
            )
            print(table(rows, "Killed at random"))


def measured(name: str, count: int, turns: int, work: Work) -> float:
    """Prints one table; the seconds of a task on one slot of the pool."""
    parts = [range(count * turn // turns, count * (turn + 1) // turns) for turn in range(turns)]
    times: dict[tuple[str, int], list[Cost]] = {}
    for slots in WORKERS:
        times |= _turns(slots, parts, work)
        print(f"{name}: done with {slots}", file=sys.stderr, flush=True)
    task_s = median(one.wall_s for one in times["pool", 1])
    print(table(list(_rows(times)), f"{name}, {count} tasks of {task_s:.2f} s in {turns} turns"), flush=True)
    return task_s


class Cost(NamedTuple):
    """Seconds a task; ``cpu_s`` is of this process and all below it."""

    wall_s: float
    cpu_s: float


def _turns(slots: int, parts: list[range], work: Work) -> dict[tuple[str, int], list[Cost]]:
    """What each part costs in the pool and on a cluster; who is first changes from turn to turn."""
    costs: dict[tuple[str, int], list[Cost]] = {("pool", slots): [], ("dask", slots): []}
    for turn, part in enumerate(parts):
        for kind in ("pool", "dask") if turn % 2 else ("dask", "pool"):
            with executor(f"dask:{slots}" if kind == "dask" else None) as some:
                where = Slots(slots) if kind == "pool" else some
                work(where, slots, part[: 2 * slots])  # the first tasks import what they need
                before = _cpu_s()
                took = timed(partial(work, where, slots, part))
                costs[kind, slots].append(Cost(took / len(part), (_cpu_s() - before) / len(part)))
    return costs


def _cpu_s() -> float:
    """Seconds of CPU of this process, of those below it, and of those that they have waited for."""
    here = psutil.Process()
    return sum(sum(one.cpu_times()[:4]) for one in (here, *here.children(recursive=True)))


def _rows(costs: dict[tuple[str, int], list[Cost]]) -> Iterator[Row]:
    for slots in WORKERS:
        pairs = list(zip(costs["pool", slots], costs["dask", slots], strict=True))
        for kind in ("pool", "dask"):
            rates = [1 / one.wall_s for one in costs[kind, slots]]
            shown = f"{median(rates):.2f} ({min(rates):.2f} – {max(rates):.2f})"
            yield Row(f"{kind} of {slots}: tasks a second", shown)
        for what, ratios in (
            ("wall", [dask.wall_s / pool.wall_s - 1 for pool, dask in pairs]),
            ("CPU", [dask.cpu_s / pool.cpu_s - 1 for pool, dask in pairs]),
        ):
            words = f"{median(ratios):+.1%} ({min(ratios):+.1%} – {max(ratios):+.1%})"
            yield Row(f"dask of {slots} over pool, {what} a task", words, f"≤ +{AIM:.0%}", median(ratios) <= AIM)
        alone, many = (median(one.wall_s for one in costs["dask", n]) for n in (1, slots))
        yield Row(f"dask of {slots}: speed-up over dask of 1", f"{alone / many:.2f}")


@contextmanager
def _kit() -> Iterator[Path]:
    """A folder with a bug whose trials need no environment, here and in every worker."""
    with tempfile.TemporaryDirectory(prefix="repro-scale-") as name:
        root = Path(name)
        (root / "bugs" / "tiny").mkdir(parents=True)
        (root / "bugs" / "tiny" / "bug.py").write_text(BUG)
        (root / "bugs" / "tiny" / "minimal.py").write_text(SCRIPT)
        (root / "preload.py").write_text(PRELOAD)
        places = {"REPRO_BUGS": "bugs", "REPRO_REPORTS": "reports", "REPRO_CACHE": "cache"}
        places["DASK_DISTRIBUTED__WORKER__PRELOAD"] = "preload.py"
        os.environ |= {name: str(root / place) for name, place in places.items()}
        version = sys.version.split()[0]
        targets.provision = lambda spec, **how: TargetInfo(
            str(spec), Path(sys.executable), version, {"tiny": "1.0"}, "key"
        )
        yield root


def cells(root: Path, where: Executor, some: range, slots: int, reports: Path | None = None) -> None:
    """A matrix of cells, each another question, from nothing unless ``reports`` holds some."""
    reports = reports or Path(tempfile.mkdtemp(dir=root))
    cache = TrialCache(Runner(root / "cache", Store(reports, Redactor())), executor=where)
    planned = [PlannedCell(question("tiny", parameters={"cell": number}), 1) for number in some]
    fill(cache, planned, [1] * len(some), where.room(Budget(slots << 30, slots)))


def files(root: Path, count: int, size: int) -> Any:
    """A dataset of ``count`` rows, each one file of ``size`` bytes (one file under many names)."""
    from datasets import Dataset, Features, Nifti

    folder = root / "files"
    folder.mkdir()
    (folder / "0.nii").write_bytes(random.Random(0).randbytes(size))
    for number in range(1, count):
        (folder / f"{number}.nii").hardlink_to(folder / "0.nii")
    paths = [str(folder / f"{number}.nii") for number in range(count)]
    return Dataset.from_dict({"scan": paths}, features=Features({"scan": Nifti()}))


class Slots(Pool):
    """The pool with a number of slots of its own."""

    def __init__(self, slots: int) -> None:
        self._slots = slots

    def room(self, budget: Budget) -> Budget:
        return Budget(budget.memory_bytes, self._slots)


def shards(root: Path, where: Executor, dataset: Any, out: Path | None = None) -> None:
    """All shards, one a row; removed again unless ``out`` is given."""
    with tempfile.TemporaryDirectory(dir=root) as folder:
        write_shards(where, dataset, out or folder, num_shards=len(dataset))


def nothing(stop: threading.Event) -> None:
    """A job that does nothing."""


def handover(count: int = 2000) -> float:
    """Seconds a task for client and scheduler, when so many are under way that nothing waits for a message."""
    from distributed import Client, LocalCluster

    from repro.run.cluster import MEMORY, Cluster

    many: dict[str, Any] = {"n_workers": 1, "threads_per_worker": 32, "resources": {MEMORY: 1}, "memory_limit": 0}
    with LocalCluster(dashboard_address=None, **many) as cluster, Client(cluster) as client:
        where = Cluster(client)
        jobs: list[Job[None]] = [Job(lambda: None, 0, nothing)] * count
        return timed(lambda: list(where.run(jobs, where.room(Budget(0, 0)), threading.Event()))) / count


def simulated(trial_s: float, shard_s: float, handover_s: float, size: int, bandwidth: float) -> str:
    """What full jobs would take, with the measured time of a task, and what sets the limit."""
    rows: list[Row] = []
    for name, count in FULL.items():
        moved = 0.0 if "trials" in name else 1e9  # 500 MB read and written
        work = trial_s if "trials" in name else 0.0
        own = size * 2 / shard_s
        tasks, site = [Task(work, moved)] * count, Site(handover_s, bandwidth, own)
        for workers in (16, 64, 256, 1024):
            limits = bounds(tasks, workers, site)
            limit = max(limits, key=limits.__getitem__)
            took = simulate(tasks, workers, site)
            rows.append(Row(f"{name}, {workers} workers", f"{took:,.0f} s; limit: {limit}"))
    speed = f"{2 * size / shard_s / 1e6:,.0f} MB/s a worker of {bandwidth / 1e9:g} GB/s for all"
    said = f"Simulated: {trial_s:.2f} s a trial, {speed}, {1000 * handover_s:.1f} ms to hand a task over"
    return table(rows, said)


if __name__ == "__main__":
    main()
