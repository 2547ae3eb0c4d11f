"""The files of each scenario: as many cases as the report has, cut into files and row groups."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from repro.bugs.declaration import Parameter, Prepared
from repro.errors import UserError
from repro.inputs import cases
from repro.model import Scalar

PARAMETERS = (
    Parameter("cases", "int", 149, "rows; the report has 149"),
    Parameter("value_size", "size", 1 << 20, "bytes of an image; a row has three"),
    Parameter("seed", "int", 45214, "seed of the random bytes"),
)


def prepare(scenario: str, parameters: Mapping[str, Scalar], cache: Path) -> Prepared:
    """Parquet files of random images; the oracle is told all ids, and what the first and the last row hold."""
    count, size, seed = (parameters[name] for name in ("cases", "value_size", "seed"))
    if not isinstance(count, int) or not isinstance(size, int) or not isinstance(seed, int):
        raise UserError("cases, value_size and seed are whole numbers: write --set cases=149 --set value_size=1MiB")
    match scenario:
        case "two-row-files":
            layout = cases.Layout(count, size, rows_per_file=2, rows_per_group=2)
        case "one-row-groups":
            # A few: of one file Arrow reads all row groups ahead, in any release.
            layout = cases.Layout(count, size, rows_per_file=10)
        case "nifti":
            layout = cases.Layout(count, size, kind="nifti")
        case _:
            layout = cases.Layout(count, size)
    tree = cases.build(cache, layout, seed)
    files = cases.files(tree)
    ids = cases.subjects()[:count]
    return Prepared(
        inputs={
            "files": [str(file) for file in files],
            "repository": cases.REPOSITORY,
            "images": list(cases.IMAGES),
            "data_bytes": layout.total_bytes,
        },
        expected={
            "ids": ids,
            "first_row": cases.digests(layout, seed, ids[0]),
            "last_row": cases.digests(layout, seed, ids[-1]),
        },
        summary={"files": len(files), "data_bytes": layout.total_bytes},
        repositories=tree,
    )
