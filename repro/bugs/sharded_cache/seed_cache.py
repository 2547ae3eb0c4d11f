"""The cache under test: a sharded Arrow cache, built anew from the text of a module that others wrote.

It does what that text says, in the same order: rows are collected in lists, a batch is made of them every
``batch_rows`` rows and stays referenced until the next, shards are closed by the bytes of their batches in memory, and
a temporary folder takes the place of the old cache after that is deleted. What the text does not show (the classes of
features, reading the metadata) is given the benefit of the doubt: missing, broken or foreign metadata is refused.

``write``, ``check``, ``read``, ``shards`` and ``folder_name`` are what ``probe.py`` tries, here and in each workaround.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from filelock import FileLock
from PIL import Image as Pictures

FORMAT = 1
METADATA = "_metadata.json"


@dataclass(frozen=True)
class Value:
    dtype: str

    @property
    def stored(self) -> pa.DataType:
        return pa.type_for_alias(self.dtype)

    def encode(self, value: Any) -> Any:
        return value.item() if hasattr(value, "item") else value


@dataclass(frozen=True)
class Image:
    stored = pa.binary()

    def encode(self, value: Any) -> bytes | None:
        """Bytes and files as they are; what is open in Pillow is written again, in its own format if it has one."""
        if value is None or isinstance(value, bytes):
            return value
        if isinstance(value, (str, Path)):
            return Path(value).read_bytes()
        picture = Pictures.fromarray(value) if isinstance(value, np.ndarray) else value
        plain = picture.mode not in ("RGBA", "LA", "PA", "P")
        buffer = io.BytesIO()
        picture.save(buffer, format=(picture.format if plain else None) or "PNG")
        return buffer.getvalue()


@dataclass(frozen=True)
class Array3D:
    shape: Any
    dtype: Any
    stored = pa.binary()

    def encode(self, value: Any) -> bytes | None:
        return None if value is None else np.asarray(value, dtype=self.dtype).tobytes()


@dataclass(frozen=True)
class ClassLabel:
    names: Any
    stored = pa.int64()

    def encode(self, value: Any) -> Any:
        return list(self.names).index(value) if isinstance(value, str) else value


@dataclass(frozen=True)
class Sequence:
    dtype: str

    @property
    def stored(self) -> pa.DataType:
        return pa.list_(pa.type_for_alias(self.dtype))

    def encode(self, value: Any) -> list[Any] | None:
        if hasattr(value, "tolist"):
            return value.tolist()  # type: ignore[no-any-return]
        return None if value is None else list(value)


Columns = Mapping[str, Any]


class _Shards:
    """Opens a file when a batch comes, and closes it when its batches have ``limit`` bytes in memory."""

    def __init__(self, folder: Path, schema: pa.Schema, limit: int) -> None:
        self.folder, self.schema, self.limit = folder, schema, limit
        self.names: list[str] = []
        self.rows: list[int] = []
        self.writer: Any = None
        self.sink: Any = None

    def put(self, batch: pa.RecordBatch) -> None:
        if self.writer is None:
            self.names.append(f"shard-{len(self.names):05d}.arrow")
            self.sink = pa.OSFile(str(self.folder / self.names[-1]), "wb")
            self.writer = pa.ipc.new_file(self.sink, self.schema)
            self.rows.append(0)
            self.bytes = 0
        self.writer.write_batch(batch)
        self.rows[-1] += batch.num_rows
        self.bytes += batch.nbytes
        if self.bytes >= self.limit:
            self.close()

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
            self.sink.close()
            self.writer = None


def write(
    rows: Iterable[Mapping[str, Any]],
    columns: Columns,
    folder: str | Path,
    *,
    batch_rows: int = 1000,
    shard_bytes: int = 256 << 20,
    **_: object,
) -> None:
    """Writes a cache of ``rows`` in place of what is at ``folder``."""
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    schema = pa.schema([(name, one.stored) for name, one in columns.items()])
    building = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}_tmp_"))
    waiting: dict[str, list[Any]] = {name: [] for name in columns}

    def batch_of_waiting() -> pa.RecordBatch:
        arrays = [pa.array(waiting[name], type=one.stored) for name, one in columns.items()]
        batch = pa.record_batch(arrays, schema=schema)
        for name in waiting:
            waiting[name] = []
        return batch

    total = 0
    try:
        with FileLock(str(folder.with_suffix(".lock"))):
            shards = _Shards(building, schema, shard_bytes)
            for row in rows:
                encoded = {name: columns[name].encode(value) for name, value in row.items() if name in columns}
                for name in columns:
                    waiting[name].append(encoded.get(name))
                total += 1
                if total % batch_rows == 0:
                    batch = batch_of_waiting()
                    shards.put(batch)
            if any(waiting.values()):
                batch = batch_of_waiting()
                shards.put(batch)
            shards.close()
            metadata = {
                "format": FORMAT,
                "fingerprint": fingerprint(columns),
                "rows": total,
                "shards": shards.names,
                "shard_rows": shards.rows,
            }
            (building / METADATA).write_text(json.dumps(metadata))
            if folder.exists():
                shutil.rmtree(folder)
            os.rename(building, folder)  # noqa: PTH104 - as it was written
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise


def fingerprint(columns: Columns) -> str:
    return hashlib.sha256(repr(dict(columns)).encode()).hexdigest()[:16]


def metadata_of(folder: Path) -> dict[str, Any]:
    found = json.loads((folder / METADATA).read_text("utf-8"))
    if found["format"] != FORMAT:
        raise ValueError(f"the cache has format {found['format']}, this reads {FORMAT}")
    return dict(found)


def check(folder: Path, columns: Columns) -> None:
    """Raises ValueError if the columns are not those that the cache was written with."""
    kept = metadata_of(folder)["fingerprint"]
    if kept and kept != fingerprint(columns):
        raise ValueError("the fingerprint of the columns is another one: write the cache anew")


def shards(folder: Path) -> list[Path]:
    return [folder / name for name in metadata_of(folder)["shards"]]


def read(folder: Path, name: str) -> Iterator[Any]:
    """The values of a column; each shard is mapped when its turn comes."""
    for file in shards(folder):
        table = pa.ipc.open_file(pa.memory_map(str(file), "r")).read_all()
        yield from (value.as_py() for value in table[name])


def folder_name(dataset: str, version: str, config: str, split: str) -> str:
    digest = hashlib.sha256(f"{dataset}:{version}:{config}:{split}".encode()).hexdigest()[:16]
    return f"{dataset.lower()}_{config}_{split}_{digest}"
