"""A quick look at candidates of a shrinking, before a real run: in forks that need not import their packages."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import select
import shutil
import signal
import subprocess
import time
from pathlib import Path

from repro.bugs.script import imported_modules
from repro.model import TargetInfo
from repro.trial.process import probe_environment
from repro.trial.scratch import KIT_TOKEN

READY_S, MOST_SAID = 60.0, 1 << 16
_FORK = Path(__file__).with_name("fork.py")


class Screen:
    """Processes of the target that have imported what the script imports, one for each candidate at a time."""

    def __init__(self, target: TargetInfo, text: str, scratch: Path, slots: int, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._free: queue.SimpleQueue[subprocess.Popen[bytes]] = queue.SimpleQueue()
        self._all = [
            subprocess.Popen(
                [str(target.python), "-P", "-W", "ignore", str(_FORK), *imported_modules(text)],
                cwd=scratch,
                env=probe_environment(scratch, f"{KIT_TOKEN}-screen"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                bufsize=0,
            )
            for _ in range(slots)
        ]
        for one in self._all:
            if self._line(one, READY_S) == b"ready\n":
                self._free.put(one)
        self.usable = self._free.qsize() == slots

    def run(self, path: Path) -> tuple[int | None, str]:
        """Exit status (``None`` if its time was over or nothing can be said) and the end of stderr of one candidate."""
        one = self._free.get()
        said = Path(f"{path}.err")
        try:
            assert one.stdin is not None
            one.stdin.write(json.dumps([str(path), self._timeout_s]).encode() + b"\n")
            status = json.loads(self._line(one, self._timeout_s + READY_S) or b"null")
            return status, said.read_bytes()[-MOST_SAID:].decode("utf-8", "replace")
        except (OSError, ValueError):
            return None, ""
        finally:
            self._free.put(one)
            said.unlink(missing_ok=True)
            shutil.rmtree(f"{path}.d", ignore_errors=True)

    def close(self) -> None:
        for one in self._all:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(one.pid, signal.SIGKILL)
            one.wait()
            for pipe in (one.stdin, one.stdout):
                if pipe is not None:
                    pipe.close()

    def _line(self, one: subprocess.Popen[bytes], seconds: float) -> bytes:
        assert one.stdout is not None
        until = time.monotonic() + seconds
        ready, _, _ = select.select([one.stdout], [], [], max(0.0, until - time.monotonic()))
        return one.stdout.readline() if ready else b""
