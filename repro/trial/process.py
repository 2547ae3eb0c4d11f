"""Starts probes, waits for their end without reaping them, and leaves none of their processes behind."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import psutil

from repro.errors import SpawnError
from repro.trial.guardian import TOKEN_VARIABLE, kill_by_token

KEPT_VARIABLES = (
    "PATH",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "SSL_CERT_FILE",
)
TAIL_BYTES = 64 << 10
FLOOD_BYTES = 16 << 20


def probe_environment(scratch: Path, token: str, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a probe: nothing secret, nothing of the user's, every cache inside the scratch folder."""
    env = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    env |= {name: value for name, value in os.environ.items() if name.startswith("ARROW_")}
    home = str(scratch)
    env |= {"HOME": home, "TMPDIR": home, "HF_HOME": f"{home}/huggingface", "XDG_CACHE_HOME": f"{home}/cache"}
    env |= {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}
    env |= {"PYTHONFAULTHANDLER": "1", "PYTHONUNBUFFERED": "1", TOKEN_VARIABLE: token}
    return env | dict(extra or {})


class Output:
    """A file that takes one output stream. A flood is cut down in place to bound the disk use; the tail is kept."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.dropped = 0
        self._saved = b""
        # append mode: after truncation the child goes on at the new end instead of leaving a hole
        self.fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    @property
    def flooded(self) -> bool:
        return os.fstat(self.fd).st_size > FLOOD_BYTES

    def trim(self) -> None:
        """Drop all but the tail. The writer must be paused: what it wrote meanwhile would be lost."""
        size = os.fstat(self.fd).st_size
        self._saved = self._read_tail(size)
        self.dropped += size - len(self._saved)
        os.ftruncate(self.fd, 0)

    def _read_tail(self, size: int) -> bytes:
        with self.path.open("rb") as file:
            file.seek(max(0, size - TAIL_BYTES))
            return file.read(TAIL_BYTES)

    def tail(self) -> str:
        data = (self._saved + self._read_tail(self.path.stat().st_size))[-TAIL_BYTES:]
        note = f"[{self.dropped} bytes of output dropped]\n" if self.dropped else ""
        return note + data.decode("utf-8", "replace")

    def close(self) -> None:
        os.close(self.fd)


class Child:
    """A probe in a session of its own, whose end is noticed while its counters can still be read (as a zombie)."""

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str], cwd: Path, stdout: Output, stderr: Output
    ) -> None:
        self.token = env[TOKEN_VARIABLE]
        self.started_at = time.monotonic()
        try:
            self._popen = subprocess.Popen(
                list(command),
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=stdout.fd,  # files, not pipes: an escaped grandchild would hold a pipe open
                stderr=stderr.fd,
                start_new_session=True,
            )
        except OSError as error:
            raise SpawnError(f"cannot start {command[0]}: {error.strerror}") from error
        self.pid = self._popen.pid
        self._pidfd: int | None = None
        with contextlib.suppress(AttributeError, OSError):
            self._pidfd = os.pidfd_open(self.pid)

    def ended(self, wait_s: float) -> bool:
        """Wait up to ``wait_s`` for the end; the process is left unreaped where the system allows it."""
        if self._popen.returncode is not None:
            return True
        if self._pidfd is not None:
            ready, _, _ = select.select([self._pidfd], [], [], wait_s)
            return bool(ready)
        time.sleep(wait_s)
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except (AttributeError, ChildProcessError):  # macOS before Python 3.13
            return self._popen.poll() is not None

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the process group for a moment."""
        try:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGSTOP)
            yield
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL the whole process group. A process that writes nothing on exit needs no gentler way."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def finish(self, others: Iterable[psutil.Process], pids: Iterable[int]) -> int:
        """End whatever is still alive of the trial and reap the leader; returns how many outlived it.

        Looked for in four places, since each can be escaped from: the process group, the descendants seen while it
        ran, the cgroup, and the token in the environment (also after ``setsid``).
        """
        self.ended(0.0)
        survivors = {p.pid for p in others if p.pid != self.pid and _alive(p)}
        survivors |= {pid for pid in pids if pid != self.pid and psutil.pid_exists(pid)}
        self.kill()
        for pid in survivors:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        self._popen.wait()
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
        _await_end(survivors)
        return len(survivors) + kill_by_token(self.token)

    @property
    def exit_code(self) -> int | None:
        code = self._popen.returncode
        return code if code is not None and code >= 0 else None

    @property
    def signal(self) -> str | None:
        code = self._popen.returncode
        if code is None or code >= 0:
            return None
        try:
            return signal.Signals(-code).name
        except ValueError:  # a real-time signal has no name
            return f"SIG{-code}"


def _await_end(pids: Iterable[int], patience_s: float = 5.0) -> None:
    """Wait until processes that were sent SIGKILL are gone or zombies: the signal takes effect a moment later."""
    deadline = time.monotonic() + patience_s
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            while _alive(process) and time.monotonic() < deadline:
                time.sleep(0.002)


def _alive(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
