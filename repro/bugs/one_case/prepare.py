"""The repository of the report, and which two cases are asked of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from repro import recipes
from repro.bugs.declaration import Parameter, Prepared
from repro.errors import UserError
from repro.inputs import cases, hollow_cases
from repro.model import Scalar

PARAMETERS = (
    Parameter("cases", "int", 149, "files of one row; the report has 149"),
    Parameter("value_size", "size", 256 << 10, "bytes of an image; a case has three"),
    Parameter("hollow", "bool", False, "images that are holes, for files of the report's size: value_size=222MB"),
    Parameter("seed", "int", 45214, "seed of the random bytes"),
)
RECIPE = "read-case"
"""What one of the ways imports; its content decides its trials."""
COLUMNS = {"one-image": cases.IMAGES[:1], "all-images": cases.IMAGES}
FEWEST = 3


def prepare(scenario: str, parameters: Mapping[str, Scalar], cache: Path) -> Prepared:
    """A repository, and two cases in the middle of it; the oracle is told the sha256 of their images."""
    count, size, seed = (parameters[name] for name in ("cases", "value_size", "seed"))
    if not isinstance(count, int) or not isinstance(size, int) or not isinstance(seed, int) or count < FEWEST:
        raise UserError(f"cases={count} leaves no two to ask for: give cases={FEWEST} or more, and whole numbers")
    layout, columns, subjects = cases.Layout(count, size), COLUMNS[scenario], cases.subjects()
    hollow = bool(parameters["hollow"])
    tree = hollow_cases.build(cache, count, size) if hollow else cases.build(cache, layout, seed)
    files, places = cases.files(tree), (count * 2 // 3, count // 3)
    asked = [{"id": subjects[place], "place": place, "file": f"data/{files[place].name}"} for place in places]

    def sums(subject: str) -> dict[str, str]:
        known = {} if hollow else dict(zip(cases.IMAGES, cases.digests(layout, seed, subject), strict=True))
        return {name: known.get(name) or hollow_cases.digest(subject, name, size) for name in columns}

    return Prepared(
        inputs={
            "repository": cases.REPOSITORY,
            "id_column": cases.ID,
            "columns": list(columns),
            "cases": asked,
            "needed_bytes": size * len(columns),
            "recipes": str(Path(recipes.__file__).parent),
        },
        expected={
            "cases": [sums(str(one["id"])) for one in asked],
            "recipe": hashlib.sha256(recipes.source(RECIPE).encode()).hexdigest(),
        },
        summary={"files": count, "data_bytes": layout.total_bytes, "needed_bytes": size * len(columns)},
        repositories=tree,
    )
