"""The Parquet files of ``repro.inputs.cases`` at the size of the report: each image is a few bytes and then a hole."""

from __future__ import annotations

import functools
import hashlib
import mmap
import shutil
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock

from repro.errors import UserError
from repro.inputs import sparse
from repro.inputs.cases import ID, IMAGES, REPOSITORY, subjects

VERSION = 1
"""Part of the folder's name, as in ``repro.inputs.cases``."""
BLOCK = 64 << 10
_LEAST, _MOST = 1 << 20, 1 << 30


def build(cache: Path, cases: int, value_bytes: int) -> Path:
    """A tree with the dataset ``REPOSITORY``, a case a file; written on first use.

    All ids are of one length, so every file is the first one with another id in its dense parts.

    Raises:
        UserError: more cases than the report has, an image of no such size, or a file system that keeps no holes.
    """
    names = subjects()
    for what, value, least, most in (("cases", cases, 1, len(names)), ("value_size", value_bytes, _LEAST, _MOST)):
        if not least <= value <= most:
            raise UserError(f"{what}={value} makes no such files: give a number from {least} to {most}")
    folder = cache / "cases" / f"hollow-{cases}x{value_bytes}-v{VERSION}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.parent / f".{folder.name}.lock"):
        if not folder.exists():
            _write(folder, names[:cases], value_bytes)
    return folder


@functools.cache
def digest(subject: str, column: str, value_bytes: int) -> str:
    """sha256 of one image."""
    with _value(subject, column, value_bytes) as value:
        return hashlib.sha256(value).hexdigest()


def _value(subject: str, column: str, value_bytes: int) -> mmap.mmap:
    """The bytes of an image, in memory that only its first page takes."""
    value = mmap.mmap(-1, value_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    value.write(f"{subject} {column}".encode())
    return value


class _Dense:
    """Takes a file as it is written, and keeps what is no block of zeros: offset -> bytes."""

    closed = False

    def __init__(self) -> None:
        self.parts: dict[int, bytes] = {}
        self.size = 0

    def write(self, data: bytes) -> int:
        for start in range(0, len(data), BLOCK):
            block = bytes(data[start : start + BLOCK])
            if block.count(0) < len(block):
                at, last = self.size + start, next(reversed(self.parts), 0)
                if self.parts and last + len(self.parts[last]) == at:
                    self.parts[last] += block
                else:
                    self.parts[at] = block
        self.size += len(data)
        return len(data)

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


def _template(subject: str, value_bytes: int) -> _Dense:
    """The dense parts of a file with one case, uncompressed."""
    columns: list[pa.Array] = [pa.array([subject])]
    for column in IMAGES:
        offsets = pa.array([0, value_bytes], pa.int32()).buffers()[1]
        value = pa.py_buffer(_value(subject, column, value_bytes))
        columns.append(pa.Array.from_buffers(pa.binary(), 1, [None, offsets, value]))
    dense = _Dense()
    table = pa.table(dict(zip((ID, *IMAGES), columns, strict=True)))
    pq.write_table(
        table, pa.PythonFile(dense, mode="w"), compression="none", use_dictionary=False, write_statistics=[ID]
    )
    return dense


def _write(folder: Path, names: Sequence[str], value_bytes: int) -> None:
    """Write next to ``folder`` and rename: a reader finds all files or none, also after a kill."""
    sparse.require(folder.parent, len(names) * 8 * BLOCK)
    template = _template(names[0], value_bytes)
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    data = partial / "datasets" / REPOSITORY / "data"
    data.mkdir(parents=True)
    for index, name in enumerate(names):
        with (data / f"train-{index:05d}-of-{len(names):05d}.parquet").open("wb") as file:
            for at, part in template.parts.items():
                file.seek(at)
                file.write(part.replace(names[0].encode(), name.encode()))
            file.truncate(template.size)
    partial.rename(folder)
