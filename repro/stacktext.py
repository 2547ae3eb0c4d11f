"""Parses what gdb, pystack and macOS's sample print of a process into threads and their frames. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from repro.model import Stack

_GDB_THREAD = re.compile(r"^Thread (\d+) \(.*?\"?([^\"()]*)\"?\):$")
_GDB_FRAME = re.compile(r"^#\d+ +(?:0x[0-9a-f]+ in )?(.+? \(.*\))(?: (?:at|from) (\S+))?$")
_PYSTACK_THREAD = re.compile(r"^Traceback for thread (\d+) \(([^)]*)\)(.*)$")
_SAMPLE_THREAD = re.compile(r"^ +\d+ Thread_(\w+)(?:: | +DispatchQueue_\d+: )?(.*?)(?:  \(\w+\))?$")
_SAMPLE_FRAME = re.compile(r"^[ +!:|]+\d+ (.+?)  \(in ([^)]+)\)")
_PYSTACK_FRAME = re.compile(r'^ +\((Python|C)\) File "([^"]*)", line (\d+), in (.*?)(?: \((\S+)\))?$')


@dataclass(frozen=True, slots=True)
class Thread:
    """One thread: its name, and its frames as ``function (file)``, innermost first."""

    name: str
    frames: tuple[str, ...]

    def has(self, *words: str) -> bool:
        return all(any(word in frame for frame in self.frames) for word in words)


def threads(stack: Stack) -> tuple[Thread, ...]:
    """The threads in the output of a tool; empty for a tool that is not known, or no output."""
    match stack.tool:
        case "gdb":
            return tuple(_gdb(stack.text))
        case "pystack":
            return tuple(_pystack(stack.text))
        case "sample":
            return tuple(_sample(stack.text))
    return ()


def _gdb(text: str) -> Iterator[Thread]:
    name, frames = "", list[str]()
    for line in text.splitlines():
        if head := _GDB_THREAD.match(line):
            if frames:
                yield Thread(name, tuple(frames))
            name, frames = head[2] or f"thread {head[1]}", []
        elif frame := _GDB_FRAME.match(line):
            frames.append(_shown(_function(frame[1]), frame[2]))
    if frames:
        yield Thread(name, tuple(frames))


def _function(call: str) -> str:
    """Of ``name<template> (arguments)`` what stands before the arguments; a template may hold parentheses too."""
    ends = (found.start() for found in re.finditer(r" \(", call))
    return next((call[:end] for end in ends if call.count("<", 0, end) == call.count(">", 0, end)), call)


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


def _sample(text: str) -> Iterator[Thread]:
    """Of a stack that changed while it was sampled, every frame that was seen."""
    name, frames = "", list[str]()
    for line in text.partition("Call graph:")[2].partition("Total number in stack")[0].splitlines():
        if head := _SAMPLE_THREAD.match(line):
            if frames:
                yield Thread(name, tuple(reversed(frames)))
            name, frames = head[2].strip() or f"thread {head[1]}", []
        elif frame := _SAMPLE_FRAME.match(line):
            frames.append(_shown(frame[1], frame[2]))
    if frames:
        yield Thread(name, tuple(reversed(frames)))


def _base(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def _shown(function: str, file: str | None) -> str:
    return f"{function} ({_base(file)})" if file else function


def native(stacks: Sequence[Stack], tools: Sequence[str] = ()) -> tuple[Thread, ...]:
    """The threads from the first tool that gave any, in the order of ``tools`` or, without, of ``stacks``."""
    wanted = [s for tool in tools for s in stacks if s.tool == tool] if tools else stacks
    return next((found for stack in wanted if (found := threads(stack))), ())
