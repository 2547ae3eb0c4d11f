"""Stream eight numbered rows, skip some, and report which ones come.

``python probe.py REQUEST.json EVENTS.jsonl``; ``inputs.rows_per_file`` says how the rows are cut into Parquet files,
which are written here: they hold numbers only. A workaround is called as ``name(dataset, n)`` in place of
``dataset.skip(n)``. ``ids`` are the rows in the order in which they come (sorted after a shuffle), ``count`` is how
many. Nothing is judged here.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from probe_tools import INPUTS, REQUEST, SCENARIO, main, measure, started, unsupported, workaround

os.environ["HF_HOME"] = REQUEST["scratch"]  # read on import

import datasets
import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 8
FURTHER = ("skip-take", "skip-shuffle", "skip-arrow", "skip-resume")
"""What asks more of the skipped rows than to come one by one."""


def stream() -> Any:
    step, folder = INPUTS["rows_per_file"], Path(REQUEST["scratch"], "files")
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(0, ROWS, step):
        pq.write_table(pa.table({"id": list(range(start, start + step))}), folder / f"{start:03d}.parquet")
    files = sorted(str(path) for path in folder.glob("*.parquet"))
    return datasets.load_dataset("parquet", data_files=files, split="train", streaming=True)


def skip(dataset: Any, n: int) -> Any:
    """The rows after the first ``n``: a dataset, or what the workaround has in its place."""
    found = workaround(lambda every, count: every.skip(count))(dataset, n)
    if SCENARIO in FURTHER and not hasattr(found, "take"):
        unsupported("the workaround gives an iterator, which is no dataset")
    return found


def interrupted(dataset: Any, after: int) -> list[int]:
    """The rows of a run that is stopped after some, and of one that goes on from its state."""
    rows, first = iter(dataset), []
    for _ in range(after):
        first.append(next(rows)["id"])
    dataset.load_state_dict(dataset.state_dict())
    return first + [row["id"] for row in dataset]


def ids() -> list[int]:
    match SCENARIO:
        case "skip-take":
            rows = skip(stream(), 3).take(2)
        case "skip-shuffle":
            return sorted(row["id"] for row in skip(stream(), 3).shuffle(seed=0, buffer_size=4))
        case "shuffle-skip":
            return sorted(row["id"] for row in skip(stream().shuffle(seed=0, buffer_size=4), 3))
        case "skip-arrow":
            tables = skip(stream(), 3).with_format("arrow").iter(batch_size=2)
            return [value for table in tables for value in table["id"].to_pylist()]
        case "skip-resume":
            return interrupted(skip(stream(), 3), 2)
        case "map-skip":
            rows = skip(stream().map(lambda row: row), 3)
        case "take":
            rows = stream().take(3)
        case "resume":
            return interrupted(stream(), 3)
        case _:
            rows = skip(stream(), INPUTS["skip"])
    return [row["id"] for row in rows]


def run() -> None:
    started("datasets", "pyarrow", "fsspec")
    if SCENARIO.endswith("resume") and not hasattr(datasets.IterableDataset, "load_state_dict"):
        unsupported(f"datasets {datasets.__version__} cannot resume a stream (2.20.0 brought it)")
    found = ids()
    measure(ids=found, count=len(found))


main(run)
if __name__ == "__main__":
    os._exit(0)  # what threads that still read do to a process that ends is the question of another bug, exit-hang
