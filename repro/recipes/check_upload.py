"""Recipe: see from the footers of Parquet files, before or after an upload, whether their file columns hold any bytes.

Paste this file into a project: it needs `pyarrow`, and `huggingface_hub` to look at a repository. As a command:

    python check_upload.py FOLDER              the Parquet files in a folder, or one file
    python check_upload.py OWNER/NAME          a dataset repository (with --revision REV)

Of each file only the end is read; of a repository that is one ranged request a file (two if a footer is very long).
A file column is a struct of `bytes` and `path`, in lists or not. In a footer, an empty list and a file without bytes
are both nulls of `bytes`; the nulls of `path` beside it tell them apart. Exit status: 0 all files are there, 1 some
are not, 2 wrong usage, 3 it cannot be told.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

TAIL = 1 << 16
"""Bytes read from the end of each file; a footer of a few columns takes some KiB."""

OVERHEAD = 128
"""Bytes that a column chunk may take without any data: headers of its pages."""


class Finding(NamedTuple):
    """What the footer of `file` says of the file column `column`.

    `state`: "filled"; "none" (no file is named: nulls or empty lists only); "empty" (files are named, none has bytes);
    "partly" (some have none); "unknown" (the footer does not say). `why` is one line; `size` is that in the file.
    """

    file: str
    column: str
    state: str
    why: str
    size: int


class CheckError(Exception):
    """What was asked for cannot be looked at; the message is one line."""


def check(where: str | os.PathLike[str], *, revision: str | None = None) -> list[Finding]:
    """A finding for each Parquet file of a folder or dataset repository and each of its file columns.

    Raises CheckError if there is no Parquet file, if one is damaged, or if the server sends other than what was asked.
    """
    found: list[Finding] = []
    for name, size, read in _local(Path(where)) if Path(where).exists() else _remote(str(where), revision):
        try:
            found += _findings(name, pq.read_metadata(io.BytesIO(_footer(name, size, read))))
        except (pa.ArrowException, OSError) as error:
            raise CheckError(f"{name}: {_line(error)}") from error
    return found


def _findings(name: str, metadata: pq.FileMetaData) -> Iterator[Finding]:
    schema = metadata.schema
    leaves = {schema.column(index).path: index for index in range(metadata.num_columns)}
    for path, index in leaves.items():
        stem, _, leaf = path.rpartition(".")
        if leaf == "bytes" and f"{stem}.path" in leaves:
            content, names = _Column(metadata, index), _Column(metadata, leaves[f"{stem}.path"])
            yield Finding(name, stem.replace(".list.element", "").replace(".list.item", ""), *_judge(content, names))


class _Column:
    """The chunks of one leaf column together.

    `held` are the values that are not null, `None` where nobody counted; `bare` if they are so short that there may be
    nothing but nulls (whose levels take less than a byte a value), `blank` if every value is known to have no bytes.
    """

    def __init__(self, metadata: pq.FileMetaData, index: int) -> None:
        chunks = [metadata.row_group(group).column(index) for group in range(metadata.num_row_groups)]
        statistics = [chunk.statistics for chunk in chunks]
        self.values = sum(chunk.num_values for chunk in chunks)
        self.compressed = sum(chunk.total_compressed_size for chunk in chunks)
        self.bare = sum(chunk.total_uncompressed_size for chunk in chunks) <= OVERHEAD * len(chunks) + self.values
        counted = all(one is not None and one.has_null_count for one in statistics)
        self.held = self.values - sum(one.null_count for one in statistics) if counted else None
        self.blank = bool(chunks) and all(one is not None and one.has_min_max and one.max == b"" for one in statistics)


def _judge(content: _Column, names: _Column) -> tuple[str, str, int]:
    """State, reason and size."""
    size = content.compressed
    if not content.values:
        return "none", "no rows", size
    if content.held is None:
        if not content.bare:
            return "filled", f"{size} bytes; no statistics", size
        if names.held == 0:
            return "none", "no file is named", size
        return "unknown", f"no statistics, and {size} bytes are too few to tell", size
    if content.held and content.blank:
        return "empty", f"{content.held} values of no bytes", size
    if content.held and content.bare:
        return "unknown", f"{content.held} files in no more than {size} bytes", size
    if names.held is None and not content.held:
        return "unknown", "no bytes, and no statistics of the paths", size
    named = max(names.held or 0, content.held)
    if not named:
        return "none", "no file is named", size
    if not content.held:
        return "empty", f"no bytes for {named} paths", size
    if content.held < named:
        return "partly", f"no bytes for {named - content.held} of {named} paths", size
    return "filled", f"{content.held} files in {size} bytes", size


def _footer(name: str, size: int, read: Callable[[int], bytes]) -> bytes:
    """The end of the file that holds the whole footer."""
    tail = read(min(TAIL, size))
    if size < 12 or tail[-4:] != b"PAR1":
        raise CheckError(f"{name}: not a Parquet file")
    length = int.from_bytes(tail[-8:-4], "little") + 8
    if length > size:
        raise CheckError(f"{name}: its footer claims {length} of {size} bytes")
    return tail if length <= len(tail) else read(length)


Source = tuple[str, int, Callable[[int], bytes]]
"""Name and size of a file, and what reads so many bytes of its end."""


def _local(where: Path) -> Iterator[Source]:
    # a folder may be named so as well; a link that leads nowhere is an error
    files = [where] if where.is_file() else sorted(file for file in where.rglob("*.parquet") if not file.is_dir())
    if not files:
        raise CheckError(f"{where} holds no Parquet file")
    for file in files:
        name = file.relative_to(where) if where.is_dir() else file
        try:
            size = file.stat().st_size
        except OSError as error:
            raise CheckError(f"{name}: {_line(error)}") from error
        yield str(name), size, partial(_end, file)


def _end(file: Path, count: int) -> bytes:
    with file.open("rb") as stream:
        stream.seek(-count, os.SEEK_END)
        return stream.read()


def _remote(repository: str, revision: str | None) -> Iterator[Source]:
    try:
        from huggingface_hub import HfApi, hf_hub_url
    except ImportError as error:
        raise CheckError(f"{repository} is no folder here, and a repository needs huggingface_hub") from error

    repository = repository.removeprefix("hf://").removeprefix("datasets/")
    try:
        tree = list(HfApi().list_repo_tree(repository, recursive=True, revision=revision, repo_type="dataset"))
    except Exception as error:  # whatever the client raises: no such repository, no network, no right
        raise CheckError(f"{repository}: {_line(error)} (and it is no folder here)") from error
    files = [(one.path, one.size) for one in tree if one.path.endswith(".parquet")]
    if not files:
        raise CheckError(f"{repository} holds no Parquet file")
    for path, size in files:
        address = hf_hub_url(repository, path, repo_type="dataset", revision=revision)
        yield path, size, partial(_ranged, address, path, size)


def _ranged(address: str, path: str, size: int, count: int) -> bytes:
    """The last `count` bytes by one request; anything else than just these is an error, and is not downloaded."""
    from huggingface_hub.utils import build_hf_headers, get_session

    session: Any = get_session()
    headers = {**build_hf_headers(), "Range": f"bytes=-{count}", "Accept-Encoding": "identity"}
    httpx = callable(getattr(session, "stream", None))  # huggingface_hub 1.0 and newer; before it was requests
    how: dict[str, Any] = {"headers": headers, "timeout": 60}
    try:
        with session.stream("GET", address, **how) if httpx else session.get(address, stream=True, **how) as answer:
            wanted = (206, f"bytes {size - count}-{size - 1}/{size}")
            got = (answer.status_code, answer.headers.get("Content-Range"))
            if got != wanted:
                raise CheckError(f"{path}: asked for {wanted[1]}, the server answered {got[0]}, {got[1]}")
            data = answer.read() if httpx else answer.content
    except CheckError:
        raise
    except Exception as error:  # whatever the client raises
        raise CheckError(f"{path}: {_line(error)}") from error
    if len(data) != count:
        raise CheckError(f"{path}: {len(data)} of {count} bytes arrived")
    return bytes(data)


def _line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def main(arguments: list[str] | None = None) -> int:
    """The command; the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("where", help="a folder, a Parquet file, or a dataset repository as OWNER/NAME")
    parser.add_argument("--revision", help="branch, tag or commit of the repository")
    given = parser.parse_args(arguments)
    try:
        found = check(given.where, revision=given.revision)
    except CheckError as error:
        print(f"cannot tell: {error}", file=sys.stderr)
        return 3
    for one in found:
        print(f"{one.state:8}{one.file}: {one.column}: {one.why}")
    bad = [one for one in found if one.state in ("empty", "partly")]
    unsure = [one for one in found if one.state == "unknown"]
    if bad:
        print(f"EMPTY: {len(bad)} of {len(found)} file columns; {bad[0].file}: {bad[0].column}: {bad[0].why}")
        return 1
    if unsure or not found:
        said = f"{unsure[0].file}: {unsure[0].column}: {unsure[0].why}" if unsure else "no column of files is in it"
        print(f"CANNOT TELL: {said}")
        return 3
    print(f"OK: {len(found)} file columns, each file that is named has bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
