"""Recipe: write a dataset with large files to Parquet shards in constant memory, resumable after a kill.

Paste this file into a project: it needs `datasets` and what `datasets` needs. `write_shards(dataset, "out")` makes
`out/train-00000-of-00010.parquet` and so on, which `load_dataset("parquet", data_files="out/train-*.parquet")` reads
back with the same features.

pyarrow's writer holds a row three times (row, encoder, page), so a file never goes through it here. pyarrow writes a
*skeleton* of the shard, in which every file is an empty value; then the skeleton is copied, each empty value is
replaced by the file's bytes, block by block, and the sizes and offsets in the Parquet metadata are corrected.

Choices in the files: data pages v2 and no dictionary, statistics or page index for file bytes (of no use to a reader);
file bytes stored as they are unless `compression="zstd"` (compressed scans only cost time); all other columns as zstd
with dictionaries; one row group of at most `row_group_bytes`, or one row if that is larger.

`out/train.manifest.json` lists the shards that are finished, in order: {"schema": 1, "split", "compression",
"num_rows", "num_shards" (of the plan), "file_bytes", "shards": [{"name", "start", "stop" (rows), "source" (hash of all
it is made of), "file_bytes" (of its embedded files), "bytes", "sha256" (both of the whole shard file)}, ...]}.

On a cluster, `out` on a shared file system, where data.py leaves a Dataset of paths in the variable `dataset`:

    python write_shards.py --plan data.py out      # prints how many shards there will be
    python write_shards.py --shard K out           # K from 0; side by side on any machine, and again after a failure
    python write_shards.py --finish out            # checks that all are there and writes the manifest
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import fcntl
import hashlib
import json
import mmap
import os
import re
import runpy
import secrets
import stat
import sys
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, CancelledError, Future, ThreadPoolExecutor, wait
from itertools import accumulate, islice
from pathlib import Path
from threading import Event, Lock
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from datasets import Dataset
from datasets.features.features import require_storage_embed
from datasets.utils.file_utils import is_local_path, xgetsize, xopen
from datasets.utils.py_utils import convert_file_size_to_int
from tqdm.auto import tqdm

ROW_LIMIT = 2**31 - 2**20
"""Bytes of one row in one column: a Parquet page and Arrow's `binary` both end just under 2 GiB."""

BLOCK, AHEAD = 2**19, 4
"""Bytes read and written at a time, and blocks that wait to be hashed; memory use is these, whatever the size."""

CODECS = {"none": 0, "zstd": 6}
"""Compression of file bytes, with its number in the Parquet format."""

Manifest = dict[str, Any]
Names = tuple[str, ...]
Groups = list[tuple[int, int]]
Shard = tuple[str, int, int, Groups]
Leaf = Callable[[pa.Array, Names, list[int]], pa.Array]


class ShardError(Exception):
    """A file could not be written; `column`, `row` (in the dataset), `path` and `reason` say which and why."""

    def __init__(self, column: str, row: int, path: str | None, reason: str) -> None:
        super().__init__(column, row, path, reason)
        self.column, self.row, self.path, self.reason = column, row, path, reason

    def __str__(self) -> str:
        return f"column {self.column!r}, row {self.row}: {self.path or 'all files'}: {self.reason}"


def write_shards(
    dataset: Dataset,
    folder: str | os.PathLike[str],
    *,
    split: str = "train",
    num_shards: int | None = None,
    max_shard_bytes: int | str = "500MB",
    row_group_bytes: int | str = "100MB",
    compression: str = "none",
    progress: bool = True,
) -> Manifest:
    """Write `dataset` with the bytes of all its files to `folder`/`split`-NNNNN-of-NNNNN.parquet.

    Shards are balanced by the real sizes of the files: as few as `max_shard_bytes` allows (a larger row gets a shard
    of its own), or exactly `num_shards`. Each is written under a temporary name, synced to disk, checked and renamed,
    then entered in the manifest, which is returned. After a kill, the same call keeps the finished shards whose rows,
    files (path, size and, if local, time) and sha256 are still the same, and writes the rest. A second call for the
    same folder waits for the first to end.

    Memory: a few MB, whatever the size of files, rows and shards; the other columns cost what pyarrow takes for them.
    Two shards are written at a time. If the table holds bytes already, it is one; they stay where they are, unless
    rows were picked by index: then a shard of them is held, which `dataset.flatten_indices()` beforehand avoids.

    Raises:
        ValueError, TypeError: an argument makes no sense, or `folder` holds shards that are not of this plan.
        ShardError: a file is missing, unreadable, not regular or changes; or one row holds 2 GiB in one column.
        OSError: the disk is full or fails. Nothing partial is left under a final name.
    """
    header, shards, held = _plan(dataset, split, num_shards, max_shard_bytes, row_group_bytes, compression)
    names = [name for name, *_ in shards]
    folder = _made(folder)
    done: dict[str, dict[str, Any]] = {}

    listing, counting, interrupted = Lock(), Lock(), Event()

    def save() -> Manifest:
        manifest: Manifest = {**header, "shards": [done[name] for name in names if done.get(name)]}
        _put(folder / f"{split}.manifest.json", manifest)
        return manifest

    def enter(name: str, entry: dict[str, Any]) -> None:
        with listing:
            done[name] = entry
            save()

    def advance(count: int) -> None:
        if interrupted.is_set():
            raise CancelledError
        with counting:
            bar.update(count)

    def make(name: str, start: int, stop: int, groups: Groups) -> None:
        with _Skeleton(dataset, folder / f".{name}.skeleton", groups) as skeleton:
            skeleton.write()
            found = done.get(name, {})
            entry = {"name": name, "start": start, "stop": stop, "source": skeleton.source(compression)}
            if found.get("source") == entry["source"] and _sha256(folder / name) == found["sha256"]:
                advance(found["file_bytes"])
                done[name] = found | entry
                return
            if found:
                enter(name, {})  # from here on the old shard is not vouched for
            enter(name, entry | _write(skeleton, folder / name, compression, advance))

    try:
        bar = tqdm(total=header["file_bytes"], unit="B", unit_scale=True, desc=f"{split} shards", disable=not progress)
        with _alone(folder), bar, ThreadPoolExecutor(1 if held else 2) as pool:
            done.update(_finished(folder, split, names))
            save()
            try:
                jobs = [pool.submit(make, *shard) for shard in shards]
                wait(jobs, return_when=FIRST_EXCEPTION)
            except BaseException:  # Ctrl-C: end at the next block
                interrupted.set()
                raise
            finally:
                pool.shutdown(cancel_futures=True)
            for job in jobs:
                job.result()
            return save()
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            kept = "finished shards are kept; make room and repeat the same call"
            raise OSError(error.errno, f"{os.strerror(error.errno)} ({kept})", str(folder)) from error
        raise


# ---- one shard a job --------------------------------------------------------------------------------------------


def plan_shards(dataset: Dataset, folder: str | os.PathLike[str], *, split: str = "train", **options: Any) -> int:
    """Plan what `write_shards` with these options would write, for `write_shard`; returns the number of shards.

    The plan is one file in `folder`, with all rows and the paths in them. The same plan again changes nothing.
    """
    header, shards, held = _plan(dataset, split, **options)
    if held:
        raise ValueError("the table holds bytes of files; plan with a dataset of their paths, or call write_shards")
    schema, sink = dataset.features.arrow_schema, pa.BufferOutputStream()
    words = schema.with_metadata({**schema.metadata, b"plan": json.dumps([header, shards])})
    with pa.ipc.new_stream(sink, words) as stream:
        for start, stop in (rows for *_, groups in shards for rows in groups):  # cut as they will be read
            stream.write_table(dataset.with_format("arrow")[start:stop])
    content = sink.getvalue().to_pybytes()
    plan, path = hashlib.sha256(content).hexdigest(), _made(folder) / f"{split}.plan.arrow"
    with _alone(path.parent):
        if _sha256(path) != plan:
            for name, entry in _finished(path.parent, split, [name for name, *_ in shards]).items():
                _put(path.with_name(f".{name}.json"), {"plan": plan, "entry": entry})
            _put(path.with_name(f"{split}.manifest.json"), {**header, "shards": []})  # none is vouched for as yet
            _put(path, content)
    return len(shards)


def write_shard(folder: str | os.PathLike[str], index: int, *, split: str = "train") -> dict[str, Any]:
    """Write one shard of the plan, unless it is there; returns its part of the manifest, which `folder` keeps.

    Any shards may be written at the same time, the same one too: each job puts the same bytes in place, at once.
    """
    header, shards, path, plan = _planned(folder, split)
    if not 0 <= index < len(shards):
        raise ValueError(f"there is no shard {index}; type 0 to {len(shards) - 1}")
    name, start, stop, groups = shards[index]
    shard, note, mark = path.with_name(name), path.with_name(f".{name}.json"), f".{secrets.token_hex(4)}"
    with _Skeleton(Dataset.from_file(str(path)), path.with_name(f".{name}{mark}.skeleton"), groups) as skeleton:
        skeleton.write()
        entry = {"name": name, "start": start, "stop": stop, "source": skeleton.source(header["compression"])}
        found = _noted(shard, plan)
        if found.get("source") != entry["source"] or _sha256(shard) != found["sha256"]:
            note.unlink(missing_ok=True)
            found = _write(skeleton, shard, header["compression"], int, mark)
            _put(note, {"plan": plan, "entry": entry | found}, mark)
            if not path.exists():  # finished meanwhile: another job wrote the same shard
                note.unlink(missing_ok=True)
    return entry | found


def finish_shards(folder: str | os.PathLike[str], *, split: str = "train") -> Manifest:
    """Check that each shard of the plan is there with its size, write the manifest, remove the plan and leftovers."""
    header, shards, path, plan = _planned(folder, split)
    entries = [_noted(path.with_name(name), plan) for name, *_ in shards]
    missing = [index for index, entry in enumerate(entries) if not entry]
    if missing:
        raise ValueError(f"{len(missing)} of {len(shards)} shards are not there; write these, then finish: {missing}")
    if sum(entry["file_bytes"] for entry in entries) != header["file_bytes"]:
        raise ValueError(f"sizes of files changed since the plan was made; remove {path} and plan again")
    with _alone(path.parent):
        _put(path.with_name(f"{split}.manifest.json"), manifest := {**header, "shards": entries})
        path.unlink()
        _finished(path.parent, split, [name for name, *_ in shards])  # removes what the jobs left
    return manifest


# ---- the plan ---------------------------------------------------------------------------------------------------


def _plan(
    dataset: Dataset,
    split: str,
    num_shards: int | None = None,
    max_shard_bytes: int | str = "500MB",
    row_group_bytes: int | str = "100MB",
    compression: str = "none",
) -> tuple[Manifest, list[Shard], bool]:
    """The manifest without shards, what each shard holds, and whether the table holds bytes of files."""
    limit, group_limit = _bytes("max_shard_bytes", max_shard_bytes), _bytes("row_group_bytes", row_group_bytes)
    _check_arguments(dataset, split, num_shards, group_limit, compression)
    weights, file_bytes, held = _weigh(dataset)
    bounds = _partition(weights, num_shards, limit)
    names = [f"{split}-{index:05d}-of-{len(bounds):05d}.parquet" for index in range(len(bounds))]
    header = {"schema": 1, "split": split, "compression": compression, "num_rows": len(weights)}
    header |= {"num_shards": len(names), "file_bytes": file_bytes}
    shards = [(name, *rows, _groups(weights, *rows, group_limit)) for name, rows in zip(names, bounds, strict=True)]
    return header, shards, held


def _planned(folder: str | os.PathLike[str], split: str) -> tuple[Manifest, list[Shard], Path, str]:
    """What `plan_shards` left in the folder, and its sha256."""
    path = Path(folder) / f"{split}.plan.arrow"
    plan = _sha256(path)
    if plan is None:
        raise ValueError(f"there is no {path}; make the plan first, or it is finished: see {split}.manifest.json")
    return *json.loads(pa.ipc.open_stream(path.read_bytes()).schema.metadata[b"plan"]), path, plan


def _noted(shard: Path, plan: str) -> dict[str, Any]:
    """The entry of a shard of this plan; nothing if it is not there in that size."""
    try:
        note = json.loads(shard.with_name(f".{shard.name}.json").read_bytes())
        return note["entry"] if note["plan"] == plan and shard.stat().st_size == note["entry"]["bytes"] else {}
    except FileNotFoundError:
        return {}


def _made(folder: str | os.PathLike[str]) -> Path:
    """The folder, made if it is missing."""
    folder = Path(folder)
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in made:
        _sync_folder(path.parent)
    return folder


def _check_arguments(dataset: Any, split: str, num_shards: int | None, group_limit: int, compression: str) -> None:
    if not isinstance(dataset, Dataset):
        raise TypeError(f"write_shards takes one Dataset, not {type(dataset).__name__}; pass one split: ds['train']")
    if not re.fullmatch(r"\w+(\.\w+)*", split):
        raise ValueError(f"split={split!r} is no split name; use letters, digits, _ and single dots")
    if num_shards is not None and not 1 <= num_shards <= max(len(dataset), 1):
        raise ValueError(f"num_shards={num_shards}, but there are {len(dataset)} rows; type 1 to that many, or None")
    if group_limit > ROW_LIMIT:
        raise ValueError(f"row_group_bytes={group_limit} is too large; type {ROW_LIMIT} or less")
    if compression not in CODECS:
        raise ValueError(f"compression={compression!r} is unknown; type one of {', '.join(map(repr, CODECS))}")


def _bytes(name: str, value: int | str) -> int:
    try:
        size = int(value) if str(value).isdigit() else int(convert_file_size_to_int(value))
    except ValueError:
        size = 0
    if size < 1:
        raise ValueError(f'{name}={value!r} is no size in bytes; type a positive one, such as {name}="500MB"')
    return size


def _weigh(dataset: Dataset) -> tuple[list[int], int, bool]:
    """The bytes of each row, the bytes of all files, and whether the table holds some. No file is opened."""
    weights: list[int] = []
    file_bytes, step, held = 0, 1, False
    while len(weights) < len(dataset):
        start = len(weights)
        table = dataset.with_format("arrow")[start : start + step]
        skeleton, files = _hollow(table, dataset, start)
        rest = skeleton.nbytes // table.num_rows + 1
        weights += [rest] * table.num_rows
        for path, entries in files.items():
            per_row: dict[int, int] = {}
            for entry in entries:
                per_row[entry.row] = per_row.get(entry.row, 0) + entry.size + 4
                weights[entry.row] += entry.size
                file_bytes += entry.size
                held |= entry.content is not None
            for row, size in per_row.items():
                if size > ROW_LIMIT:
                    reason = (
                        f"{size} bytes in one row of one column; at most {ROW_LIMIT} can be read back: use more rows"
                    )
                    raise ShardError(path[0], row, None, reason)
        # a table that holds bytes already is copied if its rows are picked by index: keep such steps small
        step = min(step * 2, 1024) if table.nbytes < 2**24 else max(step // 2, 1)
    return weights, file_bytes, held


def _partition(weights: list[int], count: int | None, limit: int) -> list[tuple[int, int]]:
    """Rows [start, stop) of each shard: contiguous, none empty, the largest shard as small as it can be."""
    ends = list(accumulate(weights, initial=0))

    def fill(capacity: int, shards: int | None = None) -> list[tuple[int, int]]:
        bounds: list[tuple[int, int]] = []
        start = 0
        while start < len(weights):
            stop = max(bisect_right(ends, ends[start] + capacity) - 1, start + 1)
            if shards is not None:  # leave a row for each shard to come
                stop = min(stop, len(weights) - (shards - len(bounds) - 1))
            bounds.append((start, stop))
            start = stop
        return bounds

    if not weights:
        return [(0, 0)]
    low, high = (1, ends[-1]) if count else (1, min(limit, ends[-1]))
    count = count or len(fill(limit))
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if len(fill(middle)) <= count else (middle + 1, high)
    return fill(low, count)


def _groups(weights: list[int], start: int, stop: int, limit: int) -> list[tuple[int, int]]:
    """Rows [start, stop) of each row group of a shard: as many as `limit` bytes hold, at least one."""
    bounds = []
    while start < stop:
        size, end = weights[start], start + 1
        while end < stop and size + weights[end] <= limit:
            size += weights[end]
            end += 1
        bounds.append((start, end))
        start = end
    return bounds


# ---- what is there already --------------------------------------------------------------------------------------


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other call writes to the folder: it would take this one's unfinished files for leftovers."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network file systems lock no folder
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _finished(folder: Path, split: str, names: list[str]) -> dict[str, dict[str, Any]]:
    """The entries of an earlier manifest, by name; leftovers of a killed run are removed."""
    for leftover in folder.glob(f".{split}-*-of-*.parquet.*"):
        leftover.unlink(missing_ok=True)  # a job that runs twice may remove its own
    path = folder / f"{split}.manifest.json"
    try:
        listed = {entry["name"]: entry for entry in json.loads(path.read_bytes())["shards"]}
    except FileNotFoundError:
        listed = None
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is no manifest of write_shards; remove it or choose another folder") from error
    for shard in sorted(folder.glob(f"{split}-*-of-*.parquet")):
        if listed is None or shard.name not in names:
            raise ValueError(f"{shard} is not a shard of this plan ({names[-1]} ends it); choose an empty folder")
    return listed or {}


def _sha256(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None


# ---- the skeleton -----------------------------------------------------------------------------------------------


class _File(NamedTuple):
    """One value to put in: a path (with size and time when planned) or bytes that the table holds."""

    column: str
    row: int
    size: int
    path: str | None = None
    changed_ns: int | None = None
    content: pa.Buffer | None = None


def _hollow(table: pa.Table, dataset: Dataset, first_row: int) -> tuple[pa.Table, dict[Names, list[_File]]]:
    """`table` with empty bytes in place of files, and the files of each Parquet column, in order."""
    schema = dataset.features.arrow_schema
    files: dict[Names, list[_File]] = {}
    batches = []

    def leaf(array: pa.Array, names: Names, rows: list[int]) -> pa.Array:
        contents, paths = _children(array)
        found = [_look(content, path, names[0], row) for content, path, row in zip(contents, paths, rows, strict=True)]
        files.setdefault((*names, "bytes"), []).extend(file for file in found if file is not None)
        hollow = pa.array([None if file is None else b"" for file in found], pa.binary())
        last = [None if path is None else os.path.basename(path) for path in paths.to_pylist()]  # noqa: PTH119
        arrays = [hollow, pa.array(last, pa.string())]
        return pa.StructArray.from_arrays(arrays, ["bytes", "path"], mask=array.is_null())

    for batch in table.to_batches():
        rows = list(range(first_row, first_row + batch.num_rows))
        arrays = [_rebuild(batch.column(name), sub, (name,), rows, leaf) for name, sub in dataset.features.items()]
        batches.append(pa.RecordBatch.from_arrays(arrays, schema=schema))
        first_row += batch.num_rows
    return pa.Table.from_batches(batches, schema=schema), files


def _rebuild(array: pa.Array, feature: Any, names: Names, rows: list[int], leaf: Leaf) -> pa.Array:
    """`array` with `leaf` applied to each file feature in it; `rows[i]` is the dataset row that entry i belongs to.

    Only entries that the slice shows reach `leaf`: `flatten()` honours offsets and nulls, `values` does not.
    `names` is the path of the column in the Parquet schema.
    """
    if not require_storage_embed(feature):
        return array
    if hasattr(feature, "embed_storage"):
        return leaf(array, names, rows)
    kind = array.type
    nulls = array.is_null()
    if pa.types.is_struct(kind):
        children = dict(zip((field.name for field in kind), array.flatten(), strict=True))
        arrays = [_rebuild(children[name], sub, (*names, name), rows, leaf) for name, sub in feature.items()]
        return pa.StructArray.from_arrays(arrays, names=list(feature), mask=nulls)
    names = (*names, "list", "element")
    if pa.types.is_fixed_size_list(kind):
        length = kind.list_size
        values = array.values.slice(array.offset * length, len(array) * length)
        if array.null_count:  # what lies under a null list is not part of the data
            shown = pa.array([valid for valid in array.is_valid().to_pylist() for _ in range(length)])
            values = pc.if_else(shown, values, pa.scalar(None, values.type))
        rows = [row for row in rows for _ in range(length)]
        values = _rebuild(values, feature.feature, names, rows, leaf)
        return pa.FixedSizeListArray.from_arrays(values, length, mask=nulls)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        lengths = pc.fill_null(pc.list_value_length(array), 0).to_pylist()
        rows = [row for row, length in zip(rows, lengths, strict=True) for _ in range(length)]
        values = _rebuild(array.flatten(), feature.feature, names, rows, leaf)
        large = pa.types.is_large_list(kind)
        offsets = pa.array(accumulate(lengths, initial=0), pa.int64() if large else pa.int32())
        return (pa.LargeListArray if large else pa.ListArray).from_arrays(offsets, values, mask=nulls)
    raise TypeError(f"column {names[0]!r} is {kind}, which {feature} does not describe; cast the dataset")


def _file_columns(feature: Any, names: Names) -> Iterator[Names]:
    """The Parquet columns of file bytes in a feature."""
    if hasattr(feature, "embed_storage"):
        yield (*names, "bytes")
    elif isinstance(feature, dict):
        for name, sub in feature.items():
            yield from _file_columns(sub, (*names, name))
    elif require_storage_embed(feature):
        yield from _file_columns(feature.feature, (*names, "list", "element"))


def _children(array: pa.StructArray) -> tuple[pa.Array, pa.Array]:
    """The `bytes` and `path` of a file feature, null where the file itself is null."""
    children = dict(zip((field.name for field in array.type), array.flatten(), strict=True))
    return children["bytes"], children["path"]


def _look(content: pa.Scalar, name: pa.Scalar, column: str, row: int) -> _File | None:
    """The size (and, of a local file, the time of change) of what is to be put in; `None` for a null."""
    if content.is_valid:
        buffer = content.as_buffer()
        return _File(column, row, buffer.size, content=buffer)
    path = name.as_py()
    if path is None:
        return None
    try:
        if not is_local_path(path):
            return _File(column, row, int(xgetsize(path)), path)
        status = Path(path.split("::")[0]).stat()  # the first hop of a chained path, as upstream
        if not stat.S_ISREG(status.st_mode):  # opening a pipe or a device could block for ever
            raise ValueError("not a regular file")
        return _File(column, row, status.st_size, path, status.st_mtime_ns)
    except Exception as error:  # a remote file system may raise anything; the place is worth saying
        raise ShardError(column, row, path, _why(error)) from error


class _Skeleton:
    """A shard as a Parquet file in which every file is an empty value, and the files to put in, by row group."""

    def __init__(self, dataset: Dataset, path: Path, groups: list[tuple[int, int]]) -> None:
        self.dataset, self.path, self.groups = dataset, path, groups
        self.num_rows = sum(stop - start for start, stop in groups)
        self.files: list[dict[Names, list[_File]]] = []

    def __enter__(self) -> _Skeleton:
        return self

    def __exit__(self, *_: object) -> None:
        self.path.unlink(missing_ok=True)

    def source(self, compression: str) -> str:
        """Hash of all that the shard is made of, without reading files: skeleton, paths, sizes, times, bytes held."""
        with self.path.open("rb") as skeleton:
            digest = hashlib.file_digest(skeleton, "blake2b")
        digest.update(compression.encode())
        for file in (file for group in self.files for files in group.values() for file in files):
            digest.update(repr((file.path, file.size, file.changed_ns)).encode())
            digest.update(file.content or b"")
        return digest.hexdigest()

    def write(self) -> None:
        """Write the file at `path`; the end of the context removes it."""
        schema = self.dataset.features.arrow_schema
        sink = pa.BufferOutputStream()
        pq.write_table(schema.empty_table(), sink, use_compliant_nested_type=True)
        columns = pq.ParquetFile(pa.BufferReader(sink.getvalue())).schema
        hollow = {
            ".".join(names) for name, sub in self.dataset.features.items() for names in _file_columns(sub, (name,))
        }
        others = {columns.column(index).path for index in range(len(columns))} - hollow
        with pq.ParquetWriter(
            self.path,
            schema,
            compression=dict.fromkeys(others, "zstd"),
            use_dictionary=sorted(others),
            write_statistics=sorted(others),
            data_page_version="2.0",  # its header gives the length of the levels before the values
            use_compliant_nested_type=True,
        ) as writer:
            for start, stop in self.groups:
                table, files = _hollow(self.dataset.with_format("arrow")[start:stop], self.dataset, start)
                writer.write_table(table, row_group_size=table.num_rows)
                self.files.append(files)


# ---- the shard --------------------------------------------------------------------------------------------------


def _write(
    skeleton: _Skeleton, path: Path, compression: str, progress: Callable[[int], Any], mark: str = ""
) -> dict[str, Any]:
    """Write, sync, check and rename one shard; returns its part of the manifest."""
    with _Output(path, mark) as out, skeleton.path.open("rb") as file:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
            _splice(view, skeleton.files, out, compression, progress)
        digest = out.finish()
        written = pq.read_metadata(out.path)
        if (written.num_rows, written.num_row_groups) != (skeleton.num_rows, len(skeleton.groups)):
            raise RuntimeError(f"{path} would not hold the rows it should; please report this")
    file_bytes = sum(file.size for group in skeleton.files for files in group.values() for file in files)
    return {"file_bytes": file_bytes, "bytes": out.position, "sha256": digest}


def _splice(
    view: mmap.mmap,
    groups: list[dict[Names, list[_File]]],
    out: _Output,
    compression: str,
    progress: Callable[[int], Any],
) -> None:
    """Copy a skeleton with its files put in. Numbers in [] are field ids of Parquet's `FileMetaData`."""
    length = int.from_bytes(view[-8:-4], "little")
    footer, _ = _read_struct(view, len(view) - 8 - length)
    out.put(view[:4])
    for group, files in zip(footer[4], groups, strict=True):
        group[5] = out.position
        for chunk in group[1]:
            meta = chunk[3]
            names = tuple(name.decode() for name in meta[3])
            start = min(meta[9], meta.get(11, meta[9]))
            stop = start + meta[7]
            if names in files:
                _splice_chunk(view[start:stop], meta, iter(files[names]), out, compression, progress)
                continue
            shift = out.position - start
            for at in range(start, stop, BLOCK):
                out.put(view[at : min(at + BLOCK, stop)])
            for key in {9, 11} & meta.keys():
                meta[key] += shift
        group[2] = sum(chunk[3][6] for chunk in group[1])
        group[6] = sum(chunk[3][7] for chunk in group[1])
    end = _write_struct(footer)
    out.put(end + len(end).to_bytes(4, "little") + view[-4:])


def _splice_chunk(
    chunk: bytes,
    meta: _Struct,
    files: Iterator[_File],
    out: _Output,
    compression: str,
    progress: Callable[[int], Any],
) -> None:
    """Write the pages of one column of file bytes, and correct its `ColumnMetaData` in place."""
    meta[4] = CODECS[compression]
    meta[9] = out.position
    for key in {12, 16} & meta.keys():  # statistics of the empty values
        del meta[key]
    raw_size = at = 0
    while at < len(chunk):
        header, body = _read_struct(chunk, at)
        at = body + header[3]
        levels = chunk[body : body + header[8][5] + header[8][6]]
        page = list(islice(files, (header[3] - len(levels)) // 4))  # an empty value is its length, 4 bytes
        header[2] = header[3] = len(levels) + sum(4 + file.size for file in page)
        if compression == "none":
            head = _write_struct(header)
            out.put(head + levels)
            for file in page:
                _put_file(file, out.put, progress)
        else:
            spool = out.path.with_suffix(".spool")  # the header, which comes first, needs the compressed size
            try:
                with pa.output_stream(str(spool), compression=compression) as packer:
                    for file in page:
                        _put_file(file, packer.write, progress)
                header[3] = len(levels) + spool.stat().st_size
                header[8][7], header[8].kinds[7] = True, _TRUE
                head = _write_struct(header)
                out.put(head + levels)
                with spool.open("rb") as packed:
                    while block := packed.read(BLOCK):
                        out.put(block)
            finally:
                spool.unlink(missing_ok=True)
        raw_size += len(head) + header[2]
    meta[6], meta[7] = raw_size, out.position - meta[9]


def _put_file(file: _File, put: Callable[[Any], Any], progress: Callable[[int], Any]) -> None:
    """Pass on one value as Parquet stores it: its length, then its bytes, block by block."""
    put(file.size.to_bytes(4, "little"))
    for block in _blocks(file):
        put(block)
        progress(len(block))


def _blocks(file: _File) -> Iterator[Any]:
    """The bytes of one file; any sign that it is not the file that was planned is an error."""
    if file.content is not None:
        content = memoryview(file.content).cast("B")
        yield from (content[at : at + BLOCK] for at in range(0, len(content), BLOCK))
    elif file.path is not None:
        try:
            local = file.changed_ns is not None
            with Path(file.path.split("::")[0]).open("rb", buffering=0) if local else xopen(file.path, "rb") as source:
                left = file.size
                while left and (block := source.read(min(left, BLOCK))):
                    left -= len(block)
                    yield block
                if left or source.read(1):
                    raise ValueError(f"its size changed: it had {file.size} bytes when the write was planned")
                if local and os.fstat(source.fileno()).st_mtime_ns != file.changed_ns:
                    raise ValueError("it was written to after the write was planned")
        except Exception as error:  # a remote file system may raise anything; the place is worth saying
            raise ShardError(file.column, file.row, file.path, _why(error)) from error


class _Output:
    """A file that is hashed in the background while it is written, and gets its name at the end if all went well."""

    def __init__(self, path: Path, mark: str = "") -> None:
        self.path, self._final, self.position = path.with_name(f".{path.name.lstrip('.')}{mark}.tmp"), path, 0
        self._file = self.path.open("wb", buffering=0)
        self._digest, self._hasher = hashlib.sha256(), ThreadPoolExecutor(1)
        self._ahead: deque[Future[None]] = deque()
        self._small, self._advised = bytearray(), 0

    def __enter__(self) -> _Output:
        return self

    def __exit__(self, error: object, *_: object) -> None:
        try:
            self._hasher.shutdown()
            self._file.close()
            if error is None:
                self.path.replace(self._final)
                _sync_folder(self._final.parent)
        finally:
            self.path.unlink(missing_ok=True)

    def put(self, data: Any) -> None:
        """Append `data`, which must not change afterwards. Small pieces are gathered first."""
        self.position += len(data)
        if len(data) < BLOCK // 4 and len(self._small) < BLOCK:
            self._small += data
            return
        for block in filter(len, (self._small, data)):
            self._write(block)
        self._small = bytearray()

    def finish(self) -> str:
        """Everything on disk; returns the sha256."""
        self._write(self._small)
        _sync(self._file.fileno())  # while the last blocks are hashed
        for hashed in self._ahead:
            hashed.result()
        return self._digest.hexdigest()

    def _write(self, data: Any) -> None:
        self._ahead.append(self._hasher.submit(self._digest.update, data))
        if len(self._ahead) > AHEAD:
            self._ahead.popleft().result()
        block = memoryview(data)
        while block:
            block = block[self._file.write(block) :]
        if hasattr(os, "posix_fadvise") and self._file.tell() - self._advised >= 32 * BLOCK:
            # Linux starts to write these pages to disk now, so that the sync at the end has less to wait for
            os.posix_fadvise(self._file.fileno(), self._advised, 0, os.POSIX_FADV_DONTNEED)
            self._advised = self._file.tell()


# ---- small things -----------------------------------------------------------------------------------------------


class _Struct(dict[int, Any]):
    """A Thrift struct: values by field id, with the wire type of each."""

    kinds: dict[int, int]


class _List(list[Any]):
    """A Thrift list, with the wire type of its elements."""

    kind: int


def _read_struct(data: Any, at: int) -> tuple[_Struct, int]:
    """Decode one struct of Thrift's compact protocol (all of Parquet's metadata); returns it and where it ends."""
    struct, field = _Struct(), 0
    struct.kinds = {}
    while head := data[at]:
        at += 1
        if head >> 4:
            field += head >> 4
        else:
            field, at = _read_value(data, at, _INT)
        struct.kinds[field] = head & 15
        struct[field], at = _read_value(data, at, head & 15)
    return struct, at + 1


_TRUE, _FALSE, _BYTE, _INT = 1, 2, 3, 5


def _read_value(data: Any, at: int, kind: int) -> tuple[Any, int]:
    match kind:
        case 1 | 2:
            return kind == _TRUE, at
        case 3:
            return data[at], at + 1
        case 4 | 5 | 6:
            number, at = _read_varint(data, at)
            return (number >> 1) ^ -(number & 1), at
        case 7:
            return data[at : at + 8], at + 8
        case 8:
            size, at = _read_varint(data, at)
            return data[at : at + size], at + size
        case 9 | 10:
            size, elements = data[at] >> 4, _List()
            elements.kind = data[at] & 15
            at += 1
            if size == 15:
                size, at = _read_varint(data, at)
            for _ in range(size):
                element, at = _read_value(data, at, _BYTE if elements.kind in {_TRUE, _FALSE} else elements.kind)
                elements.append(element)
            return elements, at
        case 12:
            return _read_struct(data, at)
    raise RuntimeError(f"Thrift type {kind} in Parquet metadata; please report this")


def _read_varint(data: Any, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        number |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return number, at


def _write_struct(struct: _Struct) -> bytes:
    parts, last = [], 0
    for field in sorted(struct):
        value, kind = struct[field], struct.kinds[field]
        if kind in {_TRUE, _FALSE}:
            kind = _TRUE if value else _FALSE
        step = field - last
        parts.append(bytes([step << 4 | kind]) if step < 16 else bytes([kind]) + _write_value(field, _INT))
        parts.append(b"" if kind in {_TRUE, _FALSE} else _write_value(value, kind))
        last = field
    return b"".join(parts) + b"\0"


def _write_value(value: Any, kind: int) -> bytes:
    match kind:
        case 3:
            return bytes([value])
        case 4 | 5 | 6:
            return _write_varint(value << 1 if value >= 0 else (-value << 1) - 1)
        case 7:
            return bytes(value)
        case 8:
            return _write_varint(len(value)) + bytes(value)
        case 9 | 10:
            short = min(len(value), 15)
            head = bytes([short << 4 | value.kind]) + (_write_varint(len(value)) if short == 15 else b"")
            element = _BYTE if value.kind in {_TRUE, _FALSE} else value.kind
            return head + b"".join(_write_value(item, element) for item in value)
    return _write_struct(value)


def _write_varint(number: int) -> bytes:
    parts = bytearray()
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def _put(path: Path, content: bytes | dict[str, Any], mark: str = "") -> None:
    """Write a small file, whole or not at all."""
    with _Output(path, mark) as out:
        out.put(content if isinstance(content, bytes) else json.dumps(content, indent=1).encode())
        out.finish()


def _sync(descriptor: int) -> None:
    full = getattr(fcntl, "F_FULLFSYNC", None)  # macOS: fsync alone leaves the data in the drive's cache
    if full is None:
        os.fsync(descriptor)
    else:
        fcntl.fcntl(descriptor, full)


def _sync_folder(folder: Path) -> None:
    """A rename is on disk once its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    step = parser.add_mutually_exclusive_group(required=True)
    step.add_argument("--plan", metavar="SCRIPT", help="Python that leaves a Dataset of paths in the variable dataset")
    step.add_argument("--shard", type=int, metavar="K", help="write shard K of the plan, from 0")
    step.add_argument("--finish", action="store_true", help="check the shards and write the manifest")
    parser.add_argument("folder", help="where the shards go")
    parser.add_argument("--split", default="train")
    parser.add_argument("--max-shard-bytes", default="500MB", help="with --plan (default 500MB)")
    given = parser.parse_args()
    folder, split = given.folder, given.split
    try:
        if given.plan:
            dataset = runpy.run_path(given.plan).get("dataset")
            print(plan_shards(dataset, folder, split=split, max_shard_bytes=given.max_shard_bytes))
        elif given.finish:
            finish_shards(folder, split=split)
        else:
            write_shard(folder, given.shard, split=split)
    except (ShardError, OSError, TypeError, ValueError) as error:
        sys.exit(f"write_shards: {error}")


if __name__ == "__main__":
    main()
