"""Caps the memory of a process group and reads the kernel's own peak; the backend is chosen here, and only here."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from repro.errors import UserError

PREFIX = "repro-"
BACKENDS = ("cgroup-v1", "cgroup-v2", "systemd-run", "watchdog", "none")
NOT_ENTERED = 97
_serial = itertools.count()


class Cap(Protocol):
    """A memory cap around one trial.

    ``kernel_enforced`` says whether the kernel kills on a breach; if not, the supervisor's watchdog does.
    """

    name: str
    kernel_enforced: bool

    def wrap(self, command: Sequence[str]) -> list[str]: ...
    def attach(self, pid: int) -> None: ...
    def pids(self) -> list[int]: ...
    def oom_kills(self) -> int | None: ...
    def peak_bytes(self) -> int | None: ...
    def close(self) -> None: ...


@dataclass(slots=True)
class Uncapped:
    """No kernel cap: either none was asked for, or the watchdog of the supervisor enforces it."""

    name: str = "none"
    kernel_enforced: bool = False

    def wrap(self, command: Sequence[str]) -> list[str]:
        return list(command)

    def attach(self, pid: int) -> None:
        return None

    def pids(self) -> list[int]:
        return []

    def oom_kills(self) -> int | None:
        return None

    def peak_bytes(self) -> int | None:
        return None

    def close(self) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Files:
    """The names one cgroup version gives to the same four things."""

    limit: str
    peak: str
    events: str
    swap: str


V1 = Files("memory.limit_in_bytes", "memory.max_usage_in_bytes", "memory.oom_control", "memory.memsw.limit_in_bytes")
V2 = Files("memory.max", "memory.peak", "memory.events", "memory.swap.max")


def _counter(path: Path, name: str) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        for line in path.read_text().splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    return None


@dataclass(slots=True)
class Cgroup:
    """A leaf cgroup below ``parent``, made for one trial and removed after it. ``memory_bytes=None`` measures only.

    ``announce`` is told the path before it exists, for whoever cleans up after a kit that is killed.
    """

    name: str
    parent: Path
    files: Files
    memory_bytes: int | None
    kernel_enforced: bool = True
    announce: Callable[[Path], object] = str
    path: Path = field(init=False)

    def __post_init__(self) -> None:
        self.path = self.parent / f"{PREFIX}{os.getpid()}-{next(_serial)}"
        self.announce(self.path)
        self.path.mkdir()
        try:
            if self.memory_bytes is not None:
                (self.path / self.files.limit).write_text(str(self.memory_bytes))
                swap = self.path / self.files.swap
                if swap.exists():  # memory that may be swapped out is not capped
                    swap.write_text("0" if self.files is V2 else str(self.memory_bytes))
            elif not (self.path / self.files.limit).exists():
                raise FileNotFoundError(self.files.limit)
        except OSError:
            self.close()
            raise

    def wrap(self, command: Sequence[str]) -> list[str]:
        """Enter the cgroup before the probe's first instruction, so that no allocation escapes it."""
        enter = f'echo $$ > "$0" || exit {NOT_ENTERED}; exec "$@"'
        return ["/bin/sh", "-c", enter, str(self.path / "cgroup.procs"), *command]

    def attach(self, pid: int) -> None:
        return None

    def pids(self) -> list[int]:
        with contextlib.suppress(OSError, ValueError):
            return [int(line) for line in (self.path / "cgroup.procs").read_text().split()]
        return []

    def oom_kills(self) -> int | None:
        return _counter(self.path / self.files.events, "oom_kill")

    def peak_bytes(self) -> int | None:
        with contextlib.suppress(OSError, ValueError):
            return int((self.path / self.files.peak).read_text())
        return None

    def close(self) -> None:
        remove_cgroup(self.path)


@dataclass(slots=True)
class SystemdScope(Uncapped):
    """A transient user scope. ``systemd-run --scope`` becomes the command itself, so the pid stays the same."""

    name: str = "systemd-run"
    kernel_enforced: bool = True
    memory_bytes: int = 0
    path: Path | None = None

    def wrap(self, command: Sequence[str]) -> list[str]:
        limits = (f"MemoryMax={self.memory_bytes}", "MemorySwapMax=0", "OOMPolicy=continue")
        options = [word for limit in limits for word in ("-p", limit)]
        return ["systemd-run", "--user", "--scope", "--quiet", "--collect", *options, "--", *command]

    def attach(self, pid: int) -> None:
        """Find the scope's cgroup; it appears a moment after the start, and only as long as something runs in it."""
        relative = next((p for kind, p in _memberships(pid) if kind == ""), "")
        if self.path is None and relative.endswith(".scope"):
            self.path = Path("/sys/fs/cgroup") / relative.lstrip("/")

    def pids(self) -> list[int]:
        with contextlib.suppress(OSError, ValueError, TypeError):
            return [int(line) for line in (Path(self.path or "") / "cgroup.procs").read_text().split()]
        return []

    def oom_kills(self) -> int | None:
        return _counter(self.path / V2.events, "oom_kill") if self.path else None

    def peak_bytes(self) -> int | None:
        with contextlib.suppress(OSError, ValueError):
            return int((self.path / V2.peak).read_text()) if self.path else None
        return None


def remove_cgroup(path: Path, patience_s: float = 5.0) -> None:
    """Kill what is left inside and remove the leaf; a cgroup stays busy for a moment after its last process died."""
    deadline = time.monotonic() + patience_s
    while path.exists():
        with contextlib.suppress(OSError):
            path.rmdir()
            return
        with contextlib.suppress(OSError, ValueError):
            for pid in (path / "cgroup.procs").read_text().split():
                os.kill(int(pid), signal.SIGKILL)
        if time.monotonic() > deadline:
            return
        time.sleep(0.005)


def _memberships(pid: int | str = "self") -> list[tuple[str, str]]:
    """``(controllers, path)`` of each hierarchy the process is in; v2 has the empty controller list."""
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
        return [(controllers, path) for _, controllers, path in (line.split(":", 2) for line in lines)]
    return []


def _parents(root: Path, relative: str) -> Iterator[Path]:
    own = root / relative.lstrip("/")
    yield own
    yield from (parent for parent in own.parents if parent == root or root in parent.parents)


def candidates() -> Iterator[tuple[str, Path, Files]]:
    """Where a leaf could be made, nearest first: below our own cgroup, else below one of its parents."""
    for controllers, relative in _memberships():
        if "memory" in controllers.split(","):
            yield from (("cgroup-v1", parent, V1) for parent in _parents(Path("/sys/fs/cgroup/memory"), relative))
        elif controllers == "":
            yield from (("cgroup-v2", parent, V2) for parent in _parents(Path("/sys/fs/cgroup"), relative))


def _works(name: str, parent: Path, files: Files) -> bool:
    """Prove it: make a leaf, cap it, run ``true`` inside, remove it."""
    try:
        leaf = Cgroup(name, parent, files, 64 << 20)
    except OSError:
        return False
    try:
        command = leaf.wrap(["/bin/sh", "-c", ":"])
        return subprocess.run(command, check=False, capture_output=True, timeout=10).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
    finally:
        leaf.close()


@functools.cache
def writable_cgroup() -> tuple[str, Path, Files] | None:
    """The first place in which a capped leaf was proven to work, or ``None``."""
    return next((c for c in candidates() if c[1].is_dir() and os.access(c[1], os.W_OK) and _works(*c)), None)


@functools.cache
def systemd_works() -> bool:
    """Whether ``systemd-run --user --scope`` starts something here."""
    if shutil.which("systemd-run") is None:
        return False
    command = SystemdScope(memory_bytes=64 << 20).wrap(["true"])
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        return subprocess.run(command, check=False, capture_output=True, timeout=10).returncode == 0
    return False


def open_cap(memory_bytes: int | None, backend: str | None = None, announce: Callable[[Path], object] = str) -> Cap:
    """The strongest cap this machine allows, or the one named by ``backend`` (``REPRO_CAP`` overrides the choice).

    Raises:
        UserError: the named backend is unknown or does not work here.
    """
    wanted = backend or os.environ.get("REPRO_CAP") or None
    if wanted is not None and wanted not in BACKENDS:
        raise UserError(f"unknown memory cap backend {wanted!r}. Choose from: {', '.join(BACKENDS)}")
    if memory_bytes is not None and wanted == "none":
        memory_bytes = None
    place = writable_cgroup() if sys.platform == "linux" and wanted in (None, "cgroup-v1", "cgroup-v2") else None
    if place is not None and wanted in (None, place[0]):
        return Cgroup(*place, memory_bytes, announce=announce)
    if memory_bytes is not None and wanted in (None, "systemd-run") and systemd_works():
        return SystemdScope(memory_bytes=memory_bytes)
    if wanted not in (None, "watchdog", "none"):
        raise UserError(f"the memory cap backend {wanted!r} does not work here: see 'repro doctor'")
    return Uncapped("none" if memory_bytes is None else "watchdog")
