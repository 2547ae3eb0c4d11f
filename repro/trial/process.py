"""Starts probes, waits for their end without reaping them, and leaves none of their processes behind."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import psutil

from repro.errors import SpawnError
from repro.trial import leftovers
from repro.trial.leftovers import REAPER_VARIABLE, TOKEN_VARIABLE
from repro.trial.output import Output

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
REAPER = Path(__file__).with_name("reaper.py")
ADOPTS = sys.platform == "linux"
"""Whether orphans can be adopted here; if not, they are looked for by their token and their output."""
PATIENCE_S = 20.0


def probe_environment(scratch: Path, token: str, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a probe: nothing secret, nothing of the user's, every cache inside the scratch folder."""
    env = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    env |= {name: value for name, value in os.environ.items() if name.startswith("ARROW_")}
    home = str(scratch)
    env |= {"HOME": home, "TMPDIR": home, "HF_HOME": f"{home}/huggingface", "XDG_CACHE_HOME": f"{home}/cache"}
    env |= {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}
    env |= {"PYTHONFAULTHANDLER": "1", "PYTHONUNBUFFERED": "1", TOKEN_VARIABLE: token}
    return env | dict(extra or {})


class Child:
    """A probe in a session of its own, whose end is noticed while its counters can still be read (as a zombie)."""

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str], cwd: Path, stdout: Output, stderr: Output
    ) -> None:
        self.token, self.folder = env[TOKEN_VARIABLE], cwd
        self.started_at = time.monotonic()
        self._popen = _start(command, env, cwd, stdout, stderr)
        self.status: int | None = None
        self._follow(self._popen.pid)

    def _follow(self, pid: int) -> None:
        self.pid = pid
        self._pidfd: int | None = None
        with contextlib.suppress(AttributeError, OSError):
            self._pidfd = os.pidfd_open(pid)

    def _let_go(self) -> None:
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None

    @property
    def ancestor(self) -> int:
        """The process whose descendants are the trial's."""
        return self.pid

    def strays(self) -> Iterable[psutil.Process]:
        """Processes of the trial that are no descendants any more; a search of the whole machine."""
        return leftovers.processes(lambda token: token == self.token, self.folder)

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
            self.send(signal.SIGSTOP)
            yield
        finally:
            self.send(signal.SIGCONT)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the whole process group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def finish(self, others: Iterable[psutil.Process], pids: Iterable[int]) -> int:
        """End whatever is still alive of the trial and reap the leader; returns how many outlived it.

        Looked for in five places, since each can be escaped from: the process group, the descendants seen while it
        ran, the cgroup, the token in the environment (also after ``setsid``), and the files of its output.
        """
        self.ended(0.0)
        survivors = self._alive_of([*others, *self.strays()], pids)
        self.send(signal.SIGKILL)
        _kill(survivors)
        with contextlib.suppress(subprocess.TimeoutExpired):  # not even SIGKILL ends one that waits for a dead disk
            self._popen.wait(PATIENCE_S)
        self.status = self._popen.returncode
        self._let_go()
        leftovers.end_processes(lambda token: token == self.token, self.folder)  # what they started meanwhile
        return len(survivors)

    def _alive_of(self, others: Iterable[psutil.Process], pids: Iterable[int]) -> set[int]:
        found = {p.pid for p in others if leftovers.living(p)} | {pid for pid in pids if psutil.pid_exists(pid)}
        return found - {self.pid, self._popen.pid}

    @property
    def exit_code(self) -> int | None:
        return self.status if self.status is not None and self.status >= 0 else None

    @property
    def signal(self) -> str | None:
        if self.status is None or self.status >= 0:
            return None
        try:
            return signal.Signals(-self.status).name
        except ValueError:  # a real-time signal has no name
            return f"SIG{-self.status}"


class AdoptedChild(Child):
    """A probe below a reaper, which is the parent of all that the probe leaves behind (``reaper.py``)."""

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str], cwd: Path, stdout: Output, stderr: Output
    ) -> None:
        self.token, self.folder = env[TOKEN_VARIABLE], cwd
        self.status = None
        self._rest = b""
        self._control, theirs = socket.socketpair()
        with theirs:
            number = theirs.fileno()
            reaper = [sys.executable, "-I", "-S", str(REAPER), str(number), *command]
            there = {name: value for name, value in env.items() if name != TOKEN_VARIABLE}
            there[REAPER_VARIABLE] = self.token  # so that it is not taken for what it is to end
            self._popen = _start(reaper, there, cwd, stdout, stderr, (number,))
        what, _, rest = (self._next(PATIENCE_S) or "error its starter was killed").partition(" ")
        if what != "pid":
            self._close()
            raise SpawnError(f"cannot start {command[0]}: {rest}")
        self.started_at = time.monotonic()
        self._follow(int(rest))

    def _next(self, wait_s: float) -> str | None:
        """The next line of the reaper; ``None`` if there is none yet, empty if there will be none."""
        deadline = time.monotonic() + wait_s
        while b"\n" not in self._rest:
            if not select.select([self._control], [], [], max(0.0, deadline - time.monotonic()))[0]:
                return None
            with contextlib.suppress(ConnectionError):
                if data := self._control.recv(4096):
                    self._rest += data
                    continue
            return ""
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode("utf-8", "replace")

    @property
    def ancestor(self) -> int:
        return self._popen.pid

    def strays(self) -> Iterable[psutil.Process]:
        return ()

    def ended(self, wait_s: float) -> bool:
        """As above; also if the reaper is gone, since then nobody will ever know how the probe ended."""
        watched = [self._control.fileno(), *([] if self._pidfd is None else [self._pidfd])]
        if select.select(watched, [], [], wait_s)[0]:
            return True
        return self._pidfd is None and not leftovers.living(psutil.Process(self.pid))

    def finish(self, others: Iterable[psutil.Process], pids: Iterable[int]) -> int:
        """Let the reaper end everything; if the probe killed its reaper, search as without one."""
        survivors, count, answer = self._alive_of(others, pids), 0, ""
        with contextlib.suppress(OSError):
            os.kill(self._popen.pid, signal.SIGCONT)
            self._control.sendall(b"end\n")
            answer = self._next(PATIENCE_S) or ""
        match answer.split():
            case ["ended", status, found]:
                self.status = None if status == "unknown" else int(status)
                count = int(found)
            case _:  # the end of the probe is not known, nor who its descendants are
                self.send(signal.SIGKILL)
                _kill(survivors)
                count = len(survivors) + leftovers.end_processes(lambda token: token == self.token, self.folder)
        self._close()
        self._let_go()
        return count

    def _close(self) -> None:
        self._control.close()
        self._popen.kill()
        self._popen.wait()


def start(command: Sequence[str], env: Mapping[str, str], cwd: Path, stdout: Output, stderr: Output) -> Child:
    """Start a probe in the way that loses none of its processes on this system.

    Raises:
        SpawnError: it could not be started.
    """
    return (AdoptedChild if ADOPTS else Child)(command, env, cwd, stdout, stderr)


def _start(
    command: Sequence[str],
    env: Mapping[str, str],
    cwd: Path,
    stdout: Output,
    stderr: Output,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(command),
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=stdout.fd,  # files, not pipes: an escaped grandchild would hold a pipe open
            stderr=stderr.fd,
            start_new_session=True,
            pass_fds=pass_fds,
        )
    except OSError as error:
        raise SpawnError(f"cannot start {command[0]}: {error.strerror}") from error


def _kill(pids: Iterable[int], patience_s: float = 5.0) -> None:
    """SIGKILL processes and wait until they are gone or zombies: the signal takes effect a moment later."""
    found = []
    for pid in pids:
        with contextlib.suppress(psutil.Error, OSError):
            os.kill(pid, signal.SIGKILL)
            found.append(psutil.Process(pid))
    deadline = time.monotonic() + patience_s
    for process in found:
        while leftovers.living(process) and time.monotonic() < deadline:
            time.sleep(0.002)
