"""Reads how much memory a process tree uses; the choice per platform is made here."""

from __future__ import annotations

import contextlib
import ctypes
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import psutil

_HWM = re.compile(rb"VmHWM:\s+(\d+) kB")
GONE = (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess, ProcessLookupError)


class _RUsageV4(ctypes.Structure):
    """``struct rusage_info_v4`` of macOS ``<sys/resource.h>``, up to the fields read here."""

    _fields_ = (
        ("ri_uuid", ctypes.c_uint8 * 16),
        ("ri_head", ctypes.c_uint64 * 7),  # user_time … resident_size is [6]
        ("ri_phys_footprint", ctypes.c_uint64),
        ("ri_middle", ctypes.c_uint64 * 19),  # proc_start_abstime … serviced_system_time
        ("ri_logical_writes", ctypes.c_uint64),
        ("ri_lifetime_max_phys_footprint", ctypes.c_uint64),
        ("ri_tail", ctypes.c_uint64 * 6),
    )


def _darwin_rusage(pid: int) -> _RUsageV4 | None:
    library = ctypes.CDLL("/usr/lib/libproc.dylib", use_errno=True)
    info = _RUsageV4()
    return info if library.proc_pid_rusage(pid, 4, ctypes.byref(info)) == 0 else None


def footprint(process: psutil.Process) -> int:
    """Bytes that count against the cap: RSS on Linux, ``phys_footprint`` on macOS; 0 once it is gone."""
    if sys.platform == "darwin":
        info = _darwin_rusage(process.pid)
        if info is not None:
            return int(info.ri_phys_footprint)
    try:
        return int(process.memory_info().rss)
    except GONE:
        return 0


def proportional(processes: Iterable[psutil.Process]) -> int | None:
    """Sum of PSS, in which pages shared by a fork pool count once; ``None`` where the system does not tell."""
    total = 0
    for process in processes:
        try:
            total += int(process.memory_full_info().pss)
        except GONE:
            continue
        except AttributeError:
            return None
    return total


def exact_peak(pid: int) -> tuple[int, str] | None:
    """The operating system's own peak of one process and its name, or ``None``.

    Linux: ``VmHWM`` (gone once the process is a zombie). macOS: ``ri_lifetime_max_phys_footprint`` (still there then).
    ``ru_maxrss`` is not used: with vfork a child inherits the high-water mark of its parent.
    """
    if sys.platform == "darwin":
        info = _darwin_rusage(pid)
        return (int(info.ri_lifetime_max_phys_footprint), "lifetime_max_phys_footprint") if info else None
    with contextlib.suppress(OSError):
        found = _HWM.search(Path(f"/proc/{pid}/status").read_bytes())
        if found:
            return int(found.group(1)) * 1024, "VmHWM"
    return None


def machine_oom_kills() -> int | None:
    """``oom_kill`` of ``/proc/vmstat``; ``None`` where there is no such counter."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return None


class Tree:
    """A process and its descendants. The tree is rescanned every ``rescan`` samples; memory is read at each."""

    def __init__(self, pid: int, rescan: int = 5) -> None:
        self.known: dict[int, psutil.Process] = {}
        self.peak = 0
        self.peak_source = "sampled"
        self._rescan = rescan
        self._count = 0
        with contextlib.suppress(*GONE):
            self.known[pid] = psutil.Process(pid)
        self.root = self.known.get(pid)

    def sample(self) -> tuple[int, int]:
        """Summed bytes of the tree, and how many processes it has now."""
        if self._count % self._rescan == 0 and self.root is not None:
            with contextlib.suppress(*GONE):
                for child in self.root.children(recursive=True):
                    self.known.setdefault(child.pid, child)
        self._count += 1
        sizes = [size for process in self.known.values() if (size := footprint(process))]
        total = sum(sizes)
        self._note_peak(total, "sampled")
        if len(sizes) == 1 and self.root is not None and (exact := exact_peak(self.root.pid)):
            self._note_peak(*exact)
        return total, len(sizes)

    def _note_peak(self, value: int, source: str) -> None:
        if value > self.peak:
            self.peak, self.peak_source = value, source

    def last_words(self) -> None:
        """Read the peak that survives the end of the process (macOS); call before it is reaped."""
        if sys.platform == "darwin" and self.root is not None and (exact := exact_peak(self.root.pid)):
            self._note_peak(*exact)

    def above(self, cap: int, total: int) -> bool:
        """Whether the tree really uses more than ``cap`` bytes: a sum of RSS counts shared pages twice."""
        if total <= cap:
            return False
        alive = [p for p in self.known.values() if p.is_running()]
        shared = proportional(alive) if len(alive) > 1 else None
        return total > cap if shared is None else shared > cap
