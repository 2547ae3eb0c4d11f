"""Try one promise of a sharded cache on one cache, and report what came of it.

Run as ``python probe.py REQUEST.json EVENTS.jsonl``, with ``seed_cache.py``, ``acts.py``, ``rebuilds.py`` and
``values.py`` beside it. ``fix_path`` is another cache than the seed's: ``name.py`` with ``name(rows, columns, folder,
*, batch_rows, row_bytes, shard_bytes)`` that writes, and, as far as it has such a thing, ``check(folder, columns)``,
``read(folder, column)``, ``shards(folder)`` and ``folder_name(dataset, version, config, split)``.

    inputs.row_size, batch_bytes    of a row; of a batch, or of what takes its place
    inputs.rows                     of the scenarios ``round-trip`` and ``default-batch``
    inputs.rebuilds, readers        of ``rebuild-under-readers``
    inputs.every                    of ``killed-…``: before which changes on disk a writer is killed
    inputs.recipes                  the folder of the recipes, for the cache that imports one

What writes and reads is a forked process of its own, as far as memory or its death is looked at. The measures are named
in ``oracle.py``, which alone judges.
"""

from __future__ import annotations

import gc
import hashlib
import os
import shutil
import statistics
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any

from probe_tools import INPUTS, REQUEST, SCENARIO, forget_peak, main, measure, peak, phase, resident, started

sys.path.append(INPUTS["recipes"])

import pyarrow as pa
import rebuilds
import values
from acts import COLUMNS, apart, columns_of, raised, rows_of
from seed_cache import Value
from way import WAY

ROW, BATCH = int(INPUTS["row_size"]), int(INPUTS["batch_bytes"])
BATCHES = 3
"""The peak of a writer that keeps its last batch comes with the second."""
LISTS_ARE_SLOW = 4


def baseline() -> int | None:
    """What this process holds once it has written a little: a forked one gets the pages of libraries only with use."""
    WAY.write(rows_of("bytes", 2, ROW), COLUMNS["bytes"], Path("warm-up").absolute(), batch_rows=1, row_bytes=ROW)
    shutil.rmtree("warm-up", ignore_errors=True)
    gc.collect()
    forget_peak()
    held: int | None = resident()
    return held


def weighed(kind: str, rows: int, batch_bytes: int, shard_bytes: int) -> dict[str, Any]:
    """One write, with what the process held before and its peak."""
    batch_rows = max(1, batch_bytes // ROW)
    before = baseline()
    WAY.write(
        rows_of(kind, rows, ROW),
        columns_of(kind, ROW),
        Path("weighed").absolute(),
        batch_rows=batch_rows,
        row_bytes=ROW,
        shard_bytes=shard_bytes,
    )
    return {"before_bytes": before, "peak_bytes": None if before is None else peak()}


def weigh(kind: str, cases: list[tuple[int, int]]) -> None:
    """For each (bytes of a batch, number of batches) a write in a process of its own."""
    writes: list[dict[str, Any]] = []
    for batch_bytes, batches in cases:
        rows = max(1, batch_bytes // ROW) * batches
        ended = apart(weighed, kind, rows, batch_bytes, 4 * batch_bytes)
        shutil.rmtree("weighed", ignore_errors=True)
        about = {"batch_bytes": max(1, batch_bytes // ROW) * ROW, "rows": rows}
        found = ended.pop("found", None) or {}
        writes.append({**about, **found, **ended})
        measure(writes=writes)


def memory() -> None:
    kind = SCENARIO.rpartition("-")[2]
    largest = BATCH // (LISTS_ARE_SLOW if kind == "lists" else 1)
    weigh(kind, [(largest // 4, BATCHES), (largest, BATCHES)])


def more_rows() -> None:
    weigh("bytes", [(BATCH // 4, BATCHES), (BATCH // 4, 5 * BATCHES)])


def default_batch() -> None:
    """The batch that the cache takes if nobody says: a thousand rows, all one object, so that it alone weighs."""
    one = b"x" * int(INPUTS["default_row_size"])

    def act() -> dict[str, Any]:
        before = baseline()
        WAY.write(({"payload": one} for _ in range(1000)), COLUMNS["bytes"], Path("weighed").absolute())
        return {"before_bytes": before, "peak_bytes": None if before is None else peak()}

    ended = apart(act)
    batch = {"batch_bytes": 1000 * len(one), "rows": 1000}
    measure(writes=[{**batch, **(ended.pop("found", None) or {}), **ended}])


def round_trip() -> None:
    rows, folder = int(INPUTS["rows"]), Path("cache").absolute()
    measure(source_bytes=rows * ROW)
    measure(rss_before_write_bytes=baseline())
    phase("write")
    batch = max(1, BATCH // ROW)
    WAY.write(
        rows_of("bytes", rows, ROW),
        COLUMNS["bytes"],
        folder,
        batch_rows=batch,
        row_bytes=ROW,
        shard_bytes=4 * BATCH,
    )
    measure(peak_write_bytes=peak())
    phase("read")
    seen = hashlib.sha256()
    for value in WAY.need("read")(folder, "payload"):
        seen.update(value)
    phase("end")
    measure(sha256=seen.hexdigest())


def of_file(file: Path) -> int:
    """Rows of an Arrow file, whichever of the two formats it has."""
    with pa.memory_map(str(file)) as source:
        try:
            return int(pa.ipc.open_file(source).read_all().num_rows)
        except pa.ArrowInvalid:
            return int(pa.ipc.open_stream(source).read_all().num_rows)


def shard_counts() -> None:
    """Rows of each shard for sources that end before, at and after the end of a batch and of a shard."""
    found = []
    for rows in (0, 3, 4, 5, 8, 16):
        folder = Path(f"cache-{rows}").absolute()
        case: dict[str, Any] = {"rows": rows}
        try:
            WAY.write(
                rows_of("bytes", rows, ROW),
                COLUMNS["bytes"],
                folder,
                batch_rows=4,
                row_bytes=ROW,
                shard_bytes=8 * ROW,
            )
            case["shards"] = [of_file(file) for file in WAY.need("shards")(folder)]
        except Exception as error:
            case["raised"] = raised(error)
        found.append(case)
    measure(counts=found)


def shard_sizes() -> None:
    """The largest file for batches that are smaller than the wanted size of a shard, and larger."""
    found = []
    target = 16 * ROW
    for batch_rows in (2, 16, 64):
        folder = Path(f"cache-{batch_rows}").absolute()
        WAY.write(
            rows_of("bytes", 128, ROW),
            COLUMNS["bytes"],
            folder,
            batch_rows=batch_rows,
            row_bytes=ROW,
            shard_bytes=target,
        )
        sizes = [file.stat().st_size for file in WAY.need("shards")(folder)]
        found.append({"batch_bytes": batch_rows * ROW, "target_bytes": target, "largest_bytes": max(sizes)})
        measure(sizes=found)


def read_all(folder: Path) -> tuple[int, float]:
    """A checksum of every value, and the seconds it took."""
    began, total = time.perf_counter(), 0
    for value in WAY.need("read")(folder, "payload"):
        total = zlib.crc32(value, total)
    return total, time.perf_counter() - began


def read_one_file(file: Path) -> tuple[int, float]:
    began, total = time.perf_counter(), 0
    table = pa.ipc.open_file(pa.memory_map(str(file), "r")).read_all()
    for value in table["payload"]:
        total = zlib.crc32(value.as_py(), total)
    return total, time.perf_counter() - began


def reading() -> None:
    """Arrow's own memory while all is read, then the time beside that of one file of the same rows, in turns."""
    rows, folder, alone = int(INPUTS["rows"]), Path("cache").absolute(), Path("one.arrow").absolute()
    read = WAY.need("read")
    given = {"batch_rows": max(1, BATCH // 8 // ROW), "row_bytes": ROW, "shard_bytes": BATCH // 4}
    WAY.write(rows_of("bytes", rows, ROW), COLUMNS["bytes"], folder, **given)
    schema = pa.schema([("payload", Value("binary").stored)])
    with pa.ipc.new_file(str(alone), schema) as writer:
        for row in rows_of("bytes", rows, ROW):
            writer.write_batch(pa.record_batch([[row["payload"]]], schema=schema))

    def act() -> dict[str, Any]:
        pool = pa.default_memory_pool()
        before = most = pool.bytes_allocated()
        for _ in read(folder, "payload"):
            most = max(most, pool.bytes_allocated())
        pairs = []
        for turn in range(6):
            ways = [read_all(folder), read_one_file(alone)] if turn % 2 else [read_one_file(alone), read_all(folder)]
            (first, ours), (second, one) = ways if turn % 2 else ways[::-1]
            if first != second:
                raise ValueError("the two hold other values")
            pairs.append(ours / one)
        return {"allocated_bytes": most - before, "ratios": [round(ratio, 3) for ratio in pairs[1:]]}

    ended = apart(act)
    found = ended.get("found") or {}
    measure(source_bytes=rows * ROW, **ended)
    if found:
        measure(ratio=statistics.median(found["ratios"]))


def folder_names() -> None:
    """The name of one variant in three processes with other hash seeds, and of a second variant."""
    WAY.need("folder_name")
    here = str(Path(__file__).parent)
    code = "import sys, seed_cache; print(seed_cache.folder_name(*sys.argv[1:]))"
    variants = [("Scans", "1.0", "raw", "train"), ("Scans", "1.1", "raw", "train")]
    found: list[list[str]] = []
    for variant in variants:
        names = []
        for number in range(3):
            known = {**os.environ, "PYTHONHASHSEED": str(number), "PYTHONPATH": here}
            ended = subprocess.run([sys.executable, "-c", code, *variant], env=known, capture_output=True, text=True)
            names.append(ended.stdout.strip() or ended.stderr[-200:])
        found.append(names)
    measure(names=found)


ACTS = {
    "memory-of-bytes": memory,
    "memory-of-files": memory,
    "memory-of-arrays": memory,
    "memory-of-lists": memory,
    "memory-of-more-rows": more_rows,
    "default-batch": default_batch,
    "round-trip": round_trip,
    "shard-counts": shard_counts,
    "shard-sizes": shard_sizes,
    "reading": reading,
    "folder-names": folder_names,
    **rebuilds.ACTS,
    **values.ACTS,
}


def run() -> None:
    started("pyarrow", "numpy", "pillow", "filelock", *WAY.packages)
    WAY.applies()
    os.chdir(REQUEST["scratch"])
    ACTS[SCENARIO]()


main(run)
