"""Looks inside bytes for the bytes they carry packed: gzip, zlib, zip, the texts of a PNG, base64."""

from __future__ import annotations

import base64
import binascii
import contextlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterator

LIMIT = 64 << 20
"""Bytes unpacked of one member at most; what lies behind is not looked at."""

_PNG = b"\x89PNG\r\n\x1a\n"
_GZIP = re.compile(rb"\x1f\x8b\x08")
# Runs may be broken into lines, also as the two characters \n of a JSON string (images in notebooks).
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{24,}(?:(?:\\n|\r?\n)[A-Za-z0-9+/_-]{4,})*")
_BREAKS = re.compile(rb"\\n|\s+")


def layers(data: bytes, depth: int = 4) -> Iterator[bytes]:
    """``data`` itself, then everything packed in it, ``depth`` levels deep. Damaged parts give what can be read."""
    yield data
    if depth:
        for inner in _inside(data):
            yield from layers(inner, depth - 1)


def _inside(data: bytes) -> Iterator[bytes]:
    if data.startswith(_PNG):
        yield from _png_texts(data)
    elif data.startswith(b"PK"):
        yield from _zip_members(data)
    elif len(data) > 2 and data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0:
        yield from _unpack(data, zlib.MAX_WBITS)
    for start in _GZIP.finditer(data):  # also inside a tar or an HTML file
        yield from _unpack(data[start.start() :], zlib.MAX_WBITS | 16)
    for run in _BASE64.finditer(data):
        text = _BREAKS.sub(b"", run[0]).translate(bytes.maketrans(b"-_", b"+/"))
        with contextlib.suppress(binascii.Error):
            yield base64.b64decode(text[: len(text) // 4 * 4] + _padding(text))


def _padding(text: bytes) -> bytes:
    """The last, unfinished group of four; a single character holds no byte."""
    rest = text[len(text) // 4 * 4 :]
    return rest + b"=" * (4 - len(rest)) if len(rest) > 1 else b""


def _unpack(data: bytes, wbits: int) -> Iterator[bytes]:
    with contextlib.suppress(zlib.error):
        if inner := zlib.decompressobj(wbits).decompress(data, LIMIT):
            yield inner


def _png_texts(data: bytes) -> Iterator[bytes]:
    position = len(_PNG)
    while position + 8 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        kind, body = data[position + 4 : position + 8], data[position + 8 : position + 8 + length]
        position += 12 + length
        keyword, _, rest = body.partition(b"\0")
        match kind:
            case b"tEXt":
                yield keyword + b" " + rest
            case b"zTXt":
                yield keyword
                yield from _unpack(rest[1:], zlib.MAX_WBITS)
            case b"iTXt":
                yield body.replace(b"\0", b" ")
                yield from _unpack(rest[2:].split(b"\0", 2)[-1], zlib.MAX_WBITS)
            case b"eXIf":
                yield body


def _zip_members(data: bytes) -> Iterator[bytes]:
    damaged = (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, EOFError)
    with contextlib.suppress(*damaged), zipfile.ZipFile(io.BytesIO(data)) as archive:
        yield archive.comment
        for entry in archive.infolist():
            yield entry.filename.encode() + b" " + entry.comment
            with archive.open(entry) as member:
                yield member.read(LIMIT)
