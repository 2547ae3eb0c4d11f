"""Finds and ends what is left of a trial, or of a kit that is gone: processes, leaf cgroups and scratch folders."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

PREFIX = "repro-"
TOKEN_VARIABLE = "REPRO_TRIAL_TOKEN"
"""In the environment of every probe: ``PID-…`` of the kit that started it."""
REAPER_VARIABLE = "REPRO_REAPER_TOKEN"
"""The same in the environment of the probe's parent, which ends by itself when its kit is gone."""
PATIENCE_S = 10.0
_UNLOCK = ("chflags", "-R", "nouchg") if sys.platform == "darwin" else ("chattr", "-R", "-f", "-ia")
"""Takes back a mark that keeps even the owner, or root, from removing a file."""
_OWNED = re.compile(rf"(?:{PREFIX})?(\d+)-")


def living(process: psutil.Process) -> bool:
    """Whether it still runs. One whose main thread has ended looks like a zombie while its other threads go on."""
    with contextlib.suppress(psutil.Error):
        return process.is_running() and (process.status() != psutil.STATUS_ZOMBIE or process.num_threads() > 1)
    return False


def face(process: psutil.Process) -> psutil.Process:
    """The process, or one of its other threads if the main one has ended: Linux shows memory and files only there."""
    with contextlib.suppress(psutil.Error, OSError):
        if process.status() == psutil.STATUS_ZOMBIE:
            others = (int(task.name) for task in Path(f"/proc/{process.pid}/task").iterdir())
            return psutil.Process(next((number for number in others if number != process.pid), process.pid))
    return process


def owner_is_gone(name: str, since: float) -> bool:
    """Whether the kit whose process number is in ``name`` has ended; a number given out again later is not it."""
    found = _OWNED.match(name)
    if found is None:
        return False
    try:
        owner = psutil.Process(int(found.group(1)))
        return not living(owner) or owner.create_time() > since + 1.0
    except psutil.NoSuchProcess:
        return True
    except psutil.Error:
        return False


def _writes_into(process: psutil.Process, folder: Path) -> bool:
    """Whether its standard output or error is a file in ``folder``: nobody but a probe has that."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            return any(folder in Path(f"/proc/{process.pid}/fd/{fd}").readlink().parents for fd in (1, 2))
        return False
    return any(folder in Path(file.path).parents and file.fd in (1, 2) for file in process.open_files())


def _environment(process: psutil.Process) -> dict[str, str]:
    with contextlib.suppress(psutil.Error, OSError):
        return process.environ()
    return {}


def processes(
    is_ours: Callable[[str], bool], folder: Path | None = None, variable: str = TOKEN_VARIABLE
) -> Iterator[psutil.Process]:
    """Living processes whose token ``is_ours``, or whose output goes to a file in ``folder``."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            shown = process if (environment := _environment(process)) else face(process)
            token = (environment or _environment(shown)).get(variable, "")
            if ((token and is_ours(token)) or (folder and _writes_into(shown, folder))) and living(process):
                yield process


def end_processes(is_ours: Callable[[str], bool], folder: Path | None = None, patience_s: float = PATIENCE_S) -> int:
    """SIGKILL all of ``processes`` until none is left; returns how many there were."""
    deadline, killed = time.monotonic() + patience_s, set[int]()
    while True:
        found = list(processes(is_ours, folder))
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.kill()
        killed |= {process.pid for process in found}
        if not found or time.monotonic() > deadline:
            return len(killed)
        time.sleep(0.01)


def remove_cgroup(path: Path, patience_s: float = PATIENCE_S) -> None:
    """Kill what is left inside and remove the leaf; a cgroup stays busy for a moment after its last process died."""
    deadline = time.monotonic() + patience_s
    while path.exists():
        with contextlib.suppress(OSError):
            for inner in sorted(path.rglob("*/"), reverse=True):  # a probe may have made groups of its own inside
                _kill_members(inner)
                inner.rmdir()
            path.rmdir()
            return
        _kill_members(path)
        if time.monotonic() > deadline:
            return
        time.sleep(0.005)


def _kill_members(group: Path) -> None:
    with contextlib.suppress(OSError, ValueError):
        for pid in (group / "cgroup.procs").read_text().split():
            os.kill(int(pid), signal.SIGKILL)


def remove_folder(path: Path) -> None:
    """Remove a scratch folder whatever the probe made of it; nothing that is mounted or linked inside is touched."""
    for _ in range(3):  # an escaped process may still be writing while it dies
        if not _unmount_below(path):
            return
        try:
            _make_writable(path)
            for folder, names, _ in os.walk(path):
                for name in names:
                    _make_writable(Path(folder, name))
            shutil.rmtree(path, ignore_errors=True)
            if path.exists():
                subprocess.run([*_UNLOCK, "--", path], check=False, capture_output=True)
        except RecursionError:  # a thousand folders in each other
            for command in (["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
                subprocess.run([*command, "--", path], check=False, capture_output=True)
        if path.is_symlink() or path.is_file():
            path.unlink(missing_ok=True)
        if not path.exists():
            return
        time.sleep(0.05)


def _make_writable(folder: Path) -> None:
    with contextlib.suppress(OSError):
        if not folder.is_symlink():
            folder.chmod(0o700)


def _unmount_below(path: Path) -> bool:
    """Detach what a privileged probe mounted at or below ``path``; ``False`` if something stays mounted there."""
    with contextlib.suppress(OSError):
        mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        ours = [mount for mount in mounts if mount == str(path) or mount.startswith(f"{path}/")]
        for mount in reversed(ours):
            if subprocess.run(["umount", "-l", "--", mount], check=False, capture_output=True).returncode:
                return False
    return True


def paths_of_gone_kits(parents: Iterator[Path]) -> Iterator[Path]:
    """Scratch folders and cgroups, directly below ``parents``, whose kit has ended."""
    for parent in parents:
        with contextlib.suppress(OSError):
            for path in sorted(parent.glob(f"{PREFIX}*-*")):
                if path.is_dir() and owner_is_gone(path.name, path.stat().st_mtime):
                    yield path


def end_leftovers(parents: Iterator[Path]) -> Iterator[str]:
    """End and remove what kits that are gone left; those of living kits stay. Yields a line for each thing."""
    paths = list(paths_of_gone_kits(parents))
    now = time.time()
    found = {p.pid: p for folder in (None, *paths) for p in processes(lambda t: owner_is_gone(t, now), folder)}
    if found:
        for folder in (None, *paths):
            end_processes(lambda token: owner_is_gone(token, now), folder)
        yield f"ended {len(found)} process{'es' * (len(found) > 1)} of a kit that was killed"
    for path in paths:
        if (path / "cgroup.procs").exists():
            remove_cgroup(path)
        else:
            remove_folder(path)
        yield f"{'could not remove' if path.exists() else 'removed'} the leftover {path.name}"
