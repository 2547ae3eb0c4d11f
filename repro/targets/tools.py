"""The one place of this package that starts helper programs (uv, git) and waits for them."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from repro.errors import EnvironmentFault, SpawnError

_FOREIGN = frozenset(
    (
        *("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME", "UV_PYTHON", "UV_SYSTEM_PYTHON"),
        *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX"),
    )
)
"""What points at the caller's own environment or repository: a child that saw it would work on that one."""


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended, with all that it printed."""

    returncode: int
    stdout: str
    stderr: str


def run(
    argv: Sequence[str | Path],
    *,
    timeout_s: float,
    cwd: Path | None = None,
    stdin: str = "",
    env: Mapping[str, str] | None = None,
) -> Finished:
    """Run a program to its end, in a process group that is killed on a timeout or an interrupt.

    Args:
        env: settings on top of the inherited ones.

    Raises:
        SpawnError: the program could not be started.
        EnvironmentFault: it took longer than ``timeout_s`` seconds.
    """
    command = [str(word) for word in argv]
    inherited = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    try:
        child = subprocess.Popen(
            command,
            cwd=cwd,
            env={**inherited, **(env or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        name = Path(command[0]).name
        raise SpawnError(f"cannot start {name} ({error.strerror}); install {name} and put it on PATH") from error
    try:
        stdout, stderr = child.communicate(stdin, timeout=timeout_s)
    except BaseException as error:
        _kill(child)
        if isinstance(error, subprocess.TimeoutExpired):
            name = " ".join([Path(command[0]).name, *command[1:2]])
            raise EnvironmentFault(f"{name} did not finish within {timeout_s:.0f} s; try again") from None
        raise
    return Finished(child.returncode, stdout, stderr)


def _kill(child: subprocess.Popen[str]) -> None:
    # The leader is not reaped yet, so its group id cannot have passed to somebody else.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    for pipe in (child.stdin, child.stdout, child.stderr):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
