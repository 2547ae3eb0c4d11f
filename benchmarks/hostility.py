"""Kills the kit, its guardian, both, or their reaper too, in the middle of its work, and counts what is left.

``python benchmarks/hostility.py [--phase running] [--rounds 200] [--jobs 2] [--seed 0]``. Phases:

- running: a trial whose probe starts an orphan that dropped its environment and its output, and one that kept both;
- provisioning: ``repro run`` of a script into an empty cache, with uv's own cache warm; then the same run once more,
  at once, has to find or make a whole environment;
- rendering: ``repro report`` of a notebook that runs such a trial in its kernel.

Moments are random, from before the work to its end; signals and caps take turns. What the kill of a guardian, or
SIGKILL of the kit, leaves for ``repro clean`` to find is counted too.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import nbformat
import psutil

from repro.render.tables import Table
from repro.trial import cgroup
from repro.trial.leftovers import PREFIX

ROOT = Path(__file__).parents[1]
PATIENCE_S = 30.0
TARGET = "datasets==5.2.0 pyarrow==24.0.0"
TRIAL = """
import sys
from pathlib import Path
from repro.model import Limits, Request
from repro.trial.supervise import scratch_folder, supervise
print("up", flush=True)
with scratch_folder() as scratch:
    supervise(Request("b", "s", "none", None, {}, {}, ""), sys.executable, Path(PROBE),
              Limits(256 << 20, TIMEOUT, 1), scratch=scratch, take_stacks=lambda pid: ())
"""
COMMAND = """
import sys
from pathlib import Path
print("up", flush=True)
from repro import places
from repro.cli import main
places.notebooks = lambda: Path("notebooks").absolute()
main(sys.argv[1:])
"""
PROBE = """
import os, sys, time
def orphan(bare):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            if bare:
                null = os.open("/dev/null", os.O_RDWR)
                for fd in (0, 1, 2):
                    os.dup2(null, fd)
                os.chdir("/")
            os.execve(sys.executable, [sys.executable, "-S", "-c", f"import time; time.sleep(600) # {sys.argv[0]}"],
                      {} if bare else dict(os.environ))
        os._exit(0)
    os.wait()
orphan(True)
orphan(False)
time.sleep(600)
"""
PLOT = "import matplotlib.pyplot as plt\nplt.figure(figsize=(1, 1))\nplt.plot([1])\nplt.show()"
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGABRT)
MOMENTS = {"running": 0.6, "provisioning": 3.5, "rendering": 12.0}
"""Seconds from the start of each phase to its end; with --phase running it begins when the kit is up."""


class Plan(NamedTuple):
    """Who is killed in which phase, with which signal, how long after the kit is up, under which cap."""

    phase: str
    who: str
    sent: signal.Signals
    after_s: float
    cap: str


def plans(phase: str, rounds: int, seed: int) -> Iterator[Plan]:
    chance = random.Random(seed)
    caps = [*([place[0]] if (place := cgroup.writable_cgroup()) else []), "watchdog"]
    who = ("kit", "guardian", "both", "all")
    turns = itertools.cycle(itertools.product(SIGNALS, who, caps))
    for sent, victim, cap in itertools.islice(turns, rounds):
        # without a cgroup and without a reaper nothing marks a process that dropped all: that one is not asked for
        victim = "both" if (victim, cap) == ("all", "watchdog") else victim
        after = chance.uniform(0, MOMENTS[phase])
        if phase == "running":
            after = chance.choice((0.0, 0.05, 0.1, 0.2, 0.4, after))
        yield Plan(phase, victim, sent, after, cap)


class Round:
    """One kit in a folder of its own, which all its processes carry in their command or their environment."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan, self.folder, self.pids = plan, folder, set[int]()
        for name in ("tmp", "home", "notebooks"):
            (folder / name).mkdir()
        (folder / "probe.py").write_text(PROBE)
        (folder / "script.py").write_text("import pyarrow\n")
        timeout = 1 if plan.who == "guardian" or plan.phase == "rendering" else 600
        self.trial = TRIAL.replace("PROBE", repr(str(folder / "probe.py"))).replace("TIMEOUT", str(timeout))
        cells = [nbformat.v4.new_code_cell(source) for source in ("memory = None", self.trial, PLOT)]
        cells[0].metadata["tags"] = ["parameters"]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "notebooks" / "01_small.ipynb")
        home = {"JUPYTER_DATA_DIR": folder / "home/jupyter", "IPYTHONDIR": folder / "home/ipython"}
        places = {"TMPDIR": folder / "tmp", "REPRO_REPORTS": folder / "reports", "REPRO_CACHE": folder / "cache"}
        named = {name: str(path) for name, path in (home | places).items()}
        self.environment = {**os.environ, "PYTHONPATH": str(ROOT), "REPRO_CAP": plan.cap, **named}
        self.kit = self.start()

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """The kit at its work, or at another command."""
        usual = {
            "running": (),
            "provisioning": ("run", "script.py", "--target", TARGET, "--trials", "1"),
            "rendering": ("report",),
        }[self.plan.phase]
        code = COMMAND if words or usual else self.trial
        log = (self.folder / f"log-{len(words)}").open("ab")
        with log:
            command = [sys.executable, "-c", code, *(words or usual)]
            return subprocess.Popen(command, env=self.environment, cwd=self.folder, stdout=subprocess.PIPE, stderr=log)

    def processes(self) -> Iterator[tuple[psutil.Process, str]]:
        """Living processes of this round, with their commands."""
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                command = " ".join(process.cmdline())
                mine = str(self.folder) in command or str(self.folder) in process.environ().get("TMPDIR", "")
                if process.pid != os.getpid() and (mine or f"guardian {self.kit.pid}-" in command):
                    self.pids.add(process.pid)
                    yield process, command

    def kill(self) -> None:
        words = {"guardian": ("guardian",), "both": ("guardian",), "all": ("guardian", "reaper.py")}
        wanted = words.get(self.plan.who, ())
        for process, command in list(self.processes()):
            if any(f"{word} " in command for word in wanted):
                with contextlib.suppress(psutil.Error):
                    process.kill()
        if self.plan.who != "guardian":
            self.kit.send_signal(self.plan.sent)

    def left(self) -> list[str]:
        """Processes, files in the temporary folder, cgroups, connection files and half-written reports."""
        found = [f"process {process.pid} {command[-60:]}" for process, command in self.processes()]
        found += [f"file {path.name}" for path in self.folder.glob("tmp/*")]
        found += [f"connection {path.name}" for path in self.folder.glob("home/**/kernel-*")]
        found += [f"half {path.name}" for path in self.folder.glob("reports/**/.*")]
        parents = [parent for _, parent, _ in cgroup.candidates()]
        groups = [path for parent in parents for pid in self.pids for path in parent.glob(f"{PREFIX}{pid}-*")]
        return found + [f"cgroup {path.name}" for path in groups]

    def settle(self, patience_s: float) -> list[str]:
        """What is left once nothing goes any more, or patience ends."""
        deadline = time.monotonic() + patience_s
        while (found := self.left()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return found

    def later(self) -> list[str]:
        """What is wrong with the environment after the same run once more."""
        again = self.start()
        out, _ = again.communicate(timeout=300)
        if again.returncode:
            return [f"a later run ends with {again.returncode}: {out[-300:]!r}"]
        (home,) = (path for path in (self.folder / "cache/envs").iterdir() if path.is_dir())
        command = [str(home / "bin/python"), "-c", WHOLE]
        missing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return [f"half-made: {missing}"] if json.loads(missing) else []


WHOLE = """
import importlib.metadata as m, json, os
print(json.dumps([str(f) for d in m.distributions() for f in d.files or ["no RECORD"]
                  if not str(f).endswith(".pyc") and not os.path.exists(d.locate_file(f))][:5]))
"""


def one(plan: Plan) -> tuple[Plan, list[str], int]:
    """One round; returns what was left in the end, and how much of it only ``clean`` removed."""
    with tempfile.TemporaryDirectory(prefix="hostility-", ignore_cleanup_errors=True) as name:
        this = Round(plan, Path(name).resolve())
        assert this.kit.stdout is not None
        this.kit.stdout.readline()
        time.sleep(plan.after_s)
        this.kill()
        found = this.later() if plan.phase == "provisioning" else []
        this.kit.communicate(timeout=300)  # whose guardian alone was killed goes on to its end
        cleaned = 0
        if plan.who in ("both", "all") or plan.sent is signal.SIGKILL:
            cleaned = len(this.settle(2.0))
            this.start("clean").communicate(timeout=60)
        return plan, found + this.settle(PATIENCE_S), cleaned


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--phase", choices=list(MOMENTS), default="running")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    for sent in set(SIGNALS) - {signal.SIGKILL}:
        if signal.getsignal(sent) is signal.SIG_IGN:  # as nohup and a shell's "&" have it; a kit would inherit that
            signal.signal(sent, signal.SIG_DFL)
    rounds, lost, cleaned = Counter[tuple[str, str]](), Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    began = time.monotonic()
    with ThreadPoolExecutor(given.jobs) as pool:
        for plan, found, by_clean in pool.map(one, plans(given.phase, given.rounds, given.seed)):
            key = plan.who, plan.cap
            rounds[key] += 1
            lost[key] += bool(found)
            cleaned[key] += bool(by_clean)
            for thing in found:
                print(f"left after {plan}: {thing}", file=sys.stderr)
    rows = tuple((*key, rounds[key], cleaned[key], lost[key]) for key in sorted(rounds))
    columns = ("killed", "cap", "rounds", "of them cleaned by 'clean'", "with leftovers")
    note = f"{sum(rounds.values())} rounds in {time.monotonic() - began:.0f} s, {sum(lost.values())} with leftovers"
    print(Table(f"Killed while {given.phase}", columns, rows, note).to_text())


if __name__ == "__main__":
    main()
