"""A leaf cgroup that caps the memory of one trial and tells the kernel's own peak and OOM kills (Linux, v1 and v2)."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from repro.trial.leftovers import PREFIX, remove_cgroup

NOT_ENTERED = 97
"""Exit status of a probe that could not enter its cgroup."""
_serial = itertools.count()


@dataclass(frozen=True, slots=True)
class Files:
    """The names one cgroup version gives to the same four things."""

    limit: str
    peak: str
    events: str
    swap: str


V1 = Files("memory.limit_in_bytes", "memory.max_usage_in_bytes", "memory.oom_control", "memory.memsw.limit_in_bytes")
V2 = Files("memory.max", "memory.peak", "memory.events", "memory.swap.max")


def counter(path: Path, name: str) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        for line in path.read_text().splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    return None


def members(group: Path) -> list[int]:
    """The processes of a cgroup; none if it is gone."""
    with contextlib.suppress(OSError, ValueError):
        return [int(line) for line in (group / "cgroup.procs").read_text().split()]
    return []


def outside(name: str, controller: str, pids: Iterable[int]) -> bool:
    """Whether one of the processes is not in the group of that name; one that is just exiting is in none."""
    return any(
        controller in kinds.split(",") and name not in Path(path).parts and not _exiting(pid)
        for pid in pids
        for kinds, path in memberships(pid)
    )


def _exiting(pid: int) -> bool:
    """``PF_EXITING`` in the flags of the process; also of one that is gone."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return bool(int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[6]) & 4)
    return True


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
            if not (self.path / self.files.limit).exists():  # a folder outside cgroupfs: writing would only make files
                raise FileNotFoundError(self.files.limit)
            if self.files is V1:
                (self.path / V1.events).write_text("0")  # a parent's "never kill, let it wait" is inherited
            if self.memory_bytes is not None:
                (self.path / self.files.limit).write_text(str(self.memory_bytes))
                swap = self.path / self.files.swap
                if swap.exists():  # memory that may be swapped out is not capped
                    swap.write_text("0" if self.files is V2 else str(self.memory_bytes))
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
        return members(self.path)

    def left_by(self, pids: Iterable[int]) -> bool:
        """Whether one of the trial's processes is in another memory cgroup, where the cap does not hold."""
        return outside(self.path.name, "memory" if self.files is V1 else "", pids)

    def oom_kills(self) -> int | None:
        """Kills in the leaf and in groups that the probe made inside, whose kills v1 counts only there."""
        own = counter(self.path / self.files.events, "oom_kill")
        if own is None or self.files is V2:
            return own
        return own + sum(counter(inner, "oom_kill") or 0 for inner in self.path.glob(f"*/**/{self.files.events}"))

    def peak_bytes(self) -> int | None:
        with contextlib.suppress(OSError, ValueError):
            return int((self.path / self.files.peak).read_text())
        return None

    def close(self) -> None:
        remove_cgroup(self.path)


def memberships(pid: int | str = "self") -> list[tuple[str, str]]:
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
    for controllers, relative in memberships():
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
