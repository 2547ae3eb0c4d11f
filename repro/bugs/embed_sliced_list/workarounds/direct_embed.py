"""Recipe: embed a shard's files into Arrow at the cost of their bytes alone (huggingface/datasets#7894).

Paste this file into a project: it needs `datasets` and nothing else. `direct_embed(shard)` gives what
`datasets.table.embed_table_storage` gives for an unsliced copy of the shard, but opens only the shard's own files and
reads each one straight into the Arrow buffer of its column, where the released code holds every file as a Python
object, then as an Arrow copy that grows by doubling.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from io import FileIO
from itertools import accumulate, chain
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from datasets import Dataset, Features
from datasets.features.features import require_storage_embed
from datasets.utils.file_utils import is_local_path

logger = logging.getLogger(__name__)

BINARY_LIMIT = 2**31 - 1
"""Bytes that one Arrow array of type `binary` can hold (its offsets are 32-bit)."""

READERS = 4
"""Parts of files read at a time; the time goes into page faults and, on a network, into waiting."""

PART = 2**26
"""Bytes of a file that one reader takes."""

Leaf = Callable[[pa.Array, Any, str, list[int]], pa.Array]


class EmbedError(Exception):
    """A file could not be embedded; `column`, `row` (in the shard), `path` and `reason` say which and why."""

    def __init__(self, column: str, row: int, path: str | None, reason: str) -> None:
        super().__init__(column, row, path, reason)
        self.column, self.row, self.path, self.reason = column, row, path, reason

    def __str__(self) -> str:
        return f"column {self.column!r}, row {self.row}: {self.path or 'all files'}: {self.reason}"


class _Entry(NamedTuple):
    """One file to embed: its path and time of change, or the bytes that are there already. `size` in bytes."""

    size: int
    row: int
    path: str | None = None
    changed_ns: int = 0
    content: pa.Buffer | None = None


class _Column(NamedTuple):
    """All files of one file feature in one batch, in order; `None` where the table holds a null."""

    name: str
    array: pa.StructArray
    entries: list[_Entry | None]

    @property
    def size(self) -> int:
        return sum(entry.size for entry in self.entries if entry is not None)


def direct_embed(
    shard: Dataset | pa.Table,
    *,
    token_per_repo_id: dict[str, str | bool | None] | None = None,
    chunk_bytes: int = BINARY_LIMIT,
) -> pa.Table:
    """The table of `shard` with the bytes of every file of its file features (Nifti, Image, Audio, ...) in it.

    Values, nulls, types and schema metadata equal those of `embed_table_storage`; each path becomes its last
    component, as there. Memory: the bytes of the files, once. Remote paths go through the feature's own
    `embed_storage` and are held twice while they are copied.

    The bytes stay `binary`, the type that the features declare, never `large_binary`: past `chunk_bytes` in one
    column the table is split by rows into more chunks, and a log line (INFO) says into how many.

    Raises:
        EmbedError: a file is missing, unreadable, not a regular file or changes while it is read; or one row
            holds more than `chunk_bytes` in one column, which `binary` cannot express.
    """
    table = shard if isinstance(shard, pa.Table) else shard.with_format("arrow")[:]
    features = Features.from_arrow_schema(table.schema)
    schema = features.arrow_schema
    batches: list[pa.RecordBatch] = []
    first_row = 0
    for batch in table.to_batches():
        pieces = _embed_batch(batch, features, schema, first_row, token_per_repo_id, chunk_bytes)
        if len(pieces) > 1:
            logger.info("a column passes %d bytes: split by rows into %d chunks", chunk_bytes, len(pieces))
        batches += pieces
        first_row += batch.num_rows
    return pa.Table.from_batches(batches, schema=schema)


def _embed_batch(
    batch: pa.RecordBatch,
    features: Features,
    schema: pa.Schema,
    first_row: int,
    tokens: dict[str, str | bool | None] | None,
    chunk_bytes: int,
) -> list[pa.RecordBatch]:
    """The batch with its files, in as many pieces as `chunk_bytes` asks for. All sizes are known before any read."""
    columns: list[_Column] = []

    def measure(array: pa.Array, feature: Any, name: str, rows: list[int]) -> pa.Array:
        columns.append(_Column(name, array, _entries(array, feature, name, rows, tokens)))
        return array

    def rebuild(leaf: Leaf) -> list[pa.Array]:
        rows = list(range(first_row, first_row + batch.num_rows))
        return [_rebuild(batch.column(name), feature, name, rows, leaf) for name, feature in features.items()]

    rebuild(measure)
    for column in columns:
        if column.size > chunk_bytes:
            if batch.num_rows == 1:
                reason = f"{column.size} bytes in one row, but `binary` holds {chunk_bytes}; use several rows"
                raise EmbedError(column.name, first_row, None, reason)
            half = batch.num_rows // 2
            parts = (batch.slice(0, half), first_row), (batch.slice(half), first_row + half)
            columns.clear()
            split = (_embed_batch(part, features, schema, row, tokens, chunk_bytes) for part, row in parts)
            return list(chain.from_iterable(split))
    filled = map(_fill, columns)
    return [pa.RecordBatch.from_arrays(rebuild(lambda *_: next(filled)), schema=schema)]


def _rebuild(array: pa.Array, feature: Any, name: str, rows: list[int], leaf: Leaf) -> pa.Array:
    """`array` with `leaf` applied to each file feature in it; `rows[i]` is the table row that entry i belongs to.

    Only entries that the slice shows reach `leaf`: `flatten()` honours offsets and nulls, `values` does not.
    """
    if not require_storage_embed(feature):
        return array
    if hasattr(feature, "embed_storage"):
        return leaf(array, feature, name, rows)
    kind = array.type
    nulls = array.is_null()
    if pa.types.is_struct(kind):
        children = dict(zip((field.name for field in kind), array.flatten(), strict=True))
        arrays = [_rebuild(children[key], sub, f"{name}.{key}", rows, leaf) for key, sub in feature.items()]
        return pa.StructArray.from_arrays(arrays, names=list(feature), mask=nulls)
    if pa.types.is_fixed_size_list(kind):
        length = kind.list_size
        values = array.values.slice(array.offset * length, len(array) * length)
        if array.null_count:  # what lies under a null list is not part of the data
            shown = pa.array([valid for valid in array.is_valid().to_pylist() for _ in range(length)])
            values = pc.if_else(shown, values, pa.scalar(None, values.type))
        rows = [row for row in rows for _ in range(length)]
        values = _rebuild(values, feature.feature, name, rows, leaf)
        return pa.FixedSizeListArray.from_arrays(values, length, mask=nulls)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        lengths = pc.fill_null(pc.list_value_length(array), 0).to_pylist()
        rows = [row for row, length in zip(rows, lengths, strict=True) for _ in range(length)]
        values = _rebuild(array.flatten(), feature.feature, name, rows, leaf)
        large = pa.types.is_large_list(kind)
        offsets = pa.array(accumulate(lengths, initial=0), pa.int64() if large else pa.int32())
        return (pa.LargeListArray if large else pa.ListArray).from_arrays(offsets, values, mask=nulls)
    raise TypeError(f"column {name!r} is {kind}, which {feature} does not describe; cast the dataset to its features")


def _entries(
    array: pa.StructArray, feature: Any, name: str, rows: list[int], tokens: dict[str, str | bool | None] | None
) -> list[_Entry | None]:
    """What is to be embedded for each entry of a file feature, with its size; nothing local is opened yet."""
    contents, paths = _children(array)
    here = contents.is_valid().to_pylist()
    entries: list[_Entry | None] = []
    for index, (row, path) in enumerate(zip(rows, paths.to_pylist(), strict=True)):
        if here[index]:
            content = contents[index].as_buffer()
            entries.append(_Entry(content.size, row, content=content))
        elif path is None:
            entries.append(None)
        elif is_local_path(path):
            try:
                status = _file(path).stat()
                if not stat.S_ISREG(status.st_mode):  # opening a pipe or a device could block for ever
                    raise ValueError("not a regular file")
                entries.append(_Entry(status.st_size, row, path, status.st_mtime_ns))
            except (OSError, ValueError) as error:
                raise EmbedError(name, row, path, _why(error)) from error
        else:
            try:
                one = feature.embed_storage(pa.array([{"path": path}], array.type), token_per_repo_id=tokens)
            except Exception as error:  # whatever the remote file system raises, the place is worth saying
                raise EmbedError(name, row, path, _why(error)) from error
            content = one.field("bytes")[0].as_buffer()
            entries.append(_Entry(content.size, row, content=content))
    return entries


def _fill(column: _Column) -> pa.StructArray:
    """The storage of a file feature with all its bytes in one buffer of exactly their size."""
    contents, paths = _children(column.array)
    if contents.type != pa.binary() or contents.null_count > column.entries.count(None):
        contents = _read_all(column)
    names = [None if path is None else os.path.basename(path) for path in paths.to_pylist()]  # noqa: PTH119
    arrays = [contents, pa.array(names, pa.string())]
    return pa.StructArray.from_arrays(arrays, ["bytes", "path"], mask=column.array.is_null())


def _read_all(column: _Column) -> pa.BinaryArray:
    """One buffer, allocated once, that every file is read into at its place."""
    values = pa.allocate_buffer(column.size)
    view = memoryview(values).cast("B")
    end = 0
    with ThreadPoolExecutor(READERS) as readers:
        jobs: list[Future[None]] = []
        for entry in column.entries:
            if entry is not None:
                starts = range(0, entry.size or 1, PART)
                source = _Source(entry, len(starts))
                for at in starts:
                    part = view[end + at : end + min(at + PART, entry.size)]
                    jobs.append(readers.submit(_read_part, column.name, source, at, part))
                end += entry.size
        try:
            for job in jobs:
                job.result()
        except BaseException:
            readers.shutdown(cancel_futures=True)
            raise
    ends = accumulate((0 if entry is None else entry.size for entry in column.entries), initial=0)
    valid = pa.array([entry is not None for entry in column.entries], pa.bool_())
    buffers = [valid.buffers()[1], pa.array(ends, pa.int32()).buffers()[1], values]
    return pa.Array.from_buffers(pa.binary(), len(column.entries), buffers)


class _Source:
    """The file of an entry, opened once: from the first of its parts that is read to the last."""

    def __init__(self, entry: _Entry, parts: int) -> None:
        self.entry, self._left, self._lock = entry, parts, Lock()
        self._file: FileIO | None = None

    def __enter__(self) -> FileIO:
        with self._lock:
            self._file = self._file or _file(self.entry.path or "").open("rb", buffering=0)
            return self._file

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._left -= 1
            if not self._left and self._file is not None:
                self._file.close()


def _read_part(name: str, source: _Source, at: int, view: memoryview) -> None:
    """Fill `view` with the bytes of the entry from `at` on."""
    entry = source.entry
    if entry.content is not None:
        view[:] = memoryview(entry.content).cast("B")[at : at + len(view)]
    elif entry.path is not None:
        try:
            with source as file:
                _read_into(file, entry, at, view)
        except (OSError, ValueError) as error:
            raise EmbedError(name, entry.row, entry.path, _why(error)) from error


def _read_into(file: FileIO, entry: _Entry, at: int, view: memoryview) -> None:
    """Read one part of an open file; any sign that the file changed since its size was taken is an error."""
    filled = 0
    while filled < len(view) and (count := os.preadv(file.fileno(), [view[filled:]], at + filled)):
        filled += count
    now, end = os.fstat(file.fileno()), at + filled
    if filled < len(view) or now.st_size != entry.size or (end == entry.size and os.pread(file.fileno(), 1, end)):
        raise ValueError(f"its size changed: {entry.size} bytes expected, now {now.st_size}")
    if now.st_mtime_ns != entry.changed_ns:
        raise ValueError("it was written to since its size was taken")


def _children(array: pa.StructArray) -> tuple[pa.Array, pa.Array]:
    """The `bytes` and `path` of a file feature, null where the file itself is null."""
    children = dict(zip((field.name for field in array.type), array.flatten(), strict=True))
    return children["bytes"], children["path"]


def _file(path: str) -> Path:
    """The file that upstream opens for a local path (the first hop of a chained one)."""
    return Path(path.split("::")[0])


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
