"""Runs hundreds of hanging, crashing and healthy trials and prints what is left behind: nothing, if all is well.

``python benchmarks/endurance.py [--trials 500] [--jobs 6]``; with ``--hostile`` the probe of ``tests/trial/hostile.py``
does its worst in each trial instead (no environment is needed then), under each cap in turn.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil

from repro import Lab, places
from repro.housekeeping import leftovers
from repro.model import Limits, Request
from repro.render.tables import Table
from repro.trial import cgroup
from repro.trial.leftovers import PREFIX, TOKEN_VARIABLE
from repro.trial.supervise import KIT_TOKEN, scratch_folder, supervise
from repro.units import about

QUESTIONS: Mapping[str, Mapping[str, Any]] = {
    "hangs or crashes": {"scenario": "arrow-generator"},
    "mostly healthy": {"scenario": "arrow-generator", "parameters": {"layout": "small"}},
    "healthy": {"scenario": "arrow-nothing"},
}


PROBE = Path(__file__).parents[1] / "tests" / "trial" / "hostile.py"
HOSTILE = (
    "nothing",
    "orphan_stays",
    "orphan_without_environment_stays",
    "many_children",
    "zombies",
    "memory_in_an_orphan",
    "child_killed_for_memory_before_done",
    "sigkill_itself",
    "kills_its_parent",
    "done_and_hang",
    "events_a_fifo",
    "events_a_folder",
    "events_900_deep",
    "events_sparse_and_ended",
    "output_flood",
    "scratch_gone",
    "scratch_locked",
)


def alive() -> int:
    """Processes that carry this kit's token."""
    count = 0
    for process in psutil.process_iter():
        try:
            count += process.environ().get(TOKEN_VARIABLE, "").startswith(KIT_TOKEN)
        except psutil.Error:
            continue
    return count


def scratch() -> int:
    """Scratch folders in the temporary folder, of this kit or left by a dead one."""
    own = list(Path(tempfile.gettempdir()).glob(f"{PREFIX}{psutil.Process().pid}-*"))
    return len(own) + len(list(leftovers()))


def hostile_trials(count: int, jobs: int) -> Counter[str]:
    """Run short misdeeds in turns, each as one trial; returns how they ended."""
    place = cgroup.writable_cgroup()
    turns = itertools.cycle(itertools.product([place[0], "watchdog"] if place else ["watchdog"], HOSTILE))

    def one(turn: tuple[str, str]) -> str:
        cap, behaviour = turn
        request = Request("hostile", "any", "none", None, {"behaviour": behaviour}, {}, "")
        with scratch_folder() as folder:
            return supervise(
                request,
                sys.executable,
                PROBE,
                Limits(128 << 20, 1.0, 0.5),
                scratch=folder,
                cap_backend=cap,
                take_stacks=lambda pid: (),
            ).symptom.value

    with ThreadPoolExecutor(jobs) as pool:
        return Counter(pool.map(one, itertools.islice(turns, count)))


def lab_trials(count: int, jobs: int, lab: Lab) -> Counter[str]:
    symptoms = Counter[str]()
    asked = {name: lab.question("exit-hang", **given) for name, given in QUESTIONS.items()}
    for counted in lab.count(asked, trials=count // len(QUESTIONS), jobs=jobs):
        symptoms += counted.symptoms
    return symptoms


def main(arguments: list[str] | None = None) -> None:
    """Print the kit's memory before, after a warm-up and after all trials, and what was left behind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=500)
    parser.add_argument("--jobs", type=int, default=6)
    parser.add_argument("--hostile", action="store_true")
    given = parser.parse_args(arguments)
    me, rows, symptoms = psutil.Process(), [], Counter[str]()
    with tempfile.TemporaryDirectory(prefix="endurance-") as folder:
        lab = Lab(target="pyarrow==26.0.1", timeout="2s", reuse=False, reports=Path(folder), cache=places.cache())
        lab.runner.stacks_per_question = 1
        started = time.monotonic()
        for size in (60, *[max(60, (given.trials - 60) // 3)] * 3):
            some = hostile_trials(size, given.jobs) if given.hostile else lab_trials(size, given.jobs, lab)
            symptoms += some
            gc.collect()
            state = (about(me.memory_info().rss), me.num_fds(), me.num_threads(), alive(), scratch())
            rows.append((symptoms.total(), *state))
    columns = ("trials", "kit's RSS", "open files", "threads", "processes left", "folders or cgroups left")
    ended = ", ".join(f"{n} {name}" for name, n in symptoms.most_common())
    note = f"{time.monotonic() - started:.0f} s; the trials ended as: {ended}. Memory must not grow from row to row."
    print(Table("After hundreds of trials", columns, tuple(rows), note).to_text())


if __name__ == "__main__":
    main()
