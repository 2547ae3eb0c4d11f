"""Kills the kit, its guardian, both, or their reaper too, in the middle of a trial, and counts what is left.

``python benchmarks/hostility.py [--rounds 200] [--jobs 2] [--seed 0]``. The probe of each round starts an orphan that
dropped its environment and its output, and one that kept both. Moments are random, from before the trial to its end;
signals and caps take turns. Where the guardian is killed too, ``clean`` has to find what is left.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
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

import psutil

from repro.render.tables import Table
from repro.trial import cgroup
from repro.trial.leftovers import PREFIX, end_leftovers

ROOT = Path(__file__).parents[1]
PATIENCE_S = 30.0
KIT = """
import sys
from pathlib import Path
from repro.model import Limits, Request
from repro.trial.supervise import scratch_folder, supervise
print("up", flush=True)
with scratch_folder() as scratch:
    supervise(Request("b", "s", "none", None, {}, {}, ""), sys.executable, Path(sys.argv[1]),
              Limits(256 << 20, float(sys.argv[2]), 1), scratch=scratch, take_stacks=lambda pid: ())
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
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGABRT)


class Plan(NamedTuple):
    """Who is killed, with which signal, how long after the kit is up, under which cap."""

    who: str
    sent: signal.Signals
    after_s: float
    cap: str


def plans(rounds: int, seed: int) -> Iterator[Plan]:
    chance = random.Random(seed)
    caps = [*([place[0]] if (place := cgroup.writable_cgroup()) else []), "watchdog"]
    who = ("kit", "guardian", "both", "all")
    turns = itertools.cycle(itertools.product(SIGNALS, who, caps))
    for sent, victim, cap in itertools.islice(turns, rounds):
        # without a cgroup and without a reaper nothing marks a process that dropped all: that one is not asked for
        victim = "both" if (victim, cap) == ("all", "watchdog") else victim
        yield Plan(victim, sent, chance.choice((0.0, 0.05, 0.1, 0.2, 0.4, chance.uniform(0, 0.6))), cap)


def beneath(kit: int, word: str) -> list[psutil.Process]:
    """Guardians or reapers of the kit."""
    found = []
    with contextlib.suppress(psutil.Error):
        for process in psutil.Process(kit).children():
            with contextlib.suppress(psutil.Error):
                if any(word in part for part in process.cmdline()):
                    found.append(process)
    return found


def left(kit: int, folder: Path) -> list[str]:
    """Processes with the round's folder in their command, a guardian, scratch folders and cgroups."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            command = " ".join(process.cmdline())
            if str(folder) in command or (f"guardian {kit}-" in command):
                found.append(f"process {process.pid} {command[-60:]}")
    found += [f"folder {path.name}" for path in folder.glob(f"tmp/{PREFIX}*")]
    parents = [parent for _, parent, _ in cgroup.candidates()]
    return found + [f"cgroup {path.name}" for parent in parents for path in parent.glob(f"{PREFIX}{kit}-*")]


def one(plan: Plan) -> tuple[Plan, list[str], int]:
    """One round; returns what was left in the end, and how much of it only ``clean`` removed."""
    with tempfile.TemporaryDirectory(prefix="hostility-") as name:
        folder = Path(name).resolve()
        (folder / "tmp").mkdir()
        (folder / "probe.py").write_text(PROBE)
        places = {"TMPDIR": folder / "tmp", "REPRO_REPORTS": folder / "reports", "REPRO_CACHE": folder / "cache"}
        kit = subprocess.Popen(
            [sys.executable, "-c", KIT, str(folder / "probe.py"), "600" if plan.who != "guardian" else "1"],
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "REPRO_CAP": plan.cap,
                **{k: str(v) for k, v in places.items()},
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert kit.stdout is not None
        kit.stdout.readline()
        time.sleep(plan.after_s)
        victims = beneath(kit.pid, "guardian") if plan.who != "kit" else []
        victims += beneath(kit.pid, "reaper.py") if plan.who == "all" else []
        for victim in victims:
            with contextlib.suppress(psutil.Error):
                victim.kill()
        if plan.who != "guardian":
            kit.send_signal(plan.sent)
        kit.wait(timeout=60)
        kit.stdout.close()
        cleaned = 0
        if plan.who in ("both", "all"):
            settle(kit.pid, folder, 1.0)
            cleaned = len(left(kit.pid, folder))
            parents = [folder / "tmp", *(parent for _, parent, _ in cgroup.candidates())]
            list(end_leftovers(iter(parents)))
        return plan, settle(kit.pid, folder, PATIENCE_S), cleaned


def settle(kit: int, folder: Path, patience_s: float) -> list[str]:
    """What is left once nothing goes any more, or patience ends."""
    deadline = time.monotonic() + patience_s
    while (found := left(kit, folder)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    rounds, lost, cleaned = Counter[tuple[str, str]](), Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    began = time.monotonic()
    with ThreadPoolExecutor(given.jobs) as pool:
        for plan, found, by_clean in pool.map(one, plans(given.rounds, given.seed)):
            key = plan.who, plan.cap
            rounds[key] += 1
            lost[key] += bool(found)
            cleaned[key] += bool(by_clean)
            for thing in found:
                print(f"left after {plan}: {thing}", file=sys.stderr)
    rows = tuple((*key, rounds[key], cleaned[key], lost[key]) for key in sorted(rounds))
    columns = ("killed", "cap", "rounds", "of them cleaned by 'clean'", "with leftovers")
    note = f"{sum(rounds.values())} rounds in {time.monotonic() - began:.0f} s, {sum(lost.values())} with leftovers"
    print(Table("Killed in the middle", columns, rows, note).to_text())


if __name__ == "__main__":
    main()
