"""Cleans up after a kit that was killed: a small process that waits for the kit's end on a pipe.

``kill -9`` of the kit leaves nobody to stop its probes, remove their cgroups and scratch folders. The guardian holds
the read end of a pipe whose write end only the kit has; end of file means the kit is gone, however it went.
Run as ``python -m repro.trial.guardian TOKEN``; the kit writes ``+ PATH`` and ``- PATH`` lines for what must not stay.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Guardian:
    """The kit's end of the pipe. One guardian serves all trials of a kit process.

    ``environment`` is what it sees; a token of another kit in it would have that one's guardian end this one.
    """

    def __init__(self, token: str, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__, token],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C at the terminal must not reach it
            cwd="/",
            env={**environment, "PYTHONPATH": str(ROOT)},
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


def clean_up(token: str, kept: list[Path]) -> None:
    """End the processes of a kit that is gone and remove its cgroups and folders, last made first."""
    from repro.trial import leftovers

    deadline = time.monotonic() + leftovers.PATIENCE_S
    while time.monotonic() < deadline and any(
        leftovers.processes(lambda other: other.startswith(token), variable=leftovers.REAPER_VARIABLE)
    ):
        time.sleep(0.01)  # each reaper ends what its probe left, also what dropped its environment
    folders = [path for path in kept if not (path / "cgroup.procs").exists()]
    for folder in (None, *folders):
        leftovers.end_processes(lambda other: other.startswith(token), folder)
    for path in reversed(kept):
        if path in folders:
            leftovers.remove_folder(path)
        else:
            leftovers.remove_cgroup(path)


def main(token: str) -> None:
    """Collect lines until the pipe closes, then remove what was not forgotten."""
    kept: dict[str, None] = {}
    for line in sys.stdin:
        sign, _, path = line.rstrip("\n").partition(" ")
        if sign == "+":
            kept[path] = None
        else:
            kept.pop(path, None)
    if kept:
        clean_up(token, [Path(path) for path in kept])


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(sys.argv[1])
    os._exit(0)
