"""Real tiny probes, run by the real supervisor."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from repro.model import Limits, Outcome, Request
from repro.trial.leftovers import TOKEN_VARIABLE
from repro.trial.supervise import KIT_TOKEN, scratch_folder, supervise

PRELUDE = """
import json, os, signal, subprocess, sys, time
_fd = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def say(event, **more):
    os.write(_fd, (json.dumps({"event": event, "t": 0.0, **more}) + "\\n").encode())
say("started", versions={})
"""

Run = Callable[..., Outcome]


def alive(pid: int) -> bool:
    """Whether one of its threads runs; a zombie has only not been waited for yet."""
    try:
        return any(psutil.Process(t.id).status() != psutil.STATUS_ZOMBIE for t in psutil.Process(pid).threads())
    except psutil.Error:
        return False


def left_behind() -> list[str]:
    """Processes of this kit that are still alive, and leaf cgroups that still exist."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(TOKEN_VARIABLE, "").startswith(KIT_TOKEN):
                found.append(f"process {process.pid} {process.cmdline()}")
        except psutil.Error:
            continue
    prefix = f"repro-{KIT_TOKEN.split('-')[0]}-"
    for controller in ("memory", "unified", ""):
        for folder, inner, _ in os.walk(Path("/sys/fs/cgroup", controller)):  # passes over what is gone meanwhile
            found += [f"{folder}/{name}" for name in inner if name.startswith(prefix)]
    return found


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """``run(body, memory=…, timeout=…, grace=…, cap=…)``: supervise a probe with this body; nothing may be left."""
    scratches: list[Path] = []

    def go(
        body: str,
        *,
        memory: int | None = None,
        timeout: float = 20.0,
        grace: float = 1.0,
        cap: str | None = None,
        prelude: str = PRELUDE,
        python: str = sys.executable,
        **options: Any,
    ) -> Outcome:
        probe = tmp_path / "probe.py"
        probe.write_text(prelude + textwrap.dedent(body))
        request = Request("made-up", "any", "none", None, {}, {}, "")
        with scratch_folder() as scratch:
            scratches.append(scratch)
            options.setdefault("take_stacks", lambda pid: ())
            return supervise(
                request, python, probe, Limits(memory, timeout, grace), scratch=scratch, cap_backend=cap, **options
            )

    yield go
    assert left_behind() == []
    assert [s for s in scratches if s.exists()] == []
