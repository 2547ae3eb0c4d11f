"""Sparse files for each scenario: they have their full length and take no disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from repro.bugs.declaration import Prepared
from repro.errors import unknown
from repro.inputs import uniform
from repro.model import Scalar

MIB = 1 << 20
FILES: Mapping[str, tuple[int, int, int]] = {
    "row-over-2gib": (1, 3, 720 * MIB),
    "rows-over-2gib": (3, 1, 720 * MIB),
    "file-over-2gib": (1, 1, 2049 * MIB),
    "just-under": (1, 3, 680 * MIB),
    "small": (1, 3, MIB),
}
"""Scenario -> rows, files in each, and the size of a file."""
PLAIN = frozenset({"rows-over-2gib"})
ARROW: Mapping[str, tuple[str, dict[str, object]]] = {
    "sliced-cast": ("cast", {"variable": ["b", "c"], "fixed": ["b", "c"]}),
    "dictionary-over-2gib": ("dictionary", {"rows": 4000}),
}
"""Scenario -> what the probe does with Arrow alone, and what it must measure."""


def prepare(scenario: str, parameters: Mapping[str, Scalar], cache: Path) -> Prepared:
    """Makes or finds the files; the oracle is told how long each embedded value must be."""
    if scenario in ARROW:
        do, expected = ARROW[scenario]
        return Prepared({"do": do}, expected)
    if scenario not in FILES:
        raise unknown("scenario", scenario, (*FILES, *ARROW))
    rows, files, size = FILES[scenario]
    made = uniform.build(cache, rows=rows, files_per_row=files, file_size=size, content="sparse")
    paths = [[str(made.root.resolve() / path) for path in row["images"] or ()] for row in made.rows]
    inputs = {"do": "embed", "rows": paths, "plain": scenario in PLAIN}
    return Prepared(inputs, {"lengths": [size] * (rows * files)}, {"rows": rows, "files": files, "file size": size})
