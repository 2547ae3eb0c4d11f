"""Bytes that are written from where they are: files, images and arrays, block by block."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from .features import Bad, CacheError

LARGE, BLOCK, SMALL = 1 << 16, 1 << 20, 1 << 12
"""Bytes from which a value is written without a copy, most handled at once, and up to which many are joined."""


class Source:
    """A file that is copied block by block when its batch is written: it is never in memory as a whole."""

    def __init__(self, path: str, state: os.stat_result) -> None:
        self.path, self.size, self.changed = path, state.st_size, state.st_mtime_ns

    def __len__(self) -> int:
        return self.size

    def blocks(self, most: int) -> Iterator[memoryview]:
        block, left = memoryview(bytearray(min(most, self.size))), self.size
        with open(self.path, "rb", buffering=0) as file:  # noqa: PTH123
            while left:
                count = file.readinto(block[: min(most, left)])
                if not count or os.fstat(file.fileno()).st_mtime_ns != self.changed:
                    raise CacheError(f"{self.path} changed while it was read")
                yield block[:count]
                left -= count


class Strided:
    """An array whose rows are not side by side in memory: put in order block by block when it is written."""

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self.array = array

    def __len__(self) -> int:
        return int(self.array.nbytes)

    def blocks(self, most: int) -> Iterator[memoryview]:
        step = max(most // self.array.itemsize, 1)
        for at in range(0, self.array.size, step):
            yield self.array.flat[at : at + step].data.cast("B")


Piece = Any  # bytes, memoryview, pa.Buffer, Source or Strided: what has a length in bytes


def take_files(about: list[Any], value: Any) -> Any:
    """The value with each file in it as (its bytes or where they are, its name)."""
    if value is None:
        return None
    match about:
        case ["file", kind]:
            return _file(kind, value)
        case ["list", inner] if isinstance(value, list | tuple):
            return [take_files(inner, one) for one in value]
        case ["struct", inner] if isinstance(value, dict):
            return {name: take_files(inner[name], one) if name in inner else one for name, one in value.items()}
    return value


def has_file(about: list[Any]) -> bool:
    inner = about[1].values() if about[0] == "struct" else about[1:] if about[0] == "list" else ()
    return about[0] == "file" or any(map(has_file, inner))


def _file(kind: str, value: Any) -> tuple[Piece, str | None]:
    name = None
    if isinstance(value, dict) and value.keys() == {"bytes", "path"}:
        name = value["path"] and Path(value["path"]).name
        value = value["path"] if value["bytes"] is None else value["bytes"]
    if isinstance(value, str | Path):
        try:
            with open(value, "rb", buffering=0) as file:  # noqa: PTH123
                state = os.fstat(file.fileno())
                small = file.read() if state.st_size < LARGE else None
        except OSError as error:
            raise Bad(value, f"cannot be read: {error.strerror}") from error
        return small if small is not None else Source(os.fspath(value), state), Path(value).name
    if isinstance(value, pa.Buffer | bytearray | memoryview):
        value = memoryview(value).cast("B")
    if isinstance(value, bytes | memoryview):
        return value, name
    if kind == "Image":
        return _image(value), name
    raise Bad(value, f"is a {type(value).__name__}; give the path or the bytes of a file")


def _image(value: Any) -> bytes:
    """The bytes of the file a PIL image was opened from, if its pixels are still those; else a lossless encoding."""
    from PIL import Image as pil

    if isinstance(value, np.ndarray):
        try:
            value = pil.fromarray(value)
        except (TypeError, ValueError) as error:
            raise Bad(value, f"is no image: {error}") from error
    if not isinstance(value, pil.Image):
        raise Bad(value, f"is a {type(value).__name__}; give the path or the bytes of an image, or its pixels")

    def same(content: bytes) -> bool:
        with pil.open(io.BytesIO(content)) as found:
            return bool(
                (found.mode, found.size, found.getpalette()) == (value.mode, value.size, value.getpalette())
                and found.tobytes() == value.tobytes()
            )

    origin = getattr(value, "fp", None)
    with contextlib.suppress(OSError, SyntaxError, ValueError):
        content = (
            origin.getvalue() if isinstance(origin, io.BytesIO) else Path(getattr(value, "filename", "")).read_bytes()
        )
        if same(content):
            return content
    if value.format:
        warnings.warn(f"a {value.format} image is not the file it came from: its pixels are kept as PNG", stacklevel=2)
    for format in ("PNG", "TIFF"):
        with contextlib.suppress(OSError, SyntaxError, ValueError, KeyError):
            out = io.BytesIO()
            value.save(out, format)
            if same(out.getvalue()):
                return out.getvalue()
    raise Bad(value, f"of mode {value.mode} has no lossless encoding here; give the bytes of a file")


def weigh(value: Any) -> int:
    """Bytes that a value holds in memory while it is written, about: the pieces that are made of it too."""
    if value is None or isinstance(value, int | float):
        return 32
    if isinstance(value, Source):
        return len(value)  # not in memory, but a batch is no longer for it
    if isinstance(value, str):  # and its UTF-8
        return sys.getsizeof(value) + len(value) * (1 if value.isascii() else 4)
    if isinstance(value, bytes | bytearray):
        return len(value) + 64
    if isinstance(value, np.ndarray):  # 768: of the array and its views
        copied = value.dtype == np.bool_ or (value.nbytes < LARGE and not value.flags.c_contiguous)
        return value.nbytes * (2 if copied else 1) + 768
    if isinstance(value, list | tuple):
        simple = value and isinstance(value[0], int | float)
        return 64 + (72 * len(value) if simple else sum(map(weigh, value)))
    if isinstance(value, dict):
        return 256 + sum(map(weigh, value.values()))
    return int(getattr(value, "nbytes", 64)) + 128
