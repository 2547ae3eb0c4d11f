"""What the probe is asked to write, and the digest of the rows that must come back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from repro import recipes
from repro.bugs.declaration import Parameter, Prepared
from repro.errors import UserError
from repro.model import Scalar

PARAMETERS = (
    Parameter("row_size", "size", 64 << 10, "bytes of a row"),
    Parameter("batch_bytes", "size", 32 << 20, "bytes of the largest batch whose memory is measured"),
    Parameter("rows", "int", 512, "rows of what is written and read for its own sake"),
    Parameter("default_row_size", "size", 9 << 18, "bytes of each of the 1,000 rows of the default batch"),
    Parameter("rebuilds", "int", 12, "times that a cache is rebuilt under its readers"),
    Parameter("readers", "int", 2, "processes that read meanwhile"),
    Parameter("every", "int", 1, "a writer is killed before every so many-th of its changes on disk"),
)
RECIPE = "arrow-cache"
"""What one of the caches imports; its content decides its trials."""
LEAST_ROW, LEAST_BATCH = 1 << 10, 1 << 20


def prepare(scenario: str, parameters: Mapping[str, Scalar], cache: Path) -> Prepared:
    """Hands the numbers on; the rows are a function of them, which ``acts.content`` in the probe shares."""
    numbers = {name: value for name, value in parameters.items() if isinstance(value, int)}
    row, batch = numbers["row_size"], numbers["batch_bytes"]
    if row < LEAST_ROW or row % LEAST_ROW or batch < LEAST_BATCH or batch < row:
        raise UserError("give a row_size in whole KiB, and batch_bytes of 1MiB and a row or more")
    if min(numbers[name] for name in ("rows", "rebuilds", "readers", "every")) < 1:
        raise UserError("rows, rebuilds, readers and every must be 1 or more")
    seen = hashlib.sha256()
    if scenario == "round-trip":
        for number in range(numbers["rows"]):
            seen.update(content(number, row))
    return Prepared(
        inputs={**numbers, "recipes": str(Path(recipes.__file__).parent)},
        expected={
            "row_size": row,
            "sha256": seen.hexdigest(),
            "recipe": hashlib.sha256(recipes.source(RECIPE).encode()).hexdigest(),
        },
        summary={"row_bytes": row, "batch_bytes": batch},
    )


def content(number: int, size: int) -> bytes:
    """Bytes of exactly this size that no other row has."""
    return (b"%16d" % number * (size // 16 + 1))[:size]
