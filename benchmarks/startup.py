"""How long the kit takes to start: ``import repro`` and ``repro --help``, each in a process of its own.

``python benchmarks/startup.py``. The bare interpreter is part of each figure and is shown beside them.
"""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from statistics import median

from measure import Row, seconds, table, timed

REPEATS = 15
CASES: tuple[tuple[str, tuple[str, ...], float | None], ...] = (
    ("bare interpreter", ("-c", "pass"), None),
    ("import repro", ("-c", "import repro"), 0.2),
    ("repro --help", ("-m", "repro", "--help"), 0.15),
)


def run() -> list[Row]:
    """The cases interleaved, so that a change of the machine's load meets all of them."""
    commands = [[sys.executable, *words] for _, words, _ in CASES]
    start = [partial(subprocess.run, command, check=True, capture_output=True) for command in commands]
    for once in start:  # the first start reads from disk
        once()
    rounds = [[timed(once) for once in start] for _ in range(REPEATS)]
    rows = []
    for (name, _, aim), times in zip(CASES, zip(*rounds, strict=True), strict=True):
        met = None if aim is None else median(times) <= aim
        rows.append(Row(name, seconds(times), "" if aim is None else f"≤ {aim} s", met))
    return rows


def main() -> None:
    print(table(run(), "Start"))


if __name__ == "__main__":
    main()
