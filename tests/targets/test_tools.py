"""Helper programs are started, waited for and, if need be, ended with all their children."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from repro.errors import EnvironmentFault, SpawnError
from repro.targets.tools import run

FAMILY = """
import pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
pathlib.Path(sys.argv[1]).write_text(str(child.pid))
time.sleep(60)
"""


def test_output_and_status_come_back_as_they_are() -> None:
    program = "import sys; print(sys.stdin.read().upper()); print('why', file=sys.stderr); sys.exit(3)"
    done = run([sys.executable, "-c", program], stdin="given", timeout_s=60)
    assert (done.returncode, done.stdout, done.stderr) == (3, "GIVEN\n", "why\n")


def test_the_callers_own_environment_is_hidden_from_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("VIRTUAL_ENV", "/elsewhere")
    monkeypatch.setenv("GIT_DIR", "/elsewhere/.git")
    program = "import os; print(*(k for k, v in os.environ.items() if 'elsewhere' in v), os.environ['ADDED'])"
    assert run([sys.executable, "-c", program], env={"ADDED": "yes"}, timeout_s=60).stdout == "yes\n"


def test_a_program_that_does_not_end_is_killed_with_its_children(tmp_path: Path) -> None:
    note = tmp_path / "child"
    with pytest.raises(EnvironmentFault, match="did not finish within 2 s"):
        run([sys.executable, "-c", FAMILY, note], timeout_s=2)
    child = int(note.read_text())
    patience = time.monotonic() + 30
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < patience, "the grandchild outlived the timeout"
        time.sleep(0.02)


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(SpawnError, match=r"cannot start no-such-program \(.*\); install no-such-program"):
        run([Path(os.sep) / "nowhere" / "no-such-program"], timeout_s=60)
