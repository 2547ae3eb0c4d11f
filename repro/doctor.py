"""Says what this machine can do, a line each, and what to install for what is missing."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata

import psutil

from repro import places, targets
from repro.errors import UserError
from repro.inputs import sparse
from repro.trial import caps, meters, stacks
from repro.units import format_size


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. ``needed`` says whether ``make repro`` cannot do without it; ``remedy`` what to install."""

    what: str
    fine: bool
    detail: str
    remedy: str = ""
    needed: bool = False

    def line(self) -> str:
        mark = "ok     " if self.fine else ("MISSING" if self.needed else "absent ")
        tail = f"  -> {self.remedy}" if self.remedy and not self.fine else ""
        return f"{mark} {self.what:<18} {self.detail}{tail}"


def _interpreters() -> Finding:
    found = targets.installed()
    versions = ", ".join(dict.fromkeys(str(i.version) for i in found))
    return Finding("interpreters", bool(found), versions or "none", "install Python 3.11 or newer", needed=True)


def _uv() -> Finding:
    try:
        return Finding("uv", True, metadata.version("uv"), needed=True)
    except metadata.PackageNotFoundError:
        found = shutil.which("uv")
        return Finding("uv", found is not None, "on PATH" if found else "not found", "pip install uv", needed=True)


def _cap() -> Finding:
    cap = caps.open_cap(caps_probe := 256 << 20)
    cap.close()
    how = "the kernel kills" if cap.kernel_enforced else "sampled every 20 ms, our SIGKILL"
    remedy = "a writable cgroup (delegation, or a container run with --cgroupns=private) gives exact kills and peaks"
    detail = (
        f"{cap.name}: {how} (proven with {format_size(caps_probe)})" if cap.kernel_enforced else f"{cap.name}: {how}"
    )
    return Finding("memory cap", cap.kernel_enforced, detail, remedy)


def _peak() -> Finding:
    if caps.writable_cgroup():
        return Finding("peak memory", True, "the cgroup's own peak, beside the process's (VmHWM, sampled tree)")
    exact = meters.exact_peak(psutil.Process().pid)
    return Finding("peak memory", exact is not None, f"{exact[1] if exact else 'sampled every 20 ms'}")


def _memray() -> Finding:
    try:
        return Finding("memray", True, metadata.version("memray"))
    except metadata.PackageNotFoundError:
        return Finding("memray", False, "not installed", "pip install memray (no wheel for Windows)")


def _stack_tools() -> Iterator[Finding]:
    install = {"gdb": "apt-get install gdb", "pystack": "pip install pystack", "py-spy": "pip install py-spy"}
    install |= {"sample": "comes with macOS", "lldb": "xcode-select --install"}
    for name, command in stacks.tools(psutil.Process().pid):
        detail = "stacks of a hung process" if command else "not found"
        yield Finding(name, command is not None, detail, install.get(name, ""))


def _sparse() -> Finding:
    folder = places.cache()
    folder.mkdir(parents=True, exist_ok=True)
    remedy = "set REPRO_CACHE to a folder on a file system with sparse files (ext4, xfs, btrfs, APFS)"
    try:
        sparse.require(folder, 0)
    except UserError:
        return Finding("sparse files", False, "holes take disk here", remedy, needed=True)
    return Finding("sparse files", True, "holes take no disk", needed=True)


def _disk() -> Finding:
    free = shutil.disk_usage(places.cache()).free
    remedy = "5 GiB are needed: set REPRO_CACHE"
    return Finding("free disk", free > 5 << 30, f"{free / 2**30:.0f} GiB at the cache", remedy, needed=True)


def _free_memory() -> Finding:
    memory = psutil.virtual_memory()
    detail = f"{memory.available / 2**30:.0f} of {memory.total / 2**30:.0f} GiB available, {psutil.cpu_count()} CPUs"
    remedy = "close other programs, or give a smaller --memory"
    return Finding("free memory", memory.available > 4 << 30, detail, remedy)


def examine() -> list[Finding]:
    """All findings, in a fixed order; none of them raises."""
    machine = Finding("machine", True, f"{platform.system()} {platform.machine()}, Python {platform.python_version()}")
    findings = [machine]
    parts: list[Callable[[], Finding]] = [_interpreters, _uv, _cap, _peak, _memray]
    for part in parts:
        findings.append(_safely(part))
    findings += _stack_tools()
    return findings + [_safely(part) for part in (_sparse, _disk, _free_memory)]


def _safely(part: Callable[[], Finding]) -> Finding:
    try:
        return part()
    except Exception as error:  # a doctor that falls over tells nothing
        print(f"repro doctor: {part.__name__} failed: {error}", file=sys.stderr)
        return Finding(part.__name__.strip("_"), False, f"cannot tell: {type(error).__name__}")
