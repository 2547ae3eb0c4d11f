"""Writes one part of a version: rows into batches, batches into shards, each shard entered in a journal."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .columns import Body, build_column
from .disk import sync
from .features import BINARY, FORMAT, Bad, Form, RowError, fixed_dtype
from .ipc import Shard, ShardFile, batch_message
from .pieces import BLOCK, SMALL, has_file, take_files, weigh

Example = dict[str, Any]
Examples = Iterable[Example] | Callable[[int], Iterable[Example]]


@dataclass(frozen=True)
class Plan:
    """A version that several writers make: each calls `write_part` with its own index, then one calls `commit`."""

    folder: Path
    version: str
    features: Any
    parts: int
    budget: int
    shard_size: int
    key: str | None

    @property
    def path(self) -> Path:
        return self.folder / self.version

    def journal(self, index: int) -> Path:
        return self.path / f"part-{index:05d}.jsonl"


def read_journal(plan: Plan, index: int) -> tuple[list[Shard], bool]:
    """The finished shards of a part, and whether it is finished; a line that was cut by a kill counts for nothing."""
    shards: list[Shard] = []
    with contextlib.suppress(FileNotFoundError):
        for line in plan.journal(index).read_bytes().splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break
            entry = json.loads(line)
            if "done" in entry:
                return shards, True
            shard = Shard(**entry)
            if (plan.path / shard.name).stat().st_size != shard.bytes:
                break
            shards.append(shard)
    return shards, False


def append(file: int, entry: dict[str, Any]) -> None:
    os.write(file, json.dumps(entry).encode() + b"\n")
    sync(file)


class PartWriter:
    """Turns rows into batches and batches into shards. A batch is written while the rows of the next are taken."""

    def __init__(self, plan: Plan, index: int, journal: int, shards: list[Shard]) -> None:
        self.plan, self.index, self.journal = plan, index, journal
        self.form = Form(plan.features)
        self.count, self.row = len(shards), sum(shard.rows for shard in shards)
        self.block = min(max(plan.budget // 16, SMALL), BLOCK)
        # two batches, one taken and one written, and two blocks of it share the budget
        self.limit = max(min(plan.budget * 7 // 16, plan.shard_size, 1 << 30), 1)
        self.shard: ShardFile | None = None
        self.rows: list[Example] = []
        self.writer, self.sums, self.closer = (ThreadPoolExecutor(1) for _ in range(3))
        self.pending: list[Future[None]] = []
        self.closing: list[Future[None]] = []

    def __enter__(self) -> PartWriter:
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        try:
            if kind is None:
                self.flush()
                self.wait(self.pending)
                self.rotate()
                self.wait(self.closing)
        finally:
            for pool in (self.writer, self.closer, self.sums):
                pool.shutdown(cancel_futures=True)
            if self.shard:
                os.close(self.shard.file)

    def extend(self, examples: Iterable[Example]) -> None:
        about, names = self.form.about, self.form.about.keys()
        files = [name for name in names if has_file(about[name])]
        texts = [one.name for one in self.form.schema if about[one.name][0] == "plain" and one.type in BINARY]
        fixed = {name for name in names if about[name][0] == "label" or fixed_dtype(self.form.schema.field(name).type)}
        other = [name for name in names if name not in fixed and name not in texts]
        base, held, count, row = 250 + 64 * len(about), 0, len(names), None
        for row in examples:
            try:
                weight = base if len(row) == count else self.check(row, len(self.rows))
                if files:
                    row = self.taken(row, files)
                for name in texts:
                    value = row[name]
                    weight += len(value) if type(value) is bytes else weigh(value)
                for name in other:
                    weight += weigh(row[name])
            except (KeyError, TypeError):
                self.check(row, len(self.rows))
                raise
            if held + weight > self.limit and self.rows:
                self.flush()
                held = 0
            self.rows.append(row)
            row, value = None, None  # nothing but its batch holds a row while the next is made
            held += weight
            if held > self.limit:
                self.flush()
                self.wait(self.pending)
                held = 0

    def check(self, row: Any, at: int) -> int:
        """RowError for the row `at` so many rows after those that are written, if its keys are not the columns."""
        at, names = at + self.row, self.form.about.keys()
        if not isinstance(row, Mapping):
            raise RowError(at, "", row, f"is a {type(row).__name__}, not a dict of columns")
        for name in sorted(row.keys() ^ names, key=str):
            raise RowError(at, name, row.get(name), "has no feature" if name in row else "is missing; None is a value")
        return 0

    def taken(self, row: Example, files: list[str]) -> Example:
        row = dict(row)
        for name in files:
            try:
                row[name] = take_files(self.form.about[name], row[name])
            except Bad as error:
                raise RowError(self.row + len(self.rows), name, *error.args) from error.__cause__
        return row

    def flush(self) -> None:
        rows, self.rows = self.rows, []
        if rows:
            self.send(rows)

    def send(self, rows: list[Example]) -> None:
        body = Body()
        for name, about in self.form.about.items():
            try:
                build_column(about, self.form.schema.field(name).type, [row[name] for row in rows], body)
            except KeyError:
                for at, row in enumerate(rows):
                    self.check(row, at)
                raise
            except Bad as error:
                if len(rows) == 1:
                    raise RowError(self.row, name, *error.args) from error.__cause__
                for row in rows:  # which one is it?
                    self.send([row])
                raise
        message, length = batch_message(len(rows), body)
        self.wait(self.pending)
        shard, size = self.shard or self.open(), len(message) + length
        if shard.batches and not shard.fits(size, self.plan.shard_size):
            self.rotate()
            shard = self.open()
        if len(rows) > 1 and not shard.fits(size, self.plan.shard_size):
            del body, message
            self.send(rows[: len(rows) // 2])
            self.send(rows[len(rows) // 2 :])
            return
        self.row += len(rows)
        self.pending.append(self.writer.submit(shard.write, len(rows), message, length, body))

    def open(self) -> ShardFile:
        name = f"shard-{self.index:05d}-{self.count:05d}.arrow"
        identity = json.dumps({"format": FORMAT, "version": self.plan.version, "shard": name})
        schema = self.form.schema
        schema = schema.with_metadata({**(schema.metadata or {}), b"arrow_cache": identity})
        self.shard, self.count = ShardFile(self.plan.path / name, schema, self.sums, self.block), self.count + 1
        return self.shard

    def rotate(self) -> None:
        if self.shard:
            self.wait(self.closing)
            shard, self.shard = self.shard, None
            self.closing.append(self.closer.submit(self.close, shard))

    def close(self, shard: ShardFile) -> None:
        append(self.journal, asdict(shard.finish()))

    def wait(self, futures: list[Future[None]]) -> None:
        while futures:
            futures.pop(0).result()
