"""Parses what gdb and pystack print of a process into threads and their frames. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from repro.model import Stack

_GDB_THREAD = re.compile(r"^Thread (\d+) \(.*?\"?([^\"()]*)\"?\):$")
_GDB_FRAME = re.compile(r"^#\d+ +(?:0x[0-9a-f]+ in )?(.+?) \((?:.*)\)(?: (?:at|from) (\S+))?$")
_PYSTACK_THREAD = re.compile(r"^Traceback for thread (\d+) \(([^)]*)\)(.*)$")
_PYSTACK_FRAME = re.compile(r'^ +\((Python|C)\) File "([^"]*)", line (\d+), in (.*?)(?: \((\S+)\))?$')


@dataclass(frozen=True, slots=True)
class Thread:
    """One thread: its name, and its frames as ``function (file)``, innermost first."""

    name: str
    frames: tuple[str, ...]

    def has(self, *words: str) -> bool:
        return all(any(word in frame for frame in self.frames) for word in words)


def threads(stack: Stack) -> tuple[Thread, ...]:
    """The threads in the output of gdb or pystack; empty for another tool or no output."""
    if stack.tool not in {"gdb", "pystack"}:
        return ()
    return tuple(_pystack(stack.text) if stack.tool == "pystack" else _gdb(stack.text))


def _gdb(text: str) -> Iterator[Thread]:
    name, frames = "", list[str]()
    for line in text.splitlines():
        if head := _GDB_THREAD.match(line):
            if frames:
                yield Thread(name, tuple(frames))
            name, frames = head[2] or f"thread {head[1]}", []
        elif frame := _GDB_FRAME.match(line):
            frames.append(_shown(frame[1], frame[2]))
    if frames:
        yield Thread(name, tuple(frames))


def _pystack(text: str) -> Iterator[Thread]:
    name, frames = "", list[str]()
    for line in text.splitlines():
        if head := _PYSTACK_THREAD.match(line):
            if frames:
                yield Thread(name, tuple(reversed(frames)))
            name, frames = head[2], []
        elif frame := _PYSTACK_FRAME.match(line):
            kind, file, number, function, library = frame.groups()
            frames.append(
                f"{function} (Python, {_base(file)}:{number})" if kind == "Python" else _shown(function, library)
            )
    if frames:
        yield Thread(name, tuple(reversed(frames)))


def _base(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def _shown(function: str, file: str | None) -> str:
    return f"{function} ({_base(file)})" if file else function


def native(stacks: Sequence[Stack]) -> tuple[Thread, ...]:
    """The threads from the best tool that gave any."""
    return next((found for stack in stacks if (found := threads(stack))), ())
