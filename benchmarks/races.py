"""Does running trials side by side change how often a race shows? And how long does a healthy exit take?"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from repro import Lab, places
from repro.decide.spread import spread
from repro.render.tables import Table
from repro.studies.count import race_budget

QUESTIONS: Mapping[str, Mapping[str, Any]] = {
    "22.0.0, arrow-generator": {"target": "pyarrow==22.0.0", "scenario": "arrow-generator"},
    "22.0.0, arrow-everything": {"target": "pyarrow==22.0.0", "scenario": "arrow-everything"},
    "26.0.1, arrow-generator": {"target": "pyarrow==26.0.1", "scenario": "arrow-generator"},
    "26.0.1, arrow-everything": {"target": "pyarrow==26.0.1", "scenario": "arrow-everything"},
    "22.0.0, arrow-nothing": {"target": "pyarrow==22.0.0", "scenario": "arrow-nothing"},
}


def main(arguments: list[str] | None = None) -> None:
    """Print the counts of each question one at a time and side by side, and the spread of healthy exits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--jobs", type=int, nargs="*", default=[1, race_budget().slots])
    given = parser.parse_args(arguments)
    rows, exits = [], []
    with tempfile.TemporaryDirectory(prefix="races-") as folder:
        for jobs in given.jobs:
            lab = Lab(timeout="20s", reuse=False, reports=Path(folder), cache=places.cache())
            started = time.monotonic()
            asked = {name: lab.question("exit-hang", **given_) for name, given_ in QUESTIONS.items()}
            for counted in lab.count(asked, trials=given.trials, jobs=jobs):
                endings = ", ".join(f"{n} {name}" for name, n in counted.symptoms.most_common())
                rows.append((counted.name, jobs, str(counted.rate), endings))
                healthy = [e.outcome.exit_s for e in counted.evidence if e.verdict.symptom.healthy]
                exits += [seconds for seconds in healthy if seconds is not None]
            rows.append(("all together", jobs, "", f"{time.monotonic() - started:.0f} s"))
    exit_note = f"Healthy exits took {spread(exits)} s after the last statement." if exits else "No healthy exit."
    columns = ("question", "trials at a time", "bug shown (95 % interval)", "endings")
    print(Table("Side by side or one at a time", columns, tuple(sorted(rows, key=str)), exit_note).to_text())


if __name__ == "__main__":
    main()
