"""Reads how much memory a process tree uses; the choice per platform is made here."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import psutil

from repro.trial.leftovers import face

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
    with contextlib.suppress(*GONE):
        return int(process.memory_info().rss) or int(face(process).memory_info().rss)
    return 0


def proportional(processes: Iterable[psutil.Process]) -> int | None:
    """Sum of PSS, in which pages shared by a fork pool count once; ``None`` where the system does not tell."""
    total = 0
    for process in processes:
        try:
            total += int(face(process).memory_full_info().pss)
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


_SHMEM = re.compile(rb"RssShmem:\s+(\d+) kB")


def memory_mounts() -> dict[str, int]:
    """Bytes in use on each file system that lives in memory (Linux)."""
    found = {}
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/mountinfo").read_text().splitlines():
            fields, _, kind = line.partition(" - ")
            if kind.split()[0] == "tmpfs":
                with contextlib.suppress(OSError):
                    room = os.statvfs(mount := fields.split()[4])
                    found[mount] = (room.f_blocks - room.f_bfree) * room.f_frsize
    return found


def unmapped_memory_files(pids: Iterable[int]) -> int:
    """Bytes of memfd and tmpfs files that processes hold open and no RSS shows, each file once (Linux)."""
    files: dict[tuple[int, int], int] = {}
    mapped = 0
    places = ("/memfd:", *(f"{mount}/" for mount in memory_mounts()))
    for pid in pids:
        with contextlib.suppress(OSError):
            if found := _SHMEM.search(Path(f"/proc/{pid}/status").read_bytes()):
                mapped += int(found.group(1)) * 1024
            for link in os.scandir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    if str(Path(link).readlink()).startswith(places):
                        file = Path(link).stat()
                        files[file.st_dev, file.st_ino] = file.st_blocks * 512
    return max(0, sum(files.values()) - mapped)


def machine_oom_kills() -> int | None:
    """``oom_kill`` of ``/proc/vmstat``; ``None`` where there is no such counter."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return None
