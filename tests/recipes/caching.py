"""A child that writes a cache and kills itself at its n-th change of the disk, and readers of what is left."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from repro.recipes.arrow_cache import CacheError, open_cache, validate, write_cache

ROWS, SIZE = 7, 20_000
FEATURES = {"id": "int64", "data": "bytes"}

NURSERY = """
import json, os, signal, sys, threading, traceback
from itertools import islice
from repro.recipes.arrow_cache import commit, plan, write_cache, write_part

def counted(name, call, deadly, seen, lock):
    def wrapped(*given, **named):
        if name == "open" and not (given[1] if len(given) > 1 else named.get("flags", 0)) & (os.O_WRONLY | os.O_RDWR):
            return call(*given, **named)
        with lock:
            seen.append(name)
            if len(seen) == deadly:
                if name == "write" and len(given[1]) > 1:
                    call(given[0], bytes(given[1])[: len(given[1]) // 2])  # a write that was cut
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*given, **named)
    return wrapped

def work(folder, version, deadly, way, count, size):
    def rows(start=0):
        for number in range(start, count):
            yield {"id": version, "data": bytes([version]) * size}

    seen, lock = [], threading.Lock()
    for name in ("open", "write", "fsync", "ftruncate", "replace", "unlink", "mkdir", "rmdir"):
        setattr(os, name, counted(name, getattr(os, name), deadly, seen, lock))
    features, sizes = {"id": "int64", "data": "bytes"}, {"budget": 100_000, "shard_size": 70_000}
    if way == "parts":
        made = plan(features, folder, 3, key=str(version), **sizes)
        for part in range(3):
            write_part(made, part, islice(rows(), part, None, 3))
        commit(made)
    else:
        key = None if way == "once" else str(version)
        write_cache(rows if way == "resumed" else rows(), features, folder, key=key, **sizes)
    return len(seen)

for line in sys.stdin:
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        try:
            say = os.write
            say(theirs, str(work(*json.loads(line))).encode())
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    os.close(theirs)
    said = os.read(ours, 100).decode()
    os.close(ours)
    print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said]), flush=True)
"""


class Writers:
    """Children that write a cache, forked one after the other from a process that has imported it."""

    def __init__(self) -> None:
        self.nursery = subprocess.Popen(
            [sys.executable, "-c", NURSERY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def write(self, folder: Path, version: int, deadly: int = 0, way: str = "once") -> int | None:
        """How often the child changed the disk; None if it killed itself at change number `deadly`."""
        assert self.nursery.stdin and self.nursery.stdout
        print(json.dumps([str(folder), version, deadly, way, ROWS, SIZE]), file=self.nursery.stdin, flush=True)
        status, said = json.loads(self.nursery.stdout.readline())
        if status == -signal.SIGKILL:
            return None
        assert status == 0, "see standard error"
        return int(said)

    def close(self) -> None:
        assert self.nursery.stdin and self.nursery.stdout
        self.nursery.stdin.close()
        self.nursery.stdout.close()
        self.nursery.wait()


def version_read(folder: Path) -> int:
    """Which version a reader finds, with every byte of every row looked at; AssertionError if it is not whole."""
    cache = open_cache(folder)
    assert len(cache) == ROWS
    (version,) = {row["id"] for row in cache}
    assert all(bytes(row["data"]) == bytes([version]) * SIZE for row in cache), "mixed"
    return int(version)


def names(folder: Path) -> set[str]:
    """What is in the folder of a cache that nobody uses: beyond its version."""
    current = json.loads((folder / "current").read_bytes())["version"]
    kept = {"current", ".lock", current, f"{current}/cache.json"}
    kept |= {f"{current}/{shard.name}" for shard in open_cache(folder).meta.shards}
    return {os.path.relpath(path, folder) for path in folder.rglob("*")} ^ kept


def rows_of(version: int) -> Any:
    return ({"id": version, "data": bytes([version]) * SIZE} for _ in range(ROWS))


def killed_again_and_again(writers: Writers, root: Path, way: str, step: int = 1) -> tuple[dict[str, int], list[str]]:
    """Writers killed at every so many-th change of the disk, each followed by a look and by a write that cleans up."""
    writers.write(root / "all", 1, way=way)
    counts = {"changes": writers.write(root / "all", 2, way=way) or 0, "deaths": 0, "invalid": 0, "left": 0}
    cache, before, whys = root / "cache", 1, list[str]()
    writers.write(cache, before, way=way)
    for deadly in range(1, counts["changes"] + 1, step):
        wanted = before % 250 + 1
        counts["deaths"] += writers.write(cache, wanted, deadly, way) is None
        try:
            assert version_read(cache) in {before, wanted}, "mixed"
            validate(cache, deep=True)
            writers.write(cache, wanted, way=way)
            assert version_read(cache) == wanted, "not the new one"
        except (AssertionError, CacheError, OSError) as error:
            counts["invalid"] += 1
            whys.append(f"after change {deadly}: {error}")
        if left := names(cache):
            counts["left"] += 1
            whys.append(f"after change {deadly}: left {sorted(left)}")
        before = wanted
    return counts, whys


def _read_all_the_time(folder: str, begun: Any, over: Any, said: Any) -> None:
    counts = {"opened": 0, "failed": 0, "mixed": 0}
    why = ""
    version_read(Path(folder))
    begun.wait()
    while not over.is_set():
        try:
            version_read(Path(folder))
            counts["opened"] += 1
        except AssertionError:
            counts["mixed"] += 1
        except Exception as error:
            counts["failed"] += 1
            why = repr(error)
    said.put((counts, why))


def rebuilt_under_readers(folder: Path, rebuilds: int, readers: int) -> tuple[dict[str, int], list[str]]:
    """What readers in processes of their own saw while the cache was written anew again and again."""
    context = multiprocessing.get_context("spawn")
    begun, over, said = context.Barrier(readers + 1), context.Event(), context.Queue()
    write_cache(rows_of(0), FEATURES, folder)
    them = [context.Process(target=_read_all_the_time, args=(str(folder), begun, over, said)) for _ in range(readers)]
    for reader in them:
        reader.start()
    begun.wait()
    for number in range(rebuilds):
        write_cache(rows_of(number % 256), FEATURES, folder, shard_size=70_000)
    over.set()
    heard = [said.get(timeout=120) for _ in them]
    for reader in them:
        reader.join()
    totals = {name: sum(counts[name] for counts, _ in heard) for name in ("opened", "failed", "mixed")}
    return totals, [why for _, why in heard if why]
