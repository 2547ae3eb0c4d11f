"""Cleans up after a kit that was killed: a small process that waits for the kit's end on a pipe.

``kill -9`` of the kit leaves nobody to stop its probes, remove their cgroups and scratch folders. The guardian holds
the read end of a pipe whose write end only the kit has; end of file means the kit is gone, however it went.
Run as ``python guardian.py TOKEN``; the kit writes ``+ PATH`` and ``- PATH`` lines for what must not stay behind.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

TOKEN_VARIABLE = "REPRO_TRIAL_TOKEN"


class Guardian:
    """The kit's end of the pipe. One guardian serves all trials of a kit process."""

    def __init__(self, token: str) -> None:
        command = [sys.executable, "-E", "-P", __file__, token]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C at the terminal must not reach it
            cwd="/",
        )
        self._lock = threading.Lock()
        atexit.register(self.close)

    def _say(self, line: str) -> None:
        pipe = self._process.stdin
        with self._lock, contextlib.suppress(OSError, ValueError):
            if pipe is not None:
                pipe.write(f"{line}\n".encode())
                pipe.flush()

    def watch(self, path: Path) -> None:
        """Remove ``path`` (a folder or a cgroup) if the kit is killed before ``forget``."""
        self._say(f"+ {path}")

    def forget(self, path: Path) -> None:
        self._say(f"- {path}")

    def close(self) -> None:
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=10)


def kill_by_token(token: str, patience_s: float = 5.0) -> int:
    """SIGKILL every process that carries the token in its environment; returns how many there were."""
    import psutil

    deadline = time.monotonic() + patience_s
    killed: set[int] = set()
    while True:
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                carries = process.environ().get(TOKEN_VARIABLE, "").startswith(token)
                if carries and process.status() != psutil.STATUS_ZOMBIE:
                    process.kill()
                    found.append(process.pid)
        killed.update(found)
        if not found or time.monotonic() > deadline:
            return len(killed)
        time.sleep(0.01)


def _empty_cgroup(path: Path) -> None:
    for _ in range(500):
        with contextlib.suppress(OSError):
            path.rmdir()
            return
        with contextlib.suppress(OSError, ValueError):  # one that dropped the token from its environment
            for pid in (path / "cgroup.procs").read_text().split():
                os.kill(int(pid), signal.SIGKILL)
        time.sleep(0.01)


def main(token: str) -> None:
    """Collect lines until the pipe closes, then remove what was not forgotten."""
    kept: dict[str, None] = {}
    for line in sys.stdin:
        sign, _, path = line.rstrip("\n").partition(" ")
        if sign == "+":
            kept[path] = None
        else:
            kept.pop(path, None)
    if not kept:
        return
    kill_by_token(token)
    for path in map(Path, kept):
        if (path / "cgroup.procs").exists():
            _empty_cgroup(path)
        else:
            shutil.rmtree(path, ignore_errors=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(sys.argv[1])
    os._exit(0)
