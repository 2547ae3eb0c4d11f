"""Reads a published version: random access, iteration, tables; and validates it."""

from __future__ import annotations

import fcntl
import json
import os
import random
import weakref
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from collections.abc import Sequence as Rows
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, chain
from pathlib import Path
from typing import Any

import pyarrow as pa

from .features import FORMAT, CacheError, Form
from .parts import Example
from .versions import BUSY, Folder, Meta, current_version, load_meta, release
from .views import Getter, getter


def open_cache(folder: Folder, features: Any = None) -> Cache:
    """The published version of a cache; with `features`, CacheError if it was written with others."""
    cache = Cache(Path(folder))
    if features is not None and Form(features).columns != cache.meta.columns:
        raise CacheError(f"{folder} was written with other features: write the cache again")
    return cache


class Cache:
    """A version of a cache, mapped into memory. It stays whole while this object lives, whatever writers do.

    Values are views: memoryviews of bytes and files, numpy arrays of arrays and of lists of numbers. Pickled, it is
    the name of the version, which another process opens while this one holds it.
    """

    def __init__(self, folder: Path, version: str | None = None) -> None:
        self.folder = folder
        wanted = version
        while True:
            version = wanted or current_version(folder)
            if version is None:
                raise CacheError(f"{folder} holds no cache; write one with write_cache")
            try:
                self._open(version)
                break
            except (FileNotFoundError, BlockingIOError) as error:
                if wanted or current_version(folder) == version:
                    raise CacheError(f"{folder / version} is gone or not whole ({error}): write it again") from error

    def _open(self, version: str) -> None:
        path = self.folder / version
        file = os.open(path / "cache.json", os.O_RDONLY)
        weakref.finalize(self, release, file, self.folder, version, os.getpid())
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in BUSY:
                raise
        self.meta = load_meta(self.folder, version)
        self._shards: list[pa.Buffer] = []
        for shard in self.meta.shards:
            with pa.memory_map(str(path / shard.name)) as mapped:
                if mapped.size() != shard.bytes:
                    raise CacheError(f"{path / shard.name} has {mapped.size()} bytes, not {shard.bytes}: write again")
                self._shards.append(mapped.read_buffer())
        self._where = [(at, batch) for at, shard in enumerate(self.meta.shards) for batch in range(len(shard.batches))]
        counts = chain.from_iterable(shard.batches for shard in self.meta.shards)
        self._starts = list(accumulate(counts, initial=0))
        self._readers: dict[int, Any] = {}
        self._getters: list[list[tuple[str, Getter]] | None] = [None] * len(self._where)
        self.schema = self.meta.arrow_schema
        self.num_rows = self._starts[-1]

    def __reduce__(self) -> Any:
        return Cache, (self.folder, self.meta.version)

    def __len__(self) -> int:
        return self.num_rows

    def __getitem__(self, row: int) -> Example:
        if not -self.num_rows <= row < self.num_rows:
            raise IndexError(f"row {row} of {self.num_rows}")
        row %= self.num_rows
        batch = bisect_right(self._starts, row) - 1
        at = row - self._starts[batch]
        return {name: get(at) for name, get in self._getters[batch] or self._get(batch)}

    def __iter__(self) -> Iterator[Example]:
        return self.iterate()

    def iterate(self, *, seed: int | None = None, part: int = 0, parts: int = 1) -> Iterator[Example]:
        """Rows one after the other; with a seed, shards and the rows in each are shuffled.

        A part of several takes every so many-th shard: worker `part` of `parts`, with the same seed in all.
        """
        ends = list(accumulate((shard.rows for shard in self.meta.shards), initial=0))
        shards = list(range(len(self.meta.shards)))
        chance = random.Random(seed)
        if seed is not None:
            chance.shuffle(shards)
        for shard in shards[part::parts]:
            rows: Rows[int] = range(ends[shard], ends[shard + 1])
            if seed is not None:
                rows = chance.sample(rows, len(rows))
            for row in rows:
                yield self[row]

    def column(self, name: str) -> Column:
        return Column(self, name)

    def table(self) -> pa.Table:
        """All rows over the mapped pages; nothing is copied."""
        return pa.Table.from_batches(map(self._batch, range(len(self._where))), self.schema)

    def as_dataset(self) -> Any:
        """A `datasets.Dataset` over the mapped pages. To workers, give this cache: a pickled Dataset holds the data."""
        import datasets

        features = datasets.Features.from_arrow_schema(self.schema)
        for name, (about, _) in self.meta.columns.items():
            if about[0] == "label":
                features[name] = datasets.ClassLabel(names=about[1])
        table, version = datasets.table.InMemoryTable(self.table()), self.meta.version
        return datasets.Dataset(table, datasets.DatasetInfo(features=features), fingerprint=version.removeprefix("v-"))

    def _batch(self, batch: int) -> pa.RecordBatch:
        shard, at = self._where[batch]
        if shard not in self._readers:
            self._readers[shard] = pa.ipc.open_file(pa.BufferReader(self._shards[shard]))
        return self._readers[shard].get_batch(at).replace_schema_metadata(self.schema.metadata)

    def _get(self, batch: int) -> list[tuple[str, Getter]]:
        columns = zip(self.meta.columns.items(), self._batch(batch).columns, strict=True)
        found = [(name, getter(about, array)) for (name, (about, _)), array in columns]
        self._getters[batch] = found
        return found


class Column(Rows[Any]):
    """One column of a cache: its values as views, without the others."""

    def __init__(self, cache: Cache, name: str) -> None:
        if name not in cache.meta.columns:
            raise CacheError(f"no column {name!r}; there are {', '.join(cache.meta.columns)}")
        self.cache, self.name, self._at = cache, name, list(cache.meta.columns).index(name)

    def __len__(self) -> int:
        return self.cache.num_rows

    def __getitem__(self, row: Any) -> Any:
        cache = self.cache
        if not -cache.num_rows <= row < cache.num_rows:
            raise IndexError(f"row {row} of {cache.num_rows}")
        row %= cache.num_rows
        batch = bisect_right(cache._starts, row) - 1
        return (cache._getters[batch] or cache._get(batch))[self._at][1](row - cache._starts[batch])

    def arrow(self) -> pa.ChunkedArray:
        return self.cache.table().column(self.name)


def validate(folder: Folder, deep: bool = False, features: Any = None) -> Meta:
    """Check the published version: metadata, sizes, footers and schemas; `deep` also the checksum of every byte.

    Raises CacheError that names each file that is not as it was written.
    """
    cache = open_cache(folder, features)
    path, wrong = folder / Path(cache.meta.version), list[str]()

    def check(at: int) -> str:
        shard, data = cache.meta.shards[at], cache._shards[at]
        try:
            reader = pa.ipc.open_file(pa.BufferReader(data))
            identity = json.loads((reader.schema.metadata or {}).get(b"arrow_cache", b"{}"))
            if not reader.schema.equals(cache.schema):
                return f"{shard.name} has another schema"
            if identity != {"format": FORMAT, "version": cache.meta.version, "shard": shard.name}:
                return f"{shard.name} is the shard {identity.get('shard')} of version {identity.get('version')}"
            if reader.num_record_batches != len(shard.batches):
                return f"{shard.name} has {reader.num_record_batches} batches, not {len(shard.batches)}"
            if deep and zlib.crc32(data) != shard.crc32:
                return f"{shard.name} has other bytes than were written"
        except (pa.ArrowException, ValueError) as error:
            return f"{shard.name} is no Arrow file: {error}"
        return ""

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        wrong = list(filter(None, pool.map(check, range(len(cache.meta.shards)))))
    if wrong:
        raise CacheError(f"{path}: {'; '.join(wrong)}: write the cache again")
    return cache.meta
