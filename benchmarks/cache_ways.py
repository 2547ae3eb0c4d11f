"""One way to keep rows, in this process: `cache_ways.py WAY ACTION FOLDER ROWS SIZE` prints seconds, CPU and memory.

The actions: `write` (and sync to disk), `views` (each row, its bytes not copied), `bytes` (copied), `random` (rows in
random order). A row is a number and SIZE bytes. Runs with whatever is installed beside the way itself.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

Rows = Iterable[tuple[int, bytes]]
BATCH = 64 << 20
"""Bytes in memory, of a batch or a row group, where a way lets one say so."""


def memory(field: str = "VmHWM") -> int:
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition(f"{field}:")[2].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class Raw:
    """One file, as a yardstick; read with `cp`."""

    def write(self, rows: Rows, folder: Path, size: int) -> None:
        file = os.open(folder / "raw", os.O_CREAT | os.O_WRONLY)
        for _, data in rows:
            os.write(file, data)
        os.close(file)

    def read(self, folder: Path, copied: bool) -> Iterator[Any]:
        subprocess.run(["cp", folder / "raw", folder / "copy"], check=True)
        return iter(())


class Ours:
    def write(self, rows: Rows, folder: Path, size: int) -> None:
        from repro.recipes.arrow_cache import write_cache

        write_cache(({"id": number, "data": data} for number, data in rows), {"id": "int64", "data": "bytes"}, folder)

    def read(self, folder: Path, copied: bool) -> Iterator[Any]:
        from repro.recipes.arrow_cache import open_cache

        for row in open_cache(folder):
            yield bytes(row["data"]) if copied else row["data"]

    def pick(self, folder: Path) -> tuple[int, Callable[[int], Any]]:
        from repro.recipes.arrow_cache import open_cache

        cache = open_cache(folder)
        return len(cache), cache.__getitem__


class Datasets:
    def write(self, rows: Rows, folder: Path, size: int) -> None:
        import datasets
        from datasets.arrow_writer import ArrowWriter

        features = datasets.Features({"id": datasets.Value("int64"), "data": datasets.Value("binary")})
        batch = max(min(1000, BATCH // size), 1)
        with ArrowWriter(path=str(folder / "a.arrow"), features=features, writer_batch_size=batch) as writer:
            for number, data in rows:
                writer.write({"id": number, "data": data})
            writer.finalize()

    def pick(self, folder: Path) -> tuple[int, Callable[[int], Any]]:
        import datasets

        dataset = datasets.Dataset.from_file(str(folder / "a.arrow"))
        return len(dataset), dataset.__getitem__

    def read(self, folder: Path, copied: bool) -> Iterator[Any]:
        import datasets

        for batch in datasets.Dataset.from_file(str(folder / "a.arrow")).with_format("arrow").iter(1):
            yield batch["data"][0].as_py() if copied else batch["data"][0].as_buffer()


class Seed:
    """The seed's writer in our words: lists of so many rows, one Arrow file a shard."""

    def write(self, rows: Rows, folder: Path, size: int) -> None:
        import pyarrow as pa

        schema = pa.schema({"id": pa.int64(), "data": pa.binary()})
        batch, held, shard, used, writer = max(min(1000, BATCH // size), 1), list[Any](), 0, 0, None

        def flush() -> None:
            nonlocal shard, used, writer
            columns = [pa.array(list(column), kind) for column, kind in zip(zip(*held), schema.types)]  # noqa: B905
            held.clear()
            if writer is None or used > 256 << 20:
                if writer:
                    writer.close()
                writer, used, shard = pa.ipc.new_file(str(folder / f"{shard:05d}.arrow"), schema), 0, shard + 1
            made = pa.record_batch(columns, schema=schema)
            writer.write_batch(made)
            used += made.nbytes

        for row in rows:
            held.append(row)
            if len(held) == batch:
                flush()
        if held:
            flush()
        if writer:
            writer.close()

    def read(self, folder: Path, copied: bool) -> Iterator[Any]:
        import pyarrow as pa

        for path in sorted(folder.glob("*.arrow")):
            for value in pa.ipc.open_file(pa.memory_map(str(path))).read_all()["data"]:
                yield value.as_py() if copied else value.as_buffer()


class Parquet:
    def write(self, rows: Rows, folder: Path, size: int) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = pa.schema({"id": pa.int64(), "data": pa.binary()})
        held: list[Any] = []
        with pq.ParquetWriter(folder / "a.parquet", schema, compression="none", use_dictionary=False) as writer:

            def flush() -> None:
                ids, data = zip(*held, strict=True)
                writer.write_table(pa.table([pa.array(ids), pa.array(data, pa.binary())], schema=schema))
                held.clear()

            for row in rows:
                held.append(row)
                if len(held) * size >= BATCH:
                    flush()
            if held:
                flush()

    def read(self, folder: Path, copied: bool) -> Iterator[Any]:
        import pyarrow.parquet as pq

        for batch in pq.ParquetFile(folder / "a.parquet").iter_batches(max(BATCH // 4096, 1)):
            for value in batch["data"]:
                yield value.as_py() if copied else value.as_buffer()


class WebDataset:
    def write(self, rows: Rows, folder: Path, size: int) -> None:
        import webdataset

        with webdataset.TarWriter(str(folder / "a.tar")) as writer:
            for number, data in rows:
                writer.write({"__key__": f"{number:08d}", "bin": data})

    def read(self, folder: Path, copied: bool) -> Iterator[Any]:
        import webdataset

        for sample in webdataset.WebDataset(str(folder / "a.tar"), shardshuffle=False):
            yield sample["bin"]


class Mds:
    def write(self, rows: Rows, folder: Path, size: int) -> None:
        from streaming import MDSWriter

        with MDSWriter(out=str(folder / "mds"), columns={"id": "int", "data": "bytes"}) as writer:
            for number, data in rows:
                writer.write({"id": number, "data": data})

    def pick(self, folder: Path) -> tuple[int, Callable[[int], Any]]:
        from streaming import LocalDataset

        dataset = LocalDataset(str(folder / "mds"))
        return len(dataset), dataset.__getitem__

    def read(self, folder: Path, copied: bool) -> Iterator[Any]:
        count, get = self.pick(folder)
        return (get(row)["data"] for row in range(count))


class Litdata:
    def write(self, rows: Rows, folder: Path, size: int) -> None:
        from litdata.streaming.writer import BinaryWriter

        writer = BinaryWriter(str(folder), chunk_bytes=BATCH)
        for number, data in rows:
            writer[number] = {"id": number, "data": data}
        writer.done()
        writer.merge()

    def pick(self, folder: Path) -> tuple[int, Callable[[int], Any]]:
        from litdata import StreamingDataset

        dataset = StreamingDataset(str(folder))
        return len(dataset), dataset.__getitem__

    def read(self, folder: Path, copied: bool) -> Iterator[Any]:
        count, get = self.pick(folder)
        return (get(row)["data"] for row in range(count))


WAYS: dict[str, Any] = {
    "raw": Raw, "cache": Ours, "seed": Seed, "datasets": Datasets, "parquet": Parquet,
    "webdataset": WebDataset, "mosaicml-streaming": Mds, "litdata": Litdata,
}  # fmt: skip


def write(way: Any, folder: Path, count: int, size: int) -> None:
    payload = os.urandom(size)
    way.write(((number, payload) for number in range(count)), folder, size)
    for path in folder.rglob("*"):
        if path.is_file():
            file = os.open(path, os.O_RDONLY)
            os.fsync(file)
            os.close(file)


def main() -> None:
    name, action, folder, count, size = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
    warm = folder.with_name(f"{folder.name}-warm")
    warm.mkdir(parents=True, exist_ok=True)
    folder.mkdir(exist_ok=True)
    way = WAYS[name]()
    write(way, warm, 2, 1000)  # imports
    pick, order = None, list[int]()
    if action == "random":
        rows, pick = way.pick(folder)
        order = random.Random(0).choices(range(rows), k=count)
        for row in order[: count // 10]:
            pick(row)
    elif action != "write":
        for _ in way.read(warm, True):
            pass
    before, cpu, began = memory(), time.process_time(), time.perf_counter()
    if action == "write":
        write(way, folder, count, size)
    elif pick:
        for row in order:
            pick(row)
    else:
        for _ in way.read(folder, action == "bytes"):
            pass
    said = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu, "peak": memory() - before}
    print(json.dumps(said))


if __name__ == "__main__":
    main()
