"""Writes Arrow IPC files by hand: bodies aligned to 64 bytes, buffers made of pieces."""

from __future__ import annotations

import os
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa

from .columns import Body
from .disk import sync
from .pieces import LARGE, SMALL, Source, Strided


def batch_message(rows: int, body: Body) -> tuple[bytes, int]:
    """The metadata of a record batch (Message.fbs), padded so that its body starts at 64 bytes, and the body's size."""
    spans, at = list[int](), 0
    for pieces in body.buffers:
        size = sum(map(len, pieces))
        spans += at, size
        at += -(-size // 64) * 64
    nodes = list(chain.from_iterable(body.nodes))
    head = struct.pack("<I6HiIqhBx", 16, 12, 20, 16, 18, 4, 8, 12, 28, at, 4, 3)
    head += struct.pack("<5H2xiIqI", 10, 20, 8, 4, 16, 12, 16, rows, 12 + 8 * len(nodes))
    head += struct.pack(f"<I{len(nodes)}q", len(nodes) // 2, *nodes)
    return _enclosed(head + struct.pack(f"<4xI{len(spans)}q", len(spans) // 2, *spans), 0), at


def _enclosed(message: bytes, start: int) -> bytes:
    size = -(-(start + 8 + len(message)) // 64) * 64 - start - 8
    return struct.pack("<iI", -1, size) + message.ljust(size, b"\0")


def _footer(schema: bytes, blocks: list[tuple[int, int, int]]) -> bytes:
    """The end of a file (File.fbs): the schema, copied from its message, and where each batch is."""
    root = struct.unpack_from("<I", schema)[0]
    table = root - struct.unpack_from("<i", schema, root)[0]
    at = root + struct.unpack_from("<H", schema, table + 8)[0]
    at += struct.unpack_from("<I", schema, at)[0] + 40 + 24 * len(blocks) - 20
    footer = struct.pack("<I6HiIIh6xI", 16, 12, 14, 12, 4, 0, 8, 12, at, 12, 4, len(blocks))
    footer += b"".join(struct.pack("<qi4xq", *block) for block in blocks) + schema
    return struct.pack("<iI", -1, 0) + footer + struct.pack("<i", len(footer)) + b"ARROW1"


@dataclass(frozen=True)
class Shard:
    """A finished shard: its file, the rows of each batch in it, and what its bytes are."""

    name: str
    batches: list[int]
    bytes: int
    crc32: int

    @property
    def rows(self) -> int:
        return sum(self.batches)


class ShardFile:
    """A shard being written: batches go in at once, the checksum is computed meanwhile in another thread."""

    def __init__(self, path: Path, schema: pa.Schema, sums: ThreadPoolExecutor, block: int) -> None:
        self.path, self.crc, self.size, self.sums, self.block = path, 0, 0, sums, block
        self.batches: list[int] = []
        self.blocks: list[tuple[int, int, int]] = []
        self.schema = schema.serialize().to_pybytes()[8:]
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        self.put(b"ARROW1\0\0" + _enclosed(self.schema, 8))

    def put(self, data: Any) -> None:
        view = memoryview(data)
        crc = self.sums.submit(zlib.crc32, view, self.crc) if len(view) >= LARGE else None
        left = view
        while left:
            left = left[os.write(self.file, left) :]
        self.crc = crc.result() if crc else zlib.crc32(view, self.crc)
        self.size += len(view)

    def fits(self, size: int, limit: int) -> bool:
        return self.size + size + len(_footer(self.schema, [*self.blocks, (0, 0, 0)])) <= limit

    def write(self, rows: int, message: bytes, length: int, body: Body) -> None:
        self.blocks.append((self.size, len(message), length))
        self.batches.append(rows)
        small, waiting = [message], len(message)
        for pieces in body.buffers:
            step = self.block // SMALL
            if len(pieces) <= step or max(map(len, pieces)) > SMALL:
                step = 1
            for at in range(0, len(pieces), step):
                piece = b"".join(pieces[at : at + step]) if step > 1 else pieces[at]
                size = len(piece)
                if size < LARGE:
                    small.append(piece)
                    waiting += size
                if size >= LARGE or waiting >= self.block:
                    self.put(b"".join(small))
                    small, waiting = [], 0
                if size >= LARGE:
                    for block in piece.blocks(self.block) if isinstance(piece, Source | Strided) else (piece,):
                        self.put(block)
            small.append(bytes(-sum(map(len, pieces)) % 64))
        self.put(b"".join(small))

    def finish(self) -> Shard:
        try:
            self.put(_footer(self.schema, self.blocks))
            sync(self.file)
        finally:
            os.close(self.file)
        return Shard(self.path.name, self.batches, self.size, self.crc)
