"""A probe that does its worst: ``behaviour`` in the request names what. It imports nothing of the kit.

Each function below is one behaviour; ``python hostile.py REQUEST.json EVENTS.jsonl`` runs the one that is asked for,
between ``started`` and ``done``. What has to come of each is the table in ``test_hostile.py``.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import mmap
import os
import platform
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

MIB = 1 << 20
CAP = 128 * MIB
OVER = 300 * MIB
EVENTS = Path(sys.argv[2]) if len(sys.argv) > 2 else Path("EVENTS.jsonl")
FOREVER = 600
_events = -1


def raw(data: bytes) -> None:
    while data:
        data = data[os.write(_events, data) :]


def say(event: str, **more: object) -> None:
    raw((json.dumps({"event": event, "t": 0.0, **more}) + "\n").encode())


def fill(size: int) -> bytearray:
    """Memory that is really there, all pages different."""
    block = os.urandom(MIB)
    data = bytearray()
    while len(data) < size:
        data += block
        time.sleep(0.001)
    return data


def orphan(work: Callable[[], object], *, environment: bool = True) -> None:
    """Run ``work`` in a grandchild of nobody: double fork and a session of its own; its number is a measure."""
    here, there = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(there, f"{os.getpid()}\n".encode())
            if environment:
                work()
            else:  # a new program without the token, without any file of ours
                code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import hostile\n"
                null = os.open("/dev/null", os.O_RDWR)
                for fd in (0, 1, 2):
                    os.dup2(null, fd)
                os.chdir("/")
                os.execve(sys.executable, [sys.executable, "-c", f"{code}hostile.{work.__name__}()"], {})
        os._exit(0)
    os.wait()
    say("measure", measures={"pids": [int(os.read(here, 20))]})


def sleep_long() -> None:
    time.sleep(FOREVER)


def eat() -> None:
    data = fill(OVER)
    time.sleep(FOREVER)
    del data


# Memory


def memory() -> None:
    eat()


def memory_in_an_orphan() -> None:
    orphan(eat)
    time.sleep(FOREVER)


def memory_in_an_orphan_without_environment() -> None:
    orphan(eat, environment=False)
    time.sleep(FOREVER)


def memory_in_a_memfd() -> None:
    file = os.memfd_create("hidden")
    for _ in range(OVER // MIB):
        os.write(file, os.urandom(MIB))
        time.sleep(0.001)
    time.sleep(FOREVER)


def memory_in_an_open_tmpfs_file() -> None:
    with Path(f"/dev/shm/hostile-{os.getpid()}").open("wb") as file:
        Path(file.name).unlink()
        for _ in range(OVER // MIB):
            file.write(os.urandom(MIB))
            time.sleep(0.001)
        time.sleep(FOREVER)


def memory_in_a_closed_tmpfs_file() -> None:
    path = Path(f"/dev/shm/hostile-{os.getpid()}")
    say("measure", measures={"file": str(path)})
    with path.open("wb") as file:
        for _ in range(64):
            file.write(os.urandom(MIB))
    time.sleep(0.1)


def memory_shared_by_a_pool() -> None:
    """Four processes, all with the same 60 MiB and 5 of their own: 280 MiB as a sum of RSS, under a cap of 128 MiB."""
    shared = mmap.mmap(-1, 60 * MIB)
    for start in range(0, 60 * MIB, MIB):
        shared[start : start + MIB] = os.urandom(MIB)
    for _ in range(3):
        if os.fork() == 0:
            sum(shared[:: mmap.PAGESIZE])
            own = fill(5 * MIB)
            time.sleep(0.6)
            del own
            os._exit(0)
    for _ in range(3):
        os.wait()


def _leaf() -> Path:
    """The probe's own cgroup (v1)."""
    relative = next(
        line.split(":", 2)[2] for line in Path("/proc/self/cgroup").read_text().splitlines() if "memory" in line
    )
    leaf = Path("/sys/fs/cgroup/memory", relative.lstrip("/"))
    assert leaf.name.startswith("repro-"), "it is the kit's own that would be changed"
    return leaf


def memory_after_leaving_the_cgroup() -> None:
    (_leaf().parent / "cgroup.procs").write_text(str(os.getpid()))
    say("measure", measures={"left": True})
    data = fill(4 * CAP)
    time.sleep(0.3)
    del data


def limit_raised() -> None:
    for name in ("memory.memsw.limit_in_bytes", "memory.limit_in_bytes"):
        with contextlib.suppress(OSError):
            (_leaf() / name).write_text("-1")
    fill(OVER)


def memory_in_a_cgroup_of_its_own() -> None:
    inner = _leaf() / "inner"
    inner.mkdir()
    (inner / "cgroup.procs").write_text(str(os.getpid()))
    eat()


def child_killed_for_memory_before_done() -> None:
    if os.fork() == 0:
        eat()
    time.sleep(FOREVER)


def child_killed_for_memory_and_survived() -> None:
    """The child says that it is the one to kill; the probe ends well."""
    if os.fork() == 0:
        Path("/proc/self/oom_score_adj").write_text("1000")
        eat()
    os.wait()


def sigkill_itself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


# Processes


def orphan_stays() -> None:
    orphan(sleep_long)


def orphan_without_environment_stays() -> None:
    orphan(sleep_long, environment=False)


def many_children() -> None:
    for _ in range(40):
        if os.fork() == 0:
            time.sleep(FOREVER)


def chain_of_forks() -> None:
    """Each process starts the next in a session of its own and ends: no number is true for long."""
    if os.fork() == 0:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if os.fork() != 0:
                os._exit(0)
            os.setsid()
        os._exit(0)
    time.sleep(0.3)


def ignores_every_signal() -> None:
    for number in signal.valid_signals():
        with contextlib.suppress(OSError):
            signal.signal(number, signal.SIG_IGN)
    time.sleep(FOREVER)


def stops_itself() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def kills_its_parent() -> None:
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(FOREVER)


def stops_its_parent() -> None:
    os.kill(os.getppid(), signal.SIGSTOP)


def kills_its_group() -> None:
    os.killpg(0, signal.SIGKILL)


def zombies() -> None:
    for _ in range(100):
        if os.fork() == 0:
            os._exit(0)
    time.sleep(0.2)


def main_thread_ends(work: Callable[[], object] = eat) -> None:
    """To look at, the process is a zombie without memory or files, while its other thread goes on."""
    threading.Thread(target=work).start()
    ctypes.CDLL(None).syscall(60 if platform.machine() == "x86_64" else 93, 0)


def main_thread_of_an_orphan_ends() -> None:
    orphan(lambda: main_thread_ends(sleep_long))
    time.sleep(0.3)


def traces_itself() -> None:
    ctypes.CDLL(None).ptrace(0, 0, 0, 0)
    os.kill(os.getpid(), signal.SIGUSR1)


def execs_another_program() -> None:
    os.execve("/bin/sleep", ["sleep", str(FOREVER)], {})


def closes_every_file() -> None:
    os.closerange(0, 256)
    os._exit(0)


def misleading_name() -> None:
    ctypes.CDLL(None).prctl(15, b") Z 1 1", 0, 0, 0)
    orphan(sleep_long)


def orphan_in_a_namespace() -> None:
    """Its numbers there are not those that the supervisor sees."""
    ctypes.CDLL(None).unshare(0x20000000)
    if os.fork() == 0:
        for _ in range(3):
            if os.fork() == 0:
                os.setsid()
                time.sleep(FOREVER)
        time.sleep(FOREVER)
    time.sleep(0.2)


# The event file


def events_sparse() -> None:
    os.ftruncate(_events, 50 << 30)
    time.sleep(FOREVER)


def events_sparse_and_ended() -> None:
    os.ftruncate(_events, 50 << 30)


def _replaced(make: Callable[[], object]) -> None:
    EVENTS.unlink()
    make()


def events_a_fifo() -> None:
    _replaced(lambda: os.mkfifo(EVENTS))


def events_a_link_to_endless() -> None:
    _replaced(lambda: EVENTS.symlink_to("/dev/zero"))


def events_a_loop() -> None:
    _replaced(lambda: EVENTS.symlink_to(EVENTS))


def events_a_folder() -> None:
    _replaced(EVENTS.mkdir)


def events_cut_down() -> None:
    time.sleep(3)  # what is cut before the first look was never seen; on a busy machine that look took more than 0.5 s
    os.ftruncate(_events, 0)
    time.sleep(3)


def events_endless_line() -> None:
    for _ in range(40):
        raw(b"x" * MIB)


def events_100_mb_of_measures() -> None:
    for part in range(100):
        say("measure", measures={f"part {part}": "x" * 1_000_000})


def events_a_million() -> None:
    raw(b'{"event": "phase", "name": "x"}\n' * 300_000)


def events_number_of_400_digits() -> None:
    raw(b'{"event": "measure", "measures": {"n": ' + b"9" * 400 + b"}}\n")


def events_number_of_5000_digits() -> None:
    raw(b'{"event": "measure", "t": ' + b"9" * 5000 + b', "measures": {}}\n')


def events_time_of_400_digits() -> None:
    raw(b'{"event": "phase", "t": ' + b"9" * 400 + b', "name": "x"}\n')


def events_not_a_number() -> None:
    raw(b'{"event": "measure", "measures": {"n": NaN, "m": Infinity}}\n')


def events_900_deep() -> None:
    raw(b'{"event": "measure", "measures": {"n": ' + b"[" * 900 + b"]" * 900 + b"}}\n")


def events_100000_deep() -> None:
    raw(b'{"event": "measure", "measures": {"n": ' + b"[" * 100_000 + b"\n")


def events_half_a_character() -> None:
    raw(b'{"event": "measure", "measures": {"n": "\\ud800"}}\n')


def events_name_is_a_list() -> None:
    raw(b'{"event": ["done"], "t": []}\n')


# Its output and its folder


def output_replaced_by_a_fifo() -> None:
    for name in ("stdout", "stderr"):
        Path(name).unlink()
        os.mkfifo(name)
    print("written to the old file", flush=True)


def output_replaced_by_a_link() -> None:
    for name in ("stdout", "stderr"):
        Path(name).unlink()
        Path(name).symlink_to("/dev/zero")


def output_sparse() -> None:
    os.ftruncate(1, 50 << 30)
    time.sleep(0.1)


def output_flood() -> None:
    for _ in range(200):
        os.write(1, b"y" * MIB)


def scratch_gone() -> None:
    shutil.rmtree(Path.cwd())


def scratch_renamed() -> None:
    target = Path.cwd().with_name(f"{Path.cwd().name}-renamed")
    Path.cwd().rename(target)
    target.rename(target.with_name(target.name.removesuffix("-renamed")))


def scratch_locked() -> None:
    for name in ("a", "a/b", "a/b/c"):
        Path(name).mkdir()
        Path(name, "file").touch()
    for name in ("a/b/c", "a/b", "a", "."):
        Path(name).chmod(0)


def scratch_3000_deep() -> None:
    for _ in range(3000):
        os.mkdir("d")  # noqa: PTH102
        os.chdir("d")


def scratch_immutable() -> None:
    Path("a").mkdir()
    Path("a/file").touch()
    subprocess.run(["chattr", "+i", "a", "a/file"], check=True)


def scratch_mounted_over() -> None:
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(Path.cwd())], check=True)


def scratch_bind_mount() -> None:
    """Removing what is seen inside would remove what lies elsewhere."""
    outside = Path(json.loads(Path(sys.argv[1]).read_text())["inputs"]["outside"])
    Path("inside").mkdir()
    subprocess.run(["mount", "--bind", str(outside), "inside"], check=True)


def scratch_links_out() -> None:
    outside = Path(json.loads(Path(sys.argv[1]).read_text())["inputs"]["outside"])
    Path("inside").symlink_to(outside)


# Its end


def hang() -> None:
    time.sleep(FOREVER)


def busy() -> None:
    while True:
        pass


def exit_97() -> None:
    os._exit(97)


def real_time_signal() -> None:
    os.kill(os.getpid(), signal.SIGRTMIN + 3)


def done_twice() -> None:
    say("done")


def done_and_hang() -> None:
    say("done")
    time.sleep(FOREVER)


def done_and_abort() -> None:
    say("done")
    os.abort()


def nothing() -> None:
    pass


if __name__ == "__main__":
    behaviour = json.loads(Path(sys.argv[1]).read_text())["parameters"]["behaviour"]
    _events = os.open(EVENTS, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    say("started", versions={})
    globals()[behaviour]()
    say("done")
