"""Prints what direct_embed and write_shards cost beside upstream's embed and ``cp``, each run in a process of its own.

``python benchmarks/fixes.py [--size 600MiB] [--rows 1] [--files 8] [--shards 1] [--repeats 5] [--folder DIR]``. The
payload is random bytes, in the page cache before every run; the candidates take turns. Memory is the rise of the
process's peak (VmHWM, Linux; elsewhere ``ru_maxrss``) above where it stood before the call. ``sha256`` hashes the
payload and does nothing else: write_shards writes one shard no faster than that, and hashes two shards at a time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

from tabulate import tabulate

from repro.units import parse_size

EMBEDS = ("embed_table_storage", "direct_embed")
BARE = ("cp", "cp, then sync", "sha256")
WRITES = (*BARE, "write_shards")


def peak_bytes() -> int:
    """Highest resident size of this process so far."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS


def make_files(folder: Path, size: int, count: int) -> list[str]:
    paths = []
    for number in range(count):
        path = folder / f"{number}.nii"
        with path.open("wb") as file:
            for at in range(0, size, 2**20):
                file.write(os.urandom(min(2**20, size - at)))
        paths.append(str(path))
    return paths


def run_once(what: str, rows: list[list[str]], shards: int, folder: Path) -> dict[str, float]:
    """One candidate in this process: seconds, and bytes of memory above the baseline."""
    paths = [path for row in rows for path in row]
    for path in paths:
        with Path(path).open("rb") as file:
            while file.read(2**20):
                pass
    if what in BARE:
        folder.mkdir()
        started = perf_counter()
        if what == "sha256":
            digest = hashlib.sha256()
            for path in paths:
                with Path(path).open("rb", buffering=0) as source:
                    while block := source.read(2**19):
                        digest.update(block)
        else:
            subprocess.run(["cp", *paths, str(folder)], check=True)
        if what == "cp, then sync":
            for copy in folder.iterdir():
                with copy.open("rb") as file:
                    os.fsync(file.fileno())
        return {"seconds": perf_counter() - started, "bytes": 0}

    import datasets

    from repro.bugs.embed_sliced_list.workarounds.direct_embed import direct_embed
    from repro.recipes.write_shards import write_shards

    features = datasets.Features({"id": datasets.Value("int64"), "scans": datasets.List(datasets.Nifti())})
    # the rows beside the shard name files that do not exist: whoever opened them would fail
    table = {"id": list(range(len(rows) + 2)), "scans": [["missing"], *rows, ["missing"]]}
    shard = datasets.Dataset.from_dict(table, features=features).select(range(1, len(rows) + 1))
    small = datasets.Dataset.from_dict({"id": [0], "scans": [[__file__]]}, features=features)

    def call(dataset: datasets.Dataset, name: str) -> object:
        if what == "write_shards":
            return write_shards(dataset, folder / name, num_shards=min(shards, len(dataset)), progress=False)
        if what == "direct_embed":
            return direct_embed(dataset)
        return datasets.table.embed_table_storage(dataset.with_format("arrow")[:])

    call(small, "warm-up")
    before = peak_bytes()
    started = perf_counter()
    result = call(shard, "measured")
    seconds = perf_counter() - started
    assert result is not None
    return {"seconds": seconds, "bytes": peak_bytes() - before}


def child(what: str, rows: list[list[str]], shards: int, folder: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--once", what, "--shards", str(shards), "--folder", str(folder)]
    done = subprocess.run(command, input=json.dumps(rows), capture_output=True, text=True, check=True)
    shutil.rmtree(folder, ignore_errors=True)
    answer: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=parse_size, default=600 * 2**20, help="bytes of the shard (default 600MiB)")
    parser.add_argument("--rows", type=int, default=1, help="rows of the shard (default 1)")
    parser.add_argument("--files", type=int, default=8, help="files of each row (default 8)")
    parser.add_argument("--shards", type=int, default=1, help="shards to write, at most one a row (default 1)")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where to write (default: the temporary folder)")
    parser.add_argument("--once", choices=EMBEDS + WRITES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.once:
        print(json.dumps(run_once(arguments.once, json.load(sys.stdin), arguments.shards, arguments.folder)))
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        count = arguments.rows * arguments.files
        paths = make_files(Path(folder), arguments.size // count, count)
        rows = [paths[at : at + arguments.files] for at in range(0, count, arguments.files)]
        payload = arguments.size // count * count
        runs: dict[str, list[dict[str, float]]] = {what: [] for what in EMBEDS + WRITES}
        for _ in range(arguments.repeats):
            for what, results in runs.items():
                results.append(child(what, rows, arguments.shards, Path(folder) / "out"))
    print(table(runs, payload, payload // arguments.rows))


def table(runs: dict[str, list[dict[str, float]]], payload: int, row: int) -> str:
    """One line a candidate; ratios are over the rounds, each against the same round's yardstick."""
    lines = []
    for what, results in runs.items():
        seconds = [result["seconds"] for result in results]
        rise = max(result["bytes"] for result in results)
        others = runs["embed_table_storage" if what in EMBEDS else "cp, then sync"]
        ratios = [other["seconds"] / result["seconds"] for other, result in zip(others, results, strict=True)]
        bare = what in BARE
        lines.append([
            what,
            "" if bare else f"{rise / 2**20:.1f} MiB",
            "" if bare else f"{rise / payload:.3f}",
            "" if bare else f"{rise / row:.3f}",
            f"{min(seconds):.2f} / {median(seconds):.2f} / {max(seconds):.2f}",
            f"{payload / median(seconds) / 1e6:.0f} MB/s",
            f"{min(ratios):.2f} / {median(ratios):.2f} / {max(ratios):.2f}",
        ])  # fmt: skip
    head = [
        "",
        "memory",
        "× payload",
        "× row",
        "seconds: min / median / max",
        "throughput",
        "speed against yardstick: min / median / max",
    ]
    note = "yardstick: embed_table_storage for the embeds, cp and sync for the writes (write_shards syncs and hashes)"
    return tabulate(lines, head, disable_numparse=True) + "\n" + note


if __name__ == "__main__":
    main()
