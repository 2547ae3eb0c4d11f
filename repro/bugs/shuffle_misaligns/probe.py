"""Shuffle a streamed dataset, make another column of it, put both side by side, and report which rows still fit.

``python probe.py REQUEST.json EVENTS.jsonl``; ``inputs`` give the ``source`` ("memory" or "parquet"), its ``shards``,
the ``cut`` ("none", or "skip" of eight rows), how the other column is made (``side``: "map", "batched map", "rename",
or "none" to add it to the same stream), the ``buffer_size`` of the shuffle, and whether the shuffle comes "before" the
columns are put side by side, "after" that or "never" (``order``). A workaround is called as
``name(stream, make, seed, buffer_size)`` in place of all that. ``misaligned`` is how many of the ``rows`` hold values
of two rows. Nothing is judged here.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from probe_tools import INPUTS, REQUEST, main, measure, started, workaround

os.environ["HF_HOME"] = REQUEST["scratch"]  # read on import

from datasets import Dataset, concatenate_datasets, load_dataset

ROWS, SKIPPED = 3000, 8


def source() -> Any:
    dataset, shards = Dataset.from_dict({"n": list(range(ROWS))}), INPUTS["shards"]
    if INPUTS["source"] == "memory":
        stream: Any = dataset.to_iterable_dataset(num_shards=shards)
    else:
        files = [str(Path(REQUEST["scratch"]) / f"{index}.parquet") for index in range(shards)]
        for index, file in enumerate(files):
            dataset.shard(shards, index, contiguous=True).to_parquet(file)
        stream = load_dataset("parquet", data_files=files, split="train", streaming=True)
    return stream.skip(SKIPPED) if INPUTS["cut"] == "skip" else stream


def doubled(row: Any) -> Any:
    return {"double": 2 * row["n"]}


def all_doubled(rows: Any) -> Any:
    return {"double": [2 * n for n in rows["n"]]}


def make(stream: Any) -> Any:
    """The other column, of the same rows."""
    match INPUTS["side"]:
        case "map":
            return stream.map(doubled, remove_columns=["n"])
        case "batched map":
            return stream.map(all_doubled, batched=True, remove_columns=["n"])
    return stream.rename_columns({"n": "same"})


def beside(stream: Any, make: Any, **how: Any) -> Any:
    if INPUTS["side"] == "none":
        return stream.shuffle(**how).map(doubled)
    if INPUTS["order"] == "before":
        stream = stream.shuffle(**how)
    both = concatenate_datasets([stream, make(stream)], axis=1)
    return both.shuffle(**how) if INPUTS["order"] == "after" else both


def run() -> None:
    started("datasets", "pyarrow", "numpy", "fsspec")
    rows = list(workaround(beside)(source(), make, seed=0, buffer_size=INPUTS["buffer_size"]))
    fit = sum(row.get("double", 2 * row.get("same", -1)) == 2 * row["n"] for row in rows)
    measure(misaligned=len(rows) - fit, rows=len(rows))


main(run)
