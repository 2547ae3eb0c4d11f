"""Versions of a cache in its folder: published in one step, locked by readers, removed when nobody needs them."""

from __future__ import annotations

import base64
import contextlib
import errno
import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from .disk import sync_folder
from .features import FORMAT, CacheError
from .ipc import Shard

Folder = str | os.PathLike[str]


@dataclass(frozen=True)
class Meta:
    """What `cache.json` says of a version."""

    version: str
    key: str | None
    schema: str
    columns: dict[str, Any]
    shards: list[Shard]

    @property
    def num_rows(self) -> int:
        return sum(shard.rows for shard in self.shards)

    @property
    def arrow_schema(self) -> pa.Schema:
        return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(self.schema)))


@contextlib.contextmanager
def writing_alone(home: Path) -> Iterator[bool]:
    """Hold the cache for writing; the value is whether another writer published while this one waited."""
    for path in reversed([path for path in (home, *home.parents) if not path.exists()]):
        path.mkdir(exist_ok=True)
        sync_folder(path.parent)
    file = os.open(home / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        before = replaced_version(home)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield replaced_version(home) != before
    finally:
        os.close(file)


def tidy(home: Path, version: str) -> None:
    """Leave nothing beside a published version but what others use."""
    for path in (*(home / version).glob("part-*.jsonl"), *(home / version).glob("plan.json")):
        path.unlink()
    sweep(home, {version})


def sweep(home: Path, keep: set[str | None]) -> None:
    """Remove the versions that are not to be kept and that nobody reads or writes, and unfinished files."""
    for path in home.iterdir():
        if re.fullmatch(r"v-[0-9a-f]{16}", path.name) and path.name not in keep:
            discard(path)
    with contextlib.suppress(FileNotFoundError):
        (home / ".current.new").unlink()


def discard(path: Path) -> None:
    """Remove a version, unless somebody holds a lock in it."""
    files: list[int] = []
    try:
        for held in path.glob("*.json*"):
            with contextlib.suppress(FileNotFoundError):
                files.append(os.open(held, os.O_RDONLY))
                fcntl.flock(files[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path, ignore_errors=True)
    except OSError as error:
        if error.errno not in BUSY:
            raise
    finally:
        for file in files:
            os.close(file)


BUSY = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES}


def current_version(home: Path) -> str | None:
    """The version that is published."""
    try:
        entry = json.loads((home / "current").read_bytes())
        found, version = entry["format"], str(entry["version"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise CacheError(f"{home / 'current'} is damaged: write the cache again") from error
    if found != FORMAT:
        raise CacheError(f"{home} has the format {found}, and this recipe knows {FORMAT}: write it again")
    return version


def replaced_version(home: Path) -> str | None:
    """The version that a writer is to replace; None for a pointer that tells of none."""
    with contextlib.suppress(CacheError):
        return current_version(home)
    return None


def load_meta(home: Path, version: str) -> Meta:
    path = home / version / "cache.json"
    try:
        entry = json.loads(path.read_bytes())
        if entry.pop("format") != FORMAT:
            raise CacheError(f"{path} is of another format than {FORMAT}: write the cache again")
        rows = entry.pop("num_rows")
        meta = Meta(**{**entry, "shards": [Shard(**shard) for shard in entry["shards"]]})
        if meta.num_rows != rows or meta.version != version:
            raise CacheError(f"{path} is of another version or number of rows: write the cache again")
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, CacheError):
            raise
        raise CacheError(f"{path} is damaged: write the cache again") from error
    return meta


def find_published(home: Path) -> Meta | None:
    """The published version, if it can be read."""
    try:
        version = current_version(home)
        found = version and load_meta(home, version)
        if found:
            for shard in found.shards:
                if (home / found.version / shard.name).stat().st_size != shard.bytes:
                    return None
        return found or None
    except (CacheError, OSError):
        return None


def release(file: int, folder: Path, version: str, process: int) -> None:
    """Give up a version; the last of its readers removes one that is no longer current."""
    os.close(file)
    with contextlib.suppress(OSError, CacheError):
        if os.getpid() == process and current_version(folder) not in (version, None):
            discard(folder / version)
