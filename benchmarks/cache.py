"""What arrow_cache costs beside other ways to keep rows, in turns; its memory, kills, readers of rebuilds, validation.

``python benchmarks/cache.py [--big 1GiB] [--small-rows 200000] [--rounds 5] [--rebuilds 100] [--largest 2100MiB]
[--peers datasets,parquet,seed,...] [--only memory,write,...] [--folder DIR] [--environments DIR]``.

Each run is a process of its own (`cache_ways.py`), after a small one of the same kind in it; every way writes the same
bytes and is synced to disk within its time. Ratios are taken round by round, then their median. A peer that is no
dependency of the kit gets an environment made by uv, or is left out and the reason printed. `raw` writes the bytes to
one file and syncs it; to read, it is `cp`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from measure import Row, table

from repro.recipes.arrow_cache import CacheError, open_cache, validate, write_cache
from repro.units import about, parse_size

HERE = Path(__file__).parent
UV = str(Path(sys.executable).with_name("uv"))
WITHIN = ("raw", "cache", "seed", "datasets", "parquet")
"""Ways that need nothing beyond the kit's own environment."""
PEERS = ("seed", "datasets", "parquet", "webdataset", "mosaicml-streaming", "litdata")
SMALL, BIG = 1000, 2**20
Said = dict[str, float]

MEMORY = """
import sys
from pathlib import Path
import numpy as np
from repro.recipes.arrow_cache import Array3D, File, Sequence, write_cache
sys.path.insert(0, sys.argv[5])
from cache_ways import memory
kind, size, rows, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
with open(folder + ".source", "wb") as file:
    file.truncate(size)
feature, make = {
    "bytes": ("bytes", lambda number: bytes([number % 256]) * size),
    "paths": (File(), lambda number: folder + ".source"),
    "arrays": (Array3D((None, 2, 2), "float32"), lambda number: np.full((size // 16, 2, 2), number, "f4")),
    "sequences": (Sequence("float32"), lambda number: np.full(size // 4, number, "f4")),
}[kind]
write_cache([{"x": make(0)}], {"x": feature}, folder)
Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew with what is held now
before = memory()
write_cache(({"x": make(number)} for number in range(rows)), {"x": feature}, folder, budget=sys.argv[6])
print(memory() - before)
"""
ANONYMOUS = """
import sys
from repro.recipes.arrow_cache import open_cache
sys.path.insert(0, sys.argv[2])
from cache_ways import memory
sum(row["data"][0] for row in open_cache(sys.argv[1]))
open_cache(sys.argv[1])[0]
before = memory("RssAnon")
cache = open_cache(sys.argv[1])
print(sum(row["data"][0] for row in cache) * 0 + memory("RssAnon") - before)
"""


class Bench:
    """Runs ways in processes of their own, each in its environment."""

    def __init__(self, given: argparse.Namespace, scratch: Path) -> None:
        self.given, self.scratch = given, scratch
        self.pythons = dict.fromkeys(("raw", "cache"), sys.executable)
        for peer in given.peers if {"write", "read"} & {*given.only} else ():
            if python := sys.executable if peer in WITHIN else self.environment(peer):
                self.pythons[peer] = python

    def environment(self, peer: str) -> str | None:
        folder = self.given.environments / peer
        python = folder / "bin" / "python"
        if not python.exists():
            subprocess.run([UV, "venv", "-q", "--python", sys.executable, folder], check=True)
        made = subprocess.run(
            [UV, "pip", "install", "-q", "--python", python, peer, "numpy"], capture_output=True, text=True
        )
        works = made.returncode or subprocess.run([python, "-c", IMPORTS[peer]], capture_output=True, text=True)
        if isinstance(works, int) or works.returncode:
            reason = (made.stderr if isinstance(works, int) else works.stderr).strip().splitlines()[-1:]
            print(f"left out: {peer}: {''.join(reason)[:150]}", flush=True)
            return None
        return str(python)

    def run(self, way: str, action: str, rows: int, size: int, folder: Path) -> Said:
        command = [self.pythons[way], str(HERE / "cache_ways.py"), way, action, str(folder), str(rows), str(size)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{way} {action}: {done.stderr.strip().splitlines()[-1]}")
        said: Said = json.loads(done.stdout.splitlines()[-1])
        return said

    def rounds(self, action: str, rows: int, size: int) -> dict[str, list[Said]]:
        """Each way in turn, as often as there are rounds; what is read was written by the same way before."""
        said: dict[str, list[Said]] = {way: [] for way in self.pythons}
        stored = {way: self.scratch / way for way in said}
        if action != "write":
            for way, folder in stored.items():
                self.run(way, "write", rows, size, folder)
        for _ in range(self.given.rounds):
            for way in list(said):
                try:
                    said[way].append(self.run(way, action, rows, size, stored[way]))
                except RuntimeError as error:
                    print(f"left out: {error}"[:200], flush=True)
                    del said[way]
                if action == "write":
                    shutil.rmtree(stored[way])
        for folder in stored.values():
            shutil.rmtree(folder, ignore_errors=True)
        return said


IMPORTS = {
    "webdataset": "import webdataset",
    "mosaicml-streaming": "import streaming",
    "litdata": "import litdata",
}


def ratios(said: dict[str, list[Said]], one: str, other: str, field: str = "seconds") -> float:
    """How many times as long `other` takes as `one`: the median over the rounds."""
    return median(b[field] / max(a[field], 1e-9) for a, b in zip(said[one], said[other], strict=True))


def against(said: dict[str, list[Said]], what: str, aim: float, beside: float, note: str) -> list[Row]:
    """Our way against `raw` (`aim`) and each peer (`beside`), as how many times as fast."""
    rows = []
    for way in said:
        if way != "cache":
            wanted = aim if way == "raw" else beside
            ratio = ratios(said, "cache", way)
            words = f"{ratio:.2f} x" + (f" as fast as {note}" if way == "raw" else "")
            rows.append(Row(f"{what}: against {way}", words, f">= {wanted:g} x" if wanted else "", ratio >= wanted))
    return rows


def memory(bench: Bench) -> list[Row]:
    rows, budget = [], 64 * 2**20
    for kind in ("bytes", "paths", "arrays", "sequences"):
        for size in (1000, 32 << 10, BIG, 8 * BIG, 512 * BIG, bench.given.largest):
            if size > bench.given.largest:
                continue
            folder, count = bench.scratch / "memory", max(2, min(100_000, 400 * BIG // size))
            command = [sys.executable, "-c", MEMORY, kind, str(size), str(count), str(folder), str(HERE), str(budget)]
            risen = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            shutil.rmtree(folder)
            limit = 1.1 * budget + 1.1 * size
            rows.append(Row(f"writer's memory: {kind}, {count} rows of {about(size)}", about(risen),
                            f"<= {about(int(limit))}", risen <= limit))  # fmt: skip
    return rows


def write(bench: Bench) -> list[Row]:
    rows = against(bench.rounds("write", bench.given.big // BIG, BIG), "write, 1 MiB rows", 0.8, 1, "write and fsync")
    said = bench.rounds("write", bench.given.small_rows, SMALL)
    cost = {way: median(one["cpu"] for one in ones) / bench.given.small_rows * 1e6 for way, ones in said.items()}
    rows.append(Row("write, 1 kB rows: CPU a row", f"{cost['cache']:.2f} us", "<= 4 us", cost["cache"] <= 4))
    for way in said:
        if way not in ("raw", "cache"):
            ratio = ratios(said, "cache", way, "cpu")
            rows.append(Row(f"write, 1 kB rows: {way}", f"{cost[way]:.2f} us, {ratio:.1f} x ours", "> 1 x", ratio > 1))
    return rows


def read(bench: Bench) -> list[Row]:
    views = bench.rounds("views", bench.given.big // BIG, BIG)
    rows = against(views, "read as views", 0, 3, "cp")
    return rows + against(bench.rounds("bytes", bench.given.big // BIG, BIG), "read as bytes", 0.8, 1, "cp")


def pick(bench: Bench) -> list[Row]:
    rows = []
    for size, count, aim in ((BIG, bench.given.big // BIG, 50_000), (SMALL, bench.given.small_rows, 250_000)):
        folder = bench.scratch / "random"
        bench.run("cache", "write", count, size, folder)
        rates = []
        for _ in range(bench.given.rounds):
            rates.append(100_000 / bench.run("cache", "random", 100_000, size, folder)["seconds"])
        rows.append(Row(f"random rows of {about(size)}", f"{median(rates):,.0f} a second", f">= {aim:,}",
                        median(rates) >= aim))  # fmt: skip
        if size == BIG:
            command = [sys.executable, "-c", ANONYMOUS, str(folder), str(HERE)]
            risen = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            rows.append(Row("reader's own memory (RssAnon)", about(max(risen, 0)), "< 10 MiB", risen < 10 * 2**20))
        shutil.rmtree(folder)
    return rows


def crash_tests() -> Any:
    """`tests.recipes.caching`, which the tests share; the folder of this script hides it."""
    sys.path.append(str(HERE.parent))
    return importlib.import_module("tests.recipes.caching")


def kill(bench: Bench) -> list[Row]:
    shared, rows = crash_tests(), []
    writers = shared.Writers()
    for way in ("once", "resumed", "parts"):
        counts, whys = shared.killed_again_and_again(writers, bench.scratch / f"killed-{way}", way)
        print(*whys, sep="\n", end="\n" * bool(whys), flush=True)
        words = f"{counts['deaths']} deaths, {counts['invalid']} invalid; {counts['left']} left files"
        good = counts["deaths"] > 0 and counts["invalid"] == counts["left"] == 0
        rows.append(Row(f"killed at each of {counts['changes']} changes: {way}", words, "0 invalid, 0 left", good))
    writers.close()
    return rows


def rebuild(bench: Bench) -> list[Row]:
    folder, shared = bench.scratch / "rebuilt", crash_tests()
    counts, _ = shared.rebuilt_under_readers(folder, bench.given.rebuilds, 4)
    write_cache(shared.rows_of(1), shared.FEATURES, folder)
    left = len(shared.names(folder))
    good = counts["failed"] == counts["mixed"] == left == 0
    words = f"{counts['opened']} opened, {counts['failed']} failed, {counts['mixed']} mixed; {left} files left"
    return [Row(f"{bench.given.rebuilds} rebuilds under 4 readers", words, "0 failed, 0 mixed, 0 left", good)]


def check(bench: Bench) -> list[Row]:
    folder = bench.scratch / "checked"
    bench.run("cache", "write", bench.given.big // BIG, BIG, folder)
    stored = sum(shard.bytes for shard in open_cache(folder).meta.shards)
    times: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(bench.given.rounds):
        for deep, taken in times.items():
            began = time.perf_counter()
            validate(folder, deep)
            taken.append(time.perf_counter() - began)
    fast, rate = median(times[False]), stored / median(times[True]) / 1e9
    victim = next((folder / open_cache(folder).meta.version).glob("*.arrow"))
    with victim.open("r+b") as file:
        file.seek(stored // 8)
        byte = file.read(1)[0]
        file.seek(stored // 8)
        file.write(bytes([byte ^ 1]))
    try:
        validate(folder, deep=True)
        found = False
    except CacheError:
        found = True
    shutil.rmtree(folder)
    return [
        Row(f"fast validation of {about(stored)}", f"{fast * 1000:.1f} ms", "< 10 ms", fast < 0.01),
        Row("deep validation", f"{rate:.2f} GB/s", ">= 3 GB/s", rate >= 3),
        Row("one bit flipped", "found" if found else "not found", "found", found),
    ]


SECTIONS: dict[str, Callable[[Bench], list[Row]]] = {
    "memory": memory, "write": write, "read": read, "random": pick, "kill": kill, "rebuild": rebuild, "validate": check,
}  # fmt: skip


def words(text: str) -> Sequence[str]:
    return [word for word in text.split(",") if word]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--big", type=parse_size, default=2**30, help="bytes written as rows of 1 MiB (default 1GiB)")
    parser.add_argument("--small-rows", type=int, default=200_000, help="rows of 1 kB (default 200000)")
    parser.add_argument("--largest", type=parse_size, default=2100 * 2**20, help="bytes of the largest row (2100MiB)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rebuilds", type=int, default=100)
    parser.add_argument("--peers", type=words, default=PEERS, help=f"of {','.join(PEERS)}")
    parser.add_argument("--only", type=words, default=list(SECTIONS), help=f"of {','.join(SECTIONS)}")
    parser.add_argument("--folder", type=Path, help="where to write (default: the temporary folder)")
    default = Path.home() / ".cache" / "datasets-repro" / "cache-peers"
    parser.add_argument("--environments", type=Path, default=default, help="where the peers are installed")
    given = parser.parse_args()
    os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    with tempfile.TemporaryDirectory(dir=given.folder) as scratch:
        bench = Bench(given, Path(scratch))
        for section in given.only:
            print(table(SECTIONS[section](bench), section), flush=True)


if __name__ == "__main__":
    main()
