"""Runs hundreds of hanging, crashing and healthy trials and prints what is left behind: nothing, if all is well."""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from repro import Lab, places
from repro.housekeeping import leftovers
from repro.render.tables import Table
from repro.trial.caps import PREFIX
from repro.trial.leftovers import TOKEN_VARIABLE
from repro.trial.supervise import KIT_TOKEN
from repro.units import about

QUESTIONS: Mapping[str, Mapping[str, Any]] = {
    "hangs or crashes": {"scenario": "arrow-generator"},
    "mostly healthy": {"scenario": "arrow-generator", "parameters": {"layout": "small"}},
    "healthy": {"scenario": "arrow-nothing"},
}


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


def main(arguments: list[str] | None = None) -> None:
    """Print the kit's memory before, after a warm-up and after all trials, and what was left behind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=500)
    parser.add_argument("--jobs", type=int, default=6)
    given = parser.parse_args(arguments)
    me, rows, symptoms = psutil.Process(), [], Counter[str]()
    with tempfile.TemporaryDirectory(prefix="endurance-") as folder:
        lab = Lab(target="pyarrow==26.0.1", timeout="2s", reports=Path(folder), cache=places.cache())
        lab.runner.stacks_per_question = 1
        done, started = 0, time.monotonic()
        for size in (60, max(60, given.trials - 60)):
            for counted in lab.count("exit-hang", QUESTIONS, trials=size // len(QUESTIONS), jobs=given.jobs):
                symptoms += counted.symptoms
                done += len(counted.evidence)
            gc.collect()
            rows.append((done, about(me.memory_info().rss), me.num_fds(), me.num_threads(), alive(), scratch()))
    columns = ("trials", "kit's RSS", "open files", "threads", "processes left", "folders or cgroups left")
    ended = ", ".join(f"{n} {name}" for name, n in symptoms.most_common())
    note = f"{time.monotonic() - started:.0f} s; the trials ended as: {ended}. Memory must not grow from row to row."
    print(Table("After hundreds of trials", columns, tuple(rows), note).to_text())


if __name__ == "__main__":
    main()
