"""A matrix and shards on clusters whose workers and schedulers get SIGKILL at random, and what is left afterwards."""

from __future__ import annotations

import contextlib
import hashlib
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from measure import Row
from processes import Started

from repro.errors import EnvironmentFault
from repro.evidence.redact import Redactor
from repro.evidence.store import Store
from repro.run.executors import executor
from repro.run.pool import Executor, Pool
from repro.trial import caps
from repro.trial.leftovers import living, paths_of_gone_kits

Work = Callable[[Executor, Path], object]
"""Puts what it makes into the folder; the same again goes on."""


def killed(root: Path, count: int, matrix: Work, shards: Work, kills: int, seed: int = 0) -> list[Row]:
    """Both again and again, with a SIGKILL now and then, until ``kills`` were sent."""
    chance, sent, rounds, clusters = random.Random(seed), {"worker": 0, "scheduler": 0}, 0, 0
    shards(Pool(), root / "wanted")
    wanted, wrong = _content(root / "wanted"), list[str]()
    while sum(sent.values()) < kills:
        rounds += 1
        for work, folder in ((matrix, root / f"reports-{rounds}"), (shards, root / f"out-{rounds}")):
            lived = False
            while not lived:
                clusters += 1
                lived = _survived(root / f"cluster-{clusters}", work, folder, chance, sent)
        found = Store(root / f"reports-{rounds}", Redactor()).search().evidence
        if sorted(int(str(one.parameters["cell"])) for one in found) != list(range(count)):
            wrong.append(f"round {rounds}: {len(found)} trials of {count} cells")
        if _content(root / f"out-{rounds}") != wanted:
            wrong.append(f"round {rounds}: other shards")
        for path in (root / f"out-{rounds}").iterdir():
            path.unlink()
        print(f"round {rounds}: {sent}", flush=True)
    left = _left(root)
    return [
        Row("SIGKILL to a worker, to the scheduler", f"{sent['worker']}, {sent['scheduler']}", f"≥ {kills}", True),
        Row("rounds of a matrix and of all shards", str(rounds)),
        Row("each trial once, shards byte by byte", "; ".join(wrong) or "yes", "yes", not wrong),
        Row("processes, folders, cgroups left", ", ".join(left) or "none", "none", not left),
    ]


def _content(folder: Path) -> dict[str, bytes]:
    """Name -> sha256 of each file."""
    found = {}
    for path in folder.iterdir():
        with path.open("rb") as file:
            found[path.name] = hashlib.file_digest(file, "sha256").digest()
    return found


def _left(root: Path) -> list[str]:
    """What still runs or lies about; the guardians of what was killed last have a moment."""
    late = time.monotonic() + 20
    while True:
        left = [path.name for path in root.glob("cluster-*/tmp/repro-*")]
        left += [path.name for path in paths_of_gone_kits(parent for _, parent, _ in caps.candidates())]
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("TMPDIR", "").startswith(str(root)) and living(process):
                    left.append(f"process {process.pid}")
        if not left or time.monotonic() > late:
            return left
        time.sleep(0.5)


def _survived(root: Path, work: Work, folder: Path, chance: random.Random, sent: dict[str, int]) -> bool:
    """Does the work on a cluster of its own, with kills meanwhile; whether the scheduler lived until its end."""
    started, stop = Started(root, bugs=root.parent / "bugs"), threading.Event()

    def kill() -> None:
        while not stop.wait(chance.uniform(1.0, 8.0)):
            if chance.random() < 0.1:
                started.scheduler.kill()
                sent["scheduler"] += 1
                return
            sent["worker"] += started.kill_one(chance)

    killer = threading.Thread(target=kill)
    try:
        with executor(started.words) as where:
            killer.start()
            work(where, folder)
        return True
    except EnvironmentFault as error:
        if "scheduler is gone" not in str(error):
            raise
        return False
    finally:
        stop.set()
        if killer.ident:
            killer.join()
        started.close()
