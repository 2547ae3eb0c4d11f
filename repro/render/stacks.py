"""Says what stacks tell of a hung or crashed process, and cuts them down to the frames that matter. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from repro.model import Stack

_GDB_THREAD = re.compile(r"^Thread (\d+) \(.*?\"?([^\"()]*)\"?\):$")
_GDB_FRAME = re.compile(r"^#\d+ +(?:0x[0-9a-f]+ in )?(.+?) \((?:.*)\)(?: (?:at|from) (\S+))?$")
_PYSTACK_THREAD = re.compile(r"^Traceback for thread (\d+) \(([^)]*)\)(.*)$")
_PYSTACK_FRAME = re.compile(r'^ +\((Python|C)\) File "([^"]*)", line (\d+), in (.*?)(?: \((\S+)\))?$')

# How a thread waits says nothing about why it waits.
_PLUMBING = re.compile(r"^(_*futex|__GI___futex|_*pthread_cond|_start\b|__libc_start|_*clone|start_thread|\?\?)")
_STATE = re.compile(r"^Python runtime state: (\w+)", re.MULTILINE)


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


def trimmed(stacks: Sequence[Stack], most: int = 12) -> str:
    """All threads, each with the frames that matter; says how many were left out."""
    lines: list[str] = []
    for thread in native(stacks):
        kept = [frame for frame in thread.frames if not _PLUMBING.match(frame)]
        lines.append(f"thread {thread.name!r} (innermost first):")
        lines += [f"  {frame}" for frame in kept[:most]]
        left = len(thread.frames) - len(kept[:most])
        lines += [f"  [{left} frames of waiting and starting left out]"] if left else []
    if not lines:
        said = next((s.text for s in stacks if s.tool == "faulthandler" and s.text), "")
        lines = said.splitlines()[: 2 * most]
    return "\n".join(lines)


def availability(stacks: Sequence[Stack]) -> str:
    """Which tools answered, and why the others did not."""
    return "; ".join(
        f"{s.tool}: {'stacks' if s.text.strip() else 'nothing'}{f' ({s.note})' if s.note else ''}" for s in stacks
    )


def interpreter_state(stacks: Sequence[Stack]) -> str:
    """Whether there still is a Python interpreter in the process."""
    if any("(Python" in frame for thread in native(stacks) for frame in thread.frames):
        return "a Python interpreter is still running code"
    main = next((t for t in native(stacks) if t.has("__run_exit_handlers") or t.has("exit (")), None)
    if main is not None:
        return "there is no Python interpreter any more: it was finalized, and the C exit handlers run"
    if state := next((m for s in stacks if (m := _STATE.search(s.text))), None):
        return f"the interpreter says of itself: {state[1]}"
    spied = next((s for s in stacks if s.tool == "py-spy"), None)
    if spied is not None and spied.note and not spied.text.strip():
        return "py-spy finds no Python interpreter"
    return "not known"
