"""A Dask scheduler and workers as processes of their own, to be killed: for the tests of the cluster."""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import psutil

MEMORY = 1_000_000_000
PRELOAD = """
import sys
from pathlib import Path
from repro import targets
from repro.model import TargetInfo
targets.provision = lambda spec, **how: TargetInfo(
    str(spec), Path(sys.executable), sys.version.split()[0], {"tiny": "1.0"}, "key"
)
"""


class Started:
    """A scheduler and its workers as processes of their own, each worker with a nanny that starts it again."""

    def __init__(self, root: Path, workers: int = 2, bugs: Path | None = None) -> None:
        self.root = root
        (root / "bugs").mkdir(parents=True)
        (root / "preload.py").write_text(PRELOAD)
        places = {"REPRO_BUGS": "bugs", "REPRO_REPORTS": "reports", "REPRO_CACHE": "cache", "TMPDIR": "tmp"}
        self.env = {**os.environ, **{name: str(root / path) for name, path in places.items()}}
        if bugs:
            self.env["REPRO_BUGS"] = str(bugs)
        (root / "tmp").mkdir()
        self.env["DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES"] = "50"
        file = root / "scheduler.json"
        local = ("--host", "127.0.0.1", "--scheduler-file", str(file))
        self.scheduler = self._start("scheduler", *local, "--port", "0", "--dashboard-address", "127.0.0.1:0")
        while not file.exists():
            assert self.scheduler.poll() is None, "no scheduler"
            time.sleep(0.05)
        own = ["--nthreads", "2", "--resources", f"memory={MEMORY}", "--memory-limit", "0"]
        own += ["--dashboard-address", "127.0.0.1:0", "--local-directory", str(root / "tmp")]
        own += ["--preload", str(root / "preload.py")]
        self.nannies = [self._start("worker", *local, *own) for _ in range(workers)]
        self.words = f"dask://{json.loads(file.read_text())['address'].removeprefix('tcp://')}"

    def _start(self, kind: str, *words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *words]
        with (self.root / f"{kind}.log").open("ab") as log:
            return subprocess.Popen(command, env=self.env, stdout=log, stderr=log)

    def workers(self) -> list[psutil.Process]:
        """The processes that run the jobs: what the nannies started, not the trackers of their resources."""
        found = []
        for nanny in self.nannies:
            with contextlib.suppress(psutil.Error):
                for child in psutil.Process(nanny.pid).children():
                    if "resource_tracker" not in " ".join(child.cmdline()):
                        found.append(child)
        return found

    def kill_one(self, chance: random.Random) -> bool:
        """SIGKILL to one worker, if one is up."""
        with contextlib.suppress(psutil.Error, IndexError):
            chance.choice(self.workers()).kill()
            return True
        return False

    def close(self) -> None:
        alive = self.scheduler.poll() is None
        processes = [*self.nannies, self.scheduler]  # the other way round a worker would look for its scheduler
        below = [one for p in processes if psutil.pid_exists(p.pid) for one in psutil.Process(p.pid).children(True)]
        for process in processes:
            if alive:
                process.terminate()
            else:
                process.kill()  # a nanny would look for the scheduler for 30 s
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
        for one in psutil.wait_procs(below, 20)[1]:
            one.kill()
