"""Parquet files of random bytes whose row groups are many and small, or few and large."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock

from repro.errors import UserError, unknown
from repro.inputs.sparse import require_free

VERSION = 1
"""Part of the file name: a change of what is written makes a new file instead of reusing an old one."""

SCHEMA = pa.schema([("id", pa.int64()), ("image", pa.binary())])


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is cut: ``row_groups`` groups of ``rows`` rows, each with ``value_bytes`` random bytes."""

    row_groups: int
    rows: int
    value_bytes: int

    @property
    def total_rows(self) -> int:
        return self.row_groups * self.rows

    @property
    def group_bytes(self) -> int:
        """Payload of one row group, in bytes."""
        return self.rows * self.value_bytes

    @property
    def total_bytes(self) -> int:
        """Payload of the file, in bytes (the file itself is a few KB larger)."""
        return self.row_groups * self.group_bytes


LAYOUTS: Mapping[str, Layout] = MappingProxyType(
    {
        "small": Layout(row_groups=64, rows=64, value_bytes=1 << 10),
        "medium": Layout(row_groups=6, rows=16, value_bytes=1 << 19),
        # The file of apache/arrow#45214: 300 MB, five row groups of fewer than 100 rows with image bytes.
        "large": Layout(row_groups=5, rows=60, value_bytes=1 << 20),
    }
)


def build(cache: Path, layout: str, seed: int) -> Path:
    """The file for ``layout`` and ``seed`` below ``cache``, written on first use.

    Nothing is compressed and no dictionary is used, so a row group takes as many bytes as its values. The same
    arguments give the same rows on every machine; the bytes of the footer may differ between releases of PyArrow.

    Raises:
        UserError: no such layout, or not enough free space, or a cache folder that cannot be written.
    """
    if layout not in LAYOUTS:
        raise unknown("layout", layout, LAYOUTS)
    folder = cache / "parquet"
    path = folder / f"{layout}-{seed}-v{VERSION}.parquet"
    if path.exists():
        return path
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f".{path.name}.lock"):
            if not path.exists():
                _write(path, LAYOUTS[layout], seed)
    except PermissionError as error:
        raise UserError(f"cannot write in {folder}: set REPRO_CACHE to a folder that can be written") from error
    return path


def row_groups(layout: Layout, seed: int) -> Iterator[pa.Table]:
    """The content, one table a row group: ``id`` counts from 0 through the file, ``image`` is random."""
    source = random.Random(seed)
    for first in range(0, layout.total_rows, layout.rows):
        ids = range(first, first + layout.rows)
        yield pa.table([list(ids), [source.randbytes(layout.value_bytes) for _ in ids]], schema=SCHEMA)


def _write(path: Path, layout: Layout, seed: int) -> None:
    """Write next to ``path`` and rename: a reader sees the whole file or none, also after a kill."""
    require_free(path.parent, 2 * layout.total_bytes)
    partial = path.with_suffix(".partial")
    try:
        with pq.ParquetWriter(partial, SCHEMA, compression="none", use_dictionary=False) as writer:
            for table in row_groups(layout, seed):
                writer.write_table(table, row_group_size=layout.rows)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
