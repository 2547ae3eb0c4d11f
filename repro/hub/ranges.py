"""HTTP range requests (RFC 9110, section 14): which bytes of a file an answer holds. Pure."""

from __future__ import annotations

import re

_RANGE = re.compile(r"bytes=\s*(\d*)-(\d*)\s*", re.ASCII)


class Unsatisfiable(Exception):
    """The range lies outside the file: 416."""


def asked_bytes(header: str | None, size: int) -> range | None:
    """The bytes of a file of ``size`` that a ``Range`` header asks for; ``None`` for all of it.

    What is malformed, of another unit, or several ranges at once is ignored, as the RFC allows.

    Raises:
        Unsatisfiable: it begins behind the end, or asks for the last 0 bytes.
    """
    found = _RANGE.fullmatch(header or "")
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(size, int(last) + 1 if last else size)
        if last and int(last) < start:
            return None
    if start >= stop:
        raise Unsatisfiable
    return range(start, stop)
