"""Splits a unified diff, of git or of ``diff -u``, into the files that it changes. Pure, linear, and on bytes."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise, takewhile

_HUNK = re.compile(rb"@@ -\d{1,18}(?:,(\d{1,18}))? \+\d{1,18}(?:,(\d{1,18}))? @@")
_EXTENDED = re.compile(
    rb"(old mode|new mode|deleted file mode|new file mode|copy from|copy to|rename from|rename to"
    rb"|similarity index|dissimilarity index|index) (.*)",
    re.DOTALL,
)
_MODES = (b"old mode", b"new mode", b"deleted file mode", b"new file mode", b"index")
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_ESCAPED = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}


@dataclass(frozen=True, slots=True)
class Section:
    """The part of a diff that changes one file.

    Attributes:
        old: its path before, as the diff has it (``a/src/datasets/table.py``); ``None`` if the file is new.
        new: its path afterwards; ``None`` if the file is deleted.
        text: this part of the diff.
        special: whether it is a symbolic link or a submodule.
    """

    old: str | None
    new: str | None
    text: bytes
    special: bool = False

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(path for path in (self.old, self.new) if path is not None))


def sections(diff: bytes) -> tuple[Section, ...]:
    """Split a diff into its files, in order; text before, between and after them is allowed, as in a mailed patch."""
    lines = BytesIO(diff).readlines()  # at line feeds only: a changed file may hold other line ends
    starts: list[int] = []
    in_header = False  # of git, before its "---" line
    at = 0
    while at < len(lines):
        line = lines[at]
        if line.startswith(b"diff --git "):
            starts.append(at)
            in_header = True
        elif _names_follow(lines, at):
            if not in_header:
                starts.append(at)
            in_header = False
            at += 1
        elif hunk := _HUNK.match(line):
            at = _end_of_hunk(lines, at + 1, int(hunk[1] or 1), int(hunk[2] or 1))
            in_header = False
            continue
        elif not _EXTENDED.match(line):
            in_header = False
        at += 1
    found = (_section(lines[start:end]) for start, end in pairwise([*starts, len(lines)]))
    return tuple(one for one in found if one.paths)


def _names_follow(lines: list[bytes], at: int) -> bool:
    marks = (b"--- ", b"+++ ", b"@@ -")
    return len(lines) - at >= 3 and all(
        line.startswith(mark) for line, mark in zip(lines[at : at + 3], marks, strict=True)
    )


def _end_of_hunk(lines: list[bytes], at: int, old: int, new: int) -> int:
    """Where the lines of a hunk end: a removed line ``-- x`` looks like a header and is none."""
    while at < len(lines) and (old > 0 or new > 0):
        mark = lines[at][:1]
        if mark not in b" -+\\\r\n":
            break
        old -= mark not in b"+\\"
        new -= mark not in b"-\\"
        at += 1
    return at


def _section(lines: list[bytes]) -> Section:
    header = [found for found in takewhile(bool, map(_EXTENDED.match, lines[1:])) if found]
    fields: dict[bytes, bytes] = {found[1]: found[2].rstrip(b"\r\n") for found in header}
    special = any(fields.get(key, b"").endswith((b"120000", b"160000")) for key in _MODES)
    text = b"".join(lines)
    git = lines[0].startswith(b"diff --git ")
    names = 1 + len(header) if git else 0
    if _names_follow(lines, names):
        old, new = (_name(line[4:]) for line in lines[names : names + 2])
        if not git and old is not None and new is not None:
            # The two may differ, as table.py.orig and table.py do; this is how git chooses.
            old = new = old if new.startswith(old) else new
        return Section(old, new, text, special)
    both = lines[0].rstrip(b"\r\n").removeprefix(b"diff --git ")
    for kind in (b"rename", b"copy"):
        if kind + b" from" in fields and kind + b" to" in fields:
            # These lines never have the a/ and b/ of the others.
            before, after = fields[kind + b" from"], fields[kind + b" to"]
            bare = both == before + b" " + after
            return Section(_name(before, "" if bare else "a/"), _name(after, "" if bare else "b/"), text, special)
    middle = len(both) // 2
    old = None if b"new file mode" in fields else _name(both[:middle])
    new = None if b"deleted file mode" in fields else _name(both[middle + 1 :])
    return Section(old, new, text, special)


def _name(raw: bytes, lead: str = "") -> str | None:
    """A path as a header has it: perhaps quoted, perhaps with a date behind a tab; ``None`` for ``/dev/null``."""
    raw = raw.partition(b"\t")[0].strip()
    if raw.startswith(b'"') and raw.endswith(b'"'):
        raw = _ESCAPE.sub(_unescape, raw[1:-1])
    return None if raw == b"/dev/null" else lead + os.fsdecode(raw)


def _unescape(found: re.Match[bytes]) -> bytes:
    code = found[1]
    return bytes([int(code, 8) & 0xFF]) if len(code) == 3 else _ESCAPED.get(code, code)
