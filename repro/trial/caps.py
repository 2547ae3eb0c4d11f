"""Chooses what caps the memory of a trial: a cgroup, a systemd scope, or the supervisor's own watchdog."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from repro.errors import UserError
from repro.trial.cgroup import V2, Cgroup, candidates, counter, members, memberships, outside, writable_cgroup
from repro.trial.leftovers import PREFIX

__all__ = ["BACKENDS", "PREFIX", "Cap", "Uncapped", "candidates", "open_cap", "systemd_works", "writable_cgroup"]

BACKENDS = ("cgroup-v1", "cgroup-v2", "systemd-run", "watchdog")


class Cap(Protocol):
    """A memory cap around one trial.

    ``kernel_enforced`` says whether the kernel kills on a breach; if not, the supervisor's watchdog does.
    """

    name: str
    kernel_enforced: bool

    def wrap(self, command: Sequence[str]) -> list[str]: ...
    def attach(self, pid: int) -> None: ...
    def pids(self) -> list[int]: ...
    def left_by(self, pids: Iterable[int]) -> bool: ...
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

    def left_by(self, pids: Iterable[int]) -> bool:
        return False

    def oom_kills(self) -> int | None:
        return None

    def peak_bytes(self) -> int | None:
        return None

    def close(self) -> None:
        return None


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
        relative = next((p for kind, p in memberships(pid) if kind == ""), "")
        if self.path is None and relative.endswith(".scope"):
            self.path = Path("/sys/fs/cgroup") / relative.lstrip("/")

    def pids(self) -> list[int]:
        return members(self.path) if self.path else []

    def left_by(self, pids: Iterable[int]) -> bool:
        return outside(self.path.name, "", pids) if self.path else False

    def oom_kills(self) -> int | None:
        return counter(self.path / V2.events, "oom_kill") if self.path else None

    def peak_bytes(self) -> int | None:
        with contextlib.suppress(OSError, ValueError):
            return int((self.path / V2.peak).read_text()) if self.path else None
        return None


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
        # "none" is no backend: a run under a cap that nobody enforces would be kept, and told of, as one under that cap
        known = ", ".join(BACKENDS)
        raise UserError(f"unknown memory cap backend {wanted!r}. Choose from: {known}. For no cap, type --memory none")
    place = writable_cgroup() if sys.platform == "linux" and wanted in (None, "cgroup-v1", "cgroup-v2") else None
    if place is not None and wanted in (None, place[0]):
        return Cgroup(*place, memory_bytes, announce=announce)
    if memory_bytes is None:
        return Uncapped()
    if wanted in (None, "systemd-run") and systemd_works():
        return SystemdScope(memory_bytes=memory_bytes)
    if wanted not in (None, "watchdog"):
        raise UserError(f"the memory cap backend {wanted!r} does not work here: see 'repro doctor'")
    return Uncapped("watchdog")
