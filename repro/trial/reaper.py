"""Starts one probe and adopts every process that the probe leaves behind, so that none can get away (Linux).

Run as ``python -I -S reaper.py CONTROL COMMAND…``; it imports nothing of the kit. CONTROL is a socket: the reaper
writes ``pid N`` (or ``error TEXT``) once the probe runs, and leaves it unreaped when it ends, so that its counters can
still be read. A line from the kit, or the kit's own end, makes the reaper kill whatever still lives
of the probe and its descendants; then it writes ``ended STATUS SURVIVORS`` and exits.

A *child subreaper* becomes the parent of orphaned descendants, also after ``setsid``, a double fork and a change of
environment. The kit itself must not be one: orphans of everything else that runs in it (a notebook's own children)
would become its children too, and nobody could tell of which trial an orphan is.
"""

# pathlib would take longer to import than all the rest
# ruff: noqa: PTH123, PTH208

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import sys
import time

TOKENS = ("REPRO_REAPER_TOKEN", "REPRO_TRIAL_TOKEN")
PR_SET_CHILD_SUBREAPER = 36
PATIENCE_S = 10.0


def start(command: list[str], environment: dict[str, str]) -> tuple[int, str]:
    """Run ``command`` in a session of its own; returns its number, or 0 and why it could not be started."""
    here, there = os.pipe()  # close-on-exec: end of file says that it runs
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and exec would pass that on
                signal.signal(ignored, signal.SIG_DFL)
            os.execvpe(command[0], command, environment)
        except OSError as error:
            os.write(there, (error.strerror or str(error)).encode())
        finally:
            os._exit(127)
    os.close(there)
    with open(here, "rb") as pipe:
        failure = pipe.read().decode("utf-8", "replace")
    return (0 if failure else pid), failure


def parent_of(pid: int | str) -> int:
    """The parent of a process; 0 if it is gone or a zombie, and no thread of it goes on without the main one."""
    with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{pid}/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
        return 0 if fields[0] in (b"Z", b"X") and int(fields[17]) < 2 else int(fields[1])
    return 0


def descendants(root: int) -> set[int]:
    above, found = {int(name): parent_of(name) for name in os.listdir("/proc") if name.isdigit()}, {root}
    while new := {pid for pid, parent in above.items() if parent in found} - found:
        found |= new
    return found - {root}


def end_all(leader: int) -> tuple[int | None, int]:
    """Kill and reap all descendants; returns the leader's wait status and how many others were alive."""
    me, status, killed = os.getpid(), None, set[int]()
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = descendants(me)
        killed |= found
        while True:
            for pid in found:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            try:
                pid, ended = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:  # no child, so no descendant either
                return status, len(killed - {leader})
            if pid == leader:
                status = ended
            if pid == 0:
                break
            found = newest_children(me)  # one that forks and exits for ever is caught while it is still young
            killed |= found
        time.sleep(0.0005)
    return status, len(killed - {leader})


def newest_children(me: int) -> set[int]:
    """Our children among the processes that were started last."""
    with open("/proc/loadavg", "rb") as file:
        last = int(file.read().split()[-1])
    return {pid for pid in range(last, max(1, last - 6), -1) if parent_of(pid) == me and not is_thread(pid)}


def is_thread(pid: int) -> bool:
    """Whether the number is that of a further thread of a process; the listing of /proc leaves those out."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/status", "rb") as file:
        return b"\nTgid:\t%d\n" % pid not in file.read()
    return False


def main(control: int, command: list[str]) -> None:
    os.set_inheritable(control, False)
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    environment = dict(os.environ)
    environment[TOKENS[1]] = environment.pop(TOKENS[0], "")
    leader, failure = start(command, environment)

    def say(line: str) -> None:
        with contextlib.suppress(OSError):  # the kit is gone
            os.write(control, f"{line}\n".encode())

    say(f"pid {leader}" if leader else f"error {failure}")
    while leader and control not in select.select([control, woken], [], [])[0]:
        with contextlib.suppress(BlockingIOError):
            os.read(woken, 4096)
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        while ended and ended.si_pid != leader:  # an adopted orphan; the probe itself stays a zombie for the kit
            os.waitpid(ended.si_pid, os.WNOHANG)
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    status, survivors = end_all(leader)
    say(f"ended {'unknown' if status is None else os.waitstatus_to_exitcode(status)} {survivors}")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
