"""Asks every tool the machine has for the stacks of a hung process, each with a hard timeout."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from repro.model import Stack

TOOL_TIMEOUT_S = 30.0
MAX_CHARS = 200_000

_GDB = (
    "-batch",
    "-nx",
    "-ex",
    "set debuginfod enabled off",
    "-ex",
    "set pagination off",
    "-ex",
    "thread apply all bt",
)


def _beside_python(name: str) -> str | None:
    near = Path(sys.executable).parent / name
    return str(near) if near.exists() else shutil.which(name)


def tools(pid: int) -> list[tuple[str, list[str] | None]]:
    """``(tool, command)`` for this platform, best first; the command is ``None`` if the tool is not installed."""

    def command(name: str, *words: str) -> tuple[str, list[str] | None]:
        found = _beside_python(name)
        return name, [found, *words] if found else None

    pyspy = command("py-spy", "dump", "--nonblocking", "--pid", str(pid))
    if sys.platform == "darwin":
        lldb = shutil.which("lldb")
        steps = ["sudo", "-n", str(lldb), "-p", str(pid), "--batch", "-o", "thread backtrace all"]
        return [command("sample", str(pid), "3"), ("lldb", steps if lldb else None), pyspy]
    return [
        command("pystack", "remote", "--native-all", str(pid)),
        command("gdb", *_GDB, "-p", str(pid)),
        pyspy,
    ]


def run_tool(name: str, command: Sequence[str] | None, timeout_s: float = TOOL_TIMEOUT_S) -> Stack:
    """Run one tool. Its failure is part of the evidence: py-spy finds no interpreter in one that was finalized."""
    if command is None:
        return Stack(name, "", "not installed")
    try:
        result = subprocess.run(
            list(command), capture_output=True, text=True, errors="replace", timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        return Stack(name, "", f"no answer within {timeout_s:g} s")
    except OSError as error:
        return Stack(name, "", f"cannot run: {error.strerror}")
    note = "" if result.returncode == 0 else f"exit status {result.returncode}: {last_line(result.stderr)}"
    return Stack(name, result.stdout[:MAX_CHARS], note)


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "no message"


def collect(pid: int) -> tuple[Stack, ...]:
    """The stacks of all threads of ``pid``, one entry a tool, failures included."""
    return tuple(run_tool(name, command) for name, command in tools(pid))


_PYTHON_FATAL = re.compile(r"^(Fatal Python error: .*|terminate called .*|Windows fatal .*)$", re.MULTILINE)


def from_stderr(stderr: str) -> tuple[Stack, ...]:
    """What a crashed process said of itself: the message, and the stack that faulthandler printed."""
    found = _PYTHON_FATAL.search(stderr)
    return (Stack("faulthandler", stderr[found.start() :][:MAX_CHARS]),) if found else ()
