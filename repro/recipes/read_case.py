"""Recipe: read one case out of a large dataset of Parquet files on the Hub, and check every byte that arrives.

Paste this file into a project: it needs `huggingface_hub` and `pyarrow`, and `nibabel` for images.

    index = case_index("owner/name")              # ids of all cases: one small request a file, no image
    case = read_case(index, "sub-0001", columns=["dwi"])
    case["dwi"]                                   # its bytes, not copied
    case.image("dwi")                             # the NIfTI image

A folder with the same files (a mirror, no network) does as well: `case_index(Path("mirror"))`.

The clients' file systems hand on what a server sends in place of what was asked: the whole file, another range, a login
page, half an answer. Here an answer counts if it has status 206, names exactly the range that was asked, in a file of
the known size, at the commit of the index, and is complete. What is missing is asked for again, a few times; the error
then says what happened each time. Parquet page checksums are verified where the file has them; `case.checked` says so.
Without them, `strict=True` reads the whole file and compares its sha256.

The smallest unit is a column in a row group: put one case in a row group.
"""

from __future__ import annotations

import base64
import contextlib
import fnmatch
import gzip
import hashlib
import importlib
import json
import mmap
import os
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
from huggingface_hub import constants
from huggingface_hub.errors import OfflineModeIsEnabled
from huggingface_hub.utils import build_hf_headers, get_session

TRIES = 5
"""How often an answer is asked for, in all; pauses double from `PAUSE_S` to `LONGEST_PAUSE_S`."""
PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
TAIL = 16 << 10
"""Bytes read from the end of a file for its footer; a longer footer takes a second request."""
BLOCK, PIECE = 8 << 20, 64 << 10
"""Bytes of one request where a whole file is read, and bytes that are taken from a connection at a time."""
WORKERS = 8


class CaseError(Exception):
    """A case cannot be read; the message says why, and what was tried."""


class StaleIndex(CaseError):
    """The repository is at another commit than the index: make the index again."""


@dataclass(frozen=True)
class File:
    """A Parquet file as the index knows it: `sum` is its sha256, or git's sha1 for a small file, or empty."""

    path: str
    size: int
    sum: str
    footer: bytes

    @property
    def metadata(self) -> pq.FileMetaData:
        return pq.read_metadata(pa.BufferReader(self.footer))


@dataclass(frozen=True)
class CaseIndex:
    """Where each case is, at one commit of a repository: id -> (file, row group, row in it).

    `save` and `load` keep it in a JSON file, so that the next start asks nothing.
    """

    repo: str
    revision: str
    commit: str
    id_column: str
    files: tuple[File, ...]
    rows: dict[str, tuple[int, int, int]]

    @property
    def ids(self) -> list[str]:
        return list(self.rows)

    def save(self, path: str | os.PathLike[str]) -> None:
        files = [{**vars(file), "footer": base64.b64encode(file.footer).decode()} for file in self.files]
        Path(path).write_text(json.dumps({**vars(self), "files": files}), "utf-8")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> CaseIndex:
        form = json.loads(Path(path).read_text("utf-8"))
        files = tuple(File(**{**one, "footer": base64.b64decode(one["footer"])}) for one in form.pop("files"))
        rows = {name: (file, group, row) for name, (file, group, row) in form.pop("rows").items()}
        return cls(**form, files=files, rows=rows)


@dataclass(frozen=True)
class Case:
    """One row. `checked` is how its bytes were verified beyond their number: `page checksums`, `sum of the file` or ``.

    `case[column]` is the value; of bytes, and of a struct with `bytes` (an image feature), a view of them.
    """

    id: str
    table: pa.Table
    checked: str

    def __getitem__(self, column: str) -> Any:
        value = self.table[column][0]
        if isinstance(value, pa.StructScalar) and "bytes" in value:
            value = value["bytes"]
        if isinstance(value, pa.BinaryScalar) and not isinstance(value, pa.StringScalar):
            return memoryview(value.as_buffer()) if value.is_valid else None
        return value.as_py()

    def image(self, column: str) -> Any:
        """The NIfTI image of a column (needs nibabel)."""
        import nibabel

        content = self[column]
        if content is None:
            raise CaseError(f"case {self.id!r} has no {column}")
        data = gzip.decompress(content) if bytes(content[:2]) == b"\x1f\x8b" else bytes(content)
        second = data[:4] in (b"\x1c\x02\0\0", b"\0\0\x02\x1c")  # a header of 540 bytes
        return (nibabel.Nifti2Image if second else nibabel.Nifti1Image).from_bytes(data)


def case_index(
    repo: str | Path, *, revision: str = "main", id_column: str = "subject_id", files: str = "*.parquet"
) -> CaseIndex:
    """The ids of all cases and where they are; reads footers, and the id column where a footer does not tell the ids.

    `repo` is the name of a dataset on the Hub, or a `Path` of a folder with its files. `files` is a pattern of their
    paths.

    Raises:
        CaseError: a file cannot be read, or an id is missing or there twice.
    """
    source = _source(repo, revision)
    commit, listed = source.list()
    wanted = [one for one in listed if fnmatch.fnmatch(one[0], files)]
    if not wanted:
        raise CaseError(
            f"{repo} has no files {files!r}; it has {', '.join(path for path, _, _ in listed[:5]) or 'none'}"
        )

    def look(number: int) -> tuple[File, list[tuple[str, int, int]]]:
        return _again(f"the footer of {wanted[number][0]}", lambda: _look(source, commit, id_column, *wanted[number]))

    with ThreadPoolExecutor(WORKERS) as pool:
        found = list(pool.map(look, range(len(wanted))))
    rows: dict[str, tuple[int, int, int]] = {}
    for number, (file, ids) in enumerate(found):
        for name, group, row in ids:
            if name in rows:
                raise CaseError(f"case {name!r} is in {found[rows[name][0]][0].path} and in {file.path}")
            rows[name] = (number, group, row)
    return CaseIndex(
        str(repo), "" if isinstance(repo, Path) else revision, commit, id_column, tuple(file for file, _ in found), rows
    )


def read_case(
    index: CaseIndex | str | Path, id: str, columns: Sequence[str] | None = None, *, strict: bool = False
) -> Case:
    """One case: the given columns, or all. A repository in place of an index makes the index first, and forgets it.

    `strict`: if the file has no page checksums, read all of it and compare its sum.

    Raises:
        StaleIndex: the repository has changed since the index was made.
        CaseError: no such case or column, or bytes that did not arrive, or not as they should.
    """
    if not isinstance(index, CaseIndex):
        index = case_index(index)
    if id not in index.rows:
        raise CaseError(f"no case {id!r} among {len(index.rows)}, such as {', '.join(index.ids[:3])}")
    number, group, row = index.rows[id]
    file, source = index.files[number], _source(index.repo if index.revision else Path(index.repo), index.revision)
    metadata = file.metadata
    known = metadata.schema.to_arrow_schema().names
    columns = list(dict.fromkeys(known if columns is None else columns))
    for column in columns:
        if column not in known:
            raise CaseError(f"no column {column!r} in {file.path}: it has {', '.join(known)}")

    def ranged(start: int, stop: int) -> memoryview:
        return source.read(file.path, file.size, index.commit, start, stop)

    def column_of(name: str, read: Read) -> tuple[pa.ChunkedArray, bool]:
        return _again(f"column {name} of {file.path}", lambda: _column(metadata, file.size, group, name, read))

    read: Read = ranged
    ids, sure = column_of(index.id_column, read)
    checked = "page checksums" if sure else ""
    if strict and not sure:
        read, checked = (
            _again(file.path, lambda: _whole(file, group, [index.id_column, *columns], ranged)),
            "sum of the file",
        )
        ids, _ = column_of(index.id_column, read)
    if str(ids[row]) != id:
        raise CaseError(f"{file.path} holds case {ids[row]} where the index has {id!r}: make the index again")
    found = {}
    for name in columns:
        values, sure = (ids, True) if name == index.id_column else column_of(name, read)
        found[name] = values.slice(row, 1)
        if checked == "page checksums" and not sure:
            checked = ""
    if strict and not checked:
        raise CaseError(f"{file.path} has page checksums in some columns only; read it without strict=True")
    return Case(id, pa.table(found), checked)


# ---- what is read of a file ---------------------------------------------------------------------------------------

T = TypeVar("T")
Listing = tuple[str, list[tuple[str, int, str]]]
"""The commit, and (path, size, sum) of each file."""
Read = Callable[[int, int], memoryview]
"""Gives the bytes [start, stop) of one file, laid out by `_in_place`, or raises."""


class _Again(Exception):
    """An answer that does not count; it may be asked for again, after `wait_s`."""

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


def _again(what: str, call: Callable[[], T]) -> T:
    """What `call` returns, tried up to `TRIES` times; the error holds the reason of each failure."""
    reasons: list[str] = []
    while True:
        try:
            return call()
        except _Again as again:
            reasons.append(str(again))
            if len(reasons) == TRIES:
                raise CaseError(f"{what}: gave up after {TRIES} tries: {'; '.join(reasons)}") from again
            pause = max(PAUSE_S * 2 ** (len(reasons) - 1), again.wait_s)
            time.sleep(min(pause, LONGEST_PAUSE_S))


def _look(source: _Source, commit: str, id_column: str, path: str, size: int, sum: str) -> tuple[File, list[Any]]:
    """The footer of a file, and (id, row group, row) of each row."""
    if size < 12:
        raise CaseError(f"{path} is no Parquet file: it has {size} bytes")

    def read(start: int, stop: int) -> memoryview:
        return source.read(path, size, commit, start, stop)

    tail = bytes(read(max(0, size - TAIL), size))
    length = int.from_bytes(tail[-8:-4], "little") + 8
    if tail[-4:] != b"PAR1" or length > size:
        raise _Again("no Parquet footer")
    if length > len(tail):
        tail = bytes(read(size - length, size - len(tail))) + tail
    file = File(path, size, sum, tail[-length:])
    with _damage():
        metadata = file.metadata
        ids = [(str(name), *at) for name, *at in _ids(metadata, size, id_column, read)]
    return file, ids


def _ids(metadata: pq.FileMetaData, size: int, id_column: str, read: Read) -> Iterator[tuple[Any, int, int]]:
    if id_column not in metadata.schema.to_arrow_schema().names:
        raise CaseError(f"no column {id_column!r}; there are {', '.join(metadata.schema.to_arrow_schema().names)}")
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        (chunk,) = _chunks(group, id_column)
        known = chunk.statistics
        told = known is not None and known.has_min_max and known.has_null_count and not known.null_count
        if told and group.num_rows == 1 and known.min == known.max:  # one damaged byte makes them differ
            yield known.min, number, 0
            continue
        values, _ = _column(metadata, size, number, id_column, read)
        for row, value in enumerate(values.to_pylist()):
            if value is None:
                raise CaseError(f"row {row} of row group {number} has no {id_column}")
            yield value, number, row


def _chunks(group: pq.RowGroupMetaData, column: str) -> list[pq.ColumnChunkMetaData]:
    """The chunks of a column; one with fields in it has several."""
    chunks = [group.column(number) for number in range(group.num_columns)]
    return [one for one in chunks if one.path_in_schema == column or one.path_in_schema.startswith(f"{column}.")]


def _span(chunks: Sequence[pq.ColumnChunkMetaData], size: int) -> tuple[int, int]:
    starts = [min(filter(None, (one.dictionary_page_offset, one.data_page_offset))) for one in chunks]
    stops = [start + one.total_compressed_size for start, one in zip(starts, chunks, strict=True)]
    if not chunks or min(starts) < 4 or max(stops) > size or any(a >= b for a, b in zip(starts, stops, strict=True)):
        raise _Again("the footer names bytes outside the file")
    return min(starts), max(stops)


def _column(metadata: pq.FileMetaData, size: int, group: int, name: str, read: Read) -> tuple[pa.ChunkedArray, bool]:
    """A column of a row group, and whether its pages have checksums (which are then verified)."""
    chunks = _chunks(metadata.row_group(group), name)
    start, stop = _span(chunks, size)
    data = read(start, stop)
    firsts = [min(filter(None, (one.dictionary_page_offset, one.data_page_offset))) - start for one in chunks]
    pages = [data[first : first + one.total_compressed_size] for first, one in zip(firsts, chunks, strict=True)]
    with _damage():
        found = _one_row(metadata, name, chunks, pages)
        if found is None:
            file = pa.BufferReader(pa.py_buffer(data.obj))
            reader = pq.ParquetFile(file, metadata=metadata, page_checksum_verification=True, pre_buffer=False)
            table = reader.read_row_group(group, columns=[name], use_threads=False)
            if table.column_names != [name]:
                raise _Again("another column than the footer says")
            found = table[name]
        if len(found) != metadata.row_group(group).num_rows:
            raise _Again("other rows than the footer says")
        found.validate(full=True)
        return found, all(_CHECKSUM in _thrift(page, 0)[0] for page in pages)


_DAMAGE = (pa.ArrowException, OSError, ValueError, OverflowError)
_DAMAGED_HEADER = (LookupError, TypeError, AttributeError, RecursionError)


@contextlib.contextmanager
def _damage() -> Iterator[None]:
    """What pyarrow says of damaged bytes is a reason to ask for them again, and so is a page header of other fields."""
    try:
        yield
    except (*_DAMAGE, *_DAMAGED_HEADER) as error:
        raise _Again(f"damaged: {error}") from error


# ---- a row by itself, with fewer copies than pyarrow makes --------------------------------------------------------

_OFFSET_BYTES = {pa.binary(): 4, pa.string(): 4, pa.large_binary(): 8, pa.large_string(): 8}
_KIND, _SIZE, _PACKED_SIZE, _CHECKSUM, _DATA, _DICTIONARY = 1, 2, 3, 4, 5, 7
"""Fields of the header of a page; the last two hold the number of values, their encoding and that of the levels."""
_DATA_PAGE, _DICTIONARY_PAGE, _PLAIN, _RLE, _INDEXES = 0, 2, 0, 3, (2, 8)
_STREAMED = ("GZIP", "ZSTD", "BROTLI")


def _one_row(
    metadata: pq.FileMetaData, name: str, chunks: Sequence[pq.ColumnChunkMetaData], pages: Sequence[memoryview]
) -> pa.ChunkedArray | None:
    """The only row of a column of bytes or text, or of a struct of those; None if it is less plain: pyarrow reads all.

    pyarrow holds a value twice while it reads, three times from a dictionary, and once more if it is compressed.
    """
    schema = {one.path: one for one in map(metadata.schema.column, range(len(metadata.schema)))}
    type = metadata.schema.to_arrow_schema().field(name).type
    fields = [type.field(number) for number in range(type.num_fields)] if pa.types.is_struct(type) else []
    types = [field.type for field in fields] or [type]
    paths = [f"{name}.{field.name}" for field in fields] or [name]
    if [one.path_in_schema for one in chunks] != paths or any(one not in _OFFSET_BYTES for one in types):
        return None
    arrays = []
    for one, chunk, page in zip(types, chunks, pages, strict=True):
        value = _one_value(chunk, schema[chunk.path_in_schema], page)
        if value is None:
            return None
        ends = b"".join(end.to_bytes(_OFFSET_BYTES[one], sys.byteorder) for end in (0, len(value)))
        arrays.append(pa.Array.from_buffers(one, 1, [None, pa.py_buffer(ends), pa.py_buffer(value)]))
    return pa.chunked_array([pa.StructArray.from_arrays(arrays, fields=fields) if fields else arrays[0]])


def _one_value(chunk: pq.ColumnChunkMetaData, schema: pq.ColumnSchema, pages: memoryview) -> memoryview | None:
    """The bytes of the only value of a chunk, a view of its page; None if they are not as plain as that."""
    if chunk.num_values != 1 or chunk.physical_type != "BYTE_ARRAY" or schema.max_repetition_level:
        return None
    value, at, kinds = None, 0, []
    while at < len(pages):
        header, start = _thrift(pages, at)
        at = start + header[_PACKED_SIZE]
        page, kind = pages[start:at], header[_KIND]
        about = header.get(_DICTIONARY if kind == _DICTIONARY_PAGE else _DATA, {})
        if header[_SIZE] > chunk.total_uncompressed_size or len(page) != header[_PACKED_SIZE] or about.get(1) != 1:
            return None
        if _CHECKSUM in header and zlib.crc32(page) != header[_CHECKSUM] & 0xFFFFFFFF:
            raise ValueError("a page has another checksum")
        content = _unpacked(page, chunk.compression, header[_SIZE])
        if content is None:
            return None
        if kind == _DATA_PAGE and schema.max_definition_level:
            levels, content = content[4 : 4 + _int(content)], content[4 + _int(content) :]
            if about[3] != _RLE or _level(levels, schema.max_definition_level) != schema.max_definition_level:
                return None
        if kind == _DICTIONARY_PAGE or about[2] == _PLAIN:
            value = content
        elif about[2] not in _INDEXES:
            return None
        kinds.append(kind)
    plain = value is not None and kinds in ([_DATA_PAGE], [_DICTIONARY_PAGE, _DATA_PAGE])
    return value[4:] if value is not None and plain and _int(value) == len(value) - 4 else None


def _int(content: memoryview) -> int:
    return int.from_bytes(content[:4], "little")


def _level(runs: memoryview, most: int) -> int:
    """The only level in a run of equal ones or of packed ones; -1 if there are more."""
    return {2: runs[1], 3: runs[1] & ((1 << most.bit_length()) - 1)}.get(runs[0], -1)


def _unpacked(page: memoryview, codec: str, size: int) -> memoryview | None:
    """A page before its compression, if it has this size then; None for the codecs that are left to pyarrow."""
    if codec == "UNCOMPRESSED":
        return page if len(page) == size else None
    if codec == "SNAPPY":
        if _number(page, 0)[0] != size:
            raise ValueError("a page has another size than its header says")
        return memoryview(pa.decompress(page, size, "snappy"))
    if codec not in _STREAMED:
        return None
    content = memoryview(bytearray(size))
    with pa.input_stream(pa.BufferReader(pa.py_buffer(page)), compression=codec.lower()) as stream:
        if stream.readinto(content) != size:
            raise ValueError("a page has another size than its header says")
    return content


def _thrift(data: memoryview, at: int) -> tuple[dict[int, Any], int]:
    """A struct in Thrift's compact protocol with what page headers hold: its fields by number, and where it ends."""
    fields: dict[int, Any] = {}
    number = 0
    while kind := data[at]:
        step, kind, at = kind >> 4, kind & 15, at + 1
        if step:
            number += step
        else:
            number, at = _zigzag(data, at)
        if kind in (1, 2):
            fields[number] = kind == 1
        elif kind in (4, 5, 6):
            fields[number], at = _zigzag(data, at)
        elif kind == 8:  # bytes, which nobody asks for
            length, at = _number(data, at)
            at += length
        elif kind == 12:
            fields[number], at = _thrift(data, at)
        else:
            raise ValueError(f"a page header has a field of kind {kind}")
    return fields, at + 1


def _zigzag(data: memoryview, at: int) -> tuple[int, int]:
    number, at = _number(data, at)
    return number >> 1 ^ -(number & 1), at


def _number(data: memoryview, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends."""
    number = 0
    for shift in range(0, 70, 7):
        byte, at = data[at], at + 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
    raise ValueError("a page header has a number of more than 64 bits")


def _in_place(start: int, stop: int) -> memoryview:
    """Room for bytes [start, stop) of a file, at the end of a mapping that stands for the file up to there.

    So pyarrow finds them at their offset without a copy, and through no Python object. What is not written to takes no
    memory.
    """
    return memoryview(mmap.mmap(-1, stop, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))[start:]


def _whole(file: File, group: int, columns: Sequence[str], read: Read) -> Read:
    """Read a whole file, compare its sum, and keep the bytes of some columns."""
    if not file.sum:
        raise CaseError(f"{file.path} has no page checksums, and no sum is known: read it without strict=True")
    row_group = file.metadata.row_group(group)
    spans = [_span(_chunks(row_group, name), file.size) for name in columns]
    kept = {span: _in_place(*span) for span in spans}
    digest = hashlib.sha256() if len(file.sum) == 64 else hashlib.sha1(b"blob %d\0" % file.size)
    for start in range(0, file.size, BLOCK):
        stop = min(start + BLOCK, file.size)
        data = read(start, stop)
        digest.update(data)
        for (first, last), content in kept.items():
            low, high = max(first, start), min(last, stop)
            if low < high:
                content[low - first : high - first] = data[low - start : high - start]
    if digest.hexdigest() != file.sum:
        raise _Again("the sum of the file is not the one that the repository has")
    if bytes(data[-len(file.footer) :]) != file.footer and len(data) >= len(file.footer):
        raise CaseError(f"the footer of {file.path} is not the one in the index: make the index again")

    def held(start: int, stop: int) -> memoryview:
        return kept[start, stop]

    return held


# ---- where it is read from ----------------------------------------------------------------------------------------


class _Source(Protocol):
    """A repository: what is in it, and bytes of a file at a commit."""

    def list(self) -> Listing: ...
    def read(self, path: str, size: int, commit: str, start: int, stop: int) -> memoryview: ...


def _source(repo: str | Path, revision: str) -> _Source:
    return _Folder(repo) if isinstance(repo, Path) else _Hub(repo, revision)


class _Folder:
    """A folder with the files. Its commit is made of their names, sizes and times."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.expanduser()

    def list(self) -> Listing:
        if not self._folder.is_dir():
            raise CaseError(f"{self._folder} is no folder")
        found = {path.relative_to(self._folder).as_posix(): path for path in sorted(self._folder.rglob("*"))}
        stats = {name: path.stat() for name, path in found.items() if path.is_file() and name[0] != "."}
        state = [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats.items()]
        return hashlib.sha1(repr(state).encode()).hexdigest(), [(name, size, "") for name, size, _ in state]

    def read(self, path: str, size: int, commit: str, start: int, stop: int) -> memoryview:
        if commit != self.list()[0]:
            raise StaleIndex(f"{self._folder} has changed since the index was made: make it again with case_index")
        with (self._folder / path).open("rb") as file:
            file.seek(start)
            data = _in_place(start, stop)
            if file.readinto(data) < len(data):
                raise CaseError(f"{path} ends before byte {stop}")
        return data


class _Hub:
    """A dataset on the Hub, read with ranged requests."""

    def __init__(self, repo: str, revision: str) -> None:
        self._repo, self._revision = repo, revision

    def list(self) -> Listing:
        url = f"{constants.ENDPOINT}/api/datasets/{self._repo}/revision/{quote(self._revision, safe='')}?blobs=true"
        return _again(f"the files of {self._repo}", lambda: self._info(url))

    def _info(self, url: str) -> Listing:
        with _get(url, {}) as (status, _, pieces):
            if status != 200:
                raise _Again(f"status {status}")
            body = b"".join(pieces)
        try:
            form = json.loads(body)
            sums = ((one.get("lfs") or {}).get("sha256") or one["blobId"] for one in form["siblings"])
            files = [(one["rfilename"], int(one["size"]), sum) for one, sum in zip(form["siblings"], sums, strict=True)]
            return str(form["sha"]), files
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _Again("the answer is no list of files") from error

    def read(self, path: str, size: int, commit: str, start: int, stop: int) -> memoryview:
        """Bytes [start, stop) at `commit`; what has arrived of a broken answer is kept, and the rest asked for."""
        url = f"{constants.ENDPOINT}/datasets/{self._repo}/resolve/{quote(self._revision, safe='')}/{quote(path)}"
        data, arrived = _in_place(start, stop), 0

        def ask() -> None:
            nonlocal arrived
            first = start + arrived
            with _get(url, {"Range": f"bytes={first}-{stop - 1}"}) as (status, headers, pieces):
                at = next((one["x-repo-commit"] for one in headers if one.get("x-repo-commit")), "")
                if at and at != commit:
                    raise StaleIndex(
                        f"{self._repo} is at commit {at}, the index at {commit}: make it again with case_index, "
                        "or give case_index the commit as its revision"
                    )
                said = headers[-1].get("content-range", "")
                if status != 206:
                    raise _Again(f"status {status} in place of 206, the part that was asked for")
                if said.replace(" ", "") != f"bytes{first}-{stop - 1}/{size}":
                    raise _Again(f"{said!r} in place of bytes {first}-{stop - 1}/{size}")
                if not at:
                    raise _Again("the answer does not say of which commit it is")
                if headers[-1].get("content-encoding", "identity") != "identity":
                    raise _Again("the answer is compressed")
                for piece in pieces:
                    if arrived + len(piece) > len(data):
                        arrived = 0
                        raise _Again("more bytes than were asked for")
                    data[arrived : arrived + len(piece)] = piece
                    arrived += len(piece)
            if arrived < len(data):
                raise _Again(f"{arrived} of {len(data)} bytes")

        _again(f"bytes {start}-{stop - 1} of {path}", ask)
        return data


_FAILURES: tuple[type[Exception], ...] = (OSError,)
"""What the HTTP library raises: that of huggingface_hub is httpx2 from 2.0 on, httpx from 1.0 on, requests before."""
for _name in ("httpx2", "httpx", "urllib3.exceptions"):
    with contextlib.suppress(ImportError):
        _FAILURES += (importlib.import_module(_name).HTTPError,)

_Answer = tuple[int, list[Any], Iterator[bytes]]


@contextlib.contextmanager
def _get(url: str, headers: dict[str, str]) -> Iterator[_Answer]:
    """Status, headers (of each redirect and of the answer) and body of a GET; _Again if it may go well another time."""
    sent = {**build_hf_headers(), "Accept-Encoding": "identity", **headers}
    session: Any = get_session()
    how: dict[str, Any] = {"headers": sent, "timeout": constants.HF_HUB_DOWNLOAD_TIMEOUT}
    httpx = callable(getattr(session, "stream", None))
    try:
        with (
            session.stream("GET", url, follow_redirects=True, **how) if httpx else session.get(url, stream=True, **how)
        ) as answer:
            status = int(answer.status_code)
            if status in (408, 429) or status >= 500:
                after = answer.headers.get("retry-after", "")
                raise _Again(f"status {status}", float(after) if after.isdecimal() else 0.0)
            if status >= 400:
                raise CaseError(f"{url}: status {status}: {answer.headers.get('x-error-message', 'refused')}")
            body = answer.iter_raw() if httpx else answer.raw.stream(PIECE, decode_content=False)
            yield status, [one.headers for one in (*answer.history, answer)], body
    except OfflineModeIsEnabled as error:
        raise CaseError(f"{error}; a folder with the files does as well: case_index(Path(…))") from error
    except _FAILURES as error:
        raise _Again(f"{type(error).__name__}: {error}".rstrip(": ")) from error
