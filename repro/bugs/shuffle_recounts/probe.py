"""Shuffle a streamed dataset after an operation that counts or groups its eight rows, and report what comes.

``python probe.py REQUEST.json EVENTS.jsonl``; ``inputs.what`` is the operation, ``inputs.shards`` the number of shards
and ``inputs.order`` whether the shuffle comes "after" it, "before" it or "never". A workaround is called as
``name(dataset, seed, buffer_size)`` in place of ``dataset.shuffle``. ``found`` is the number of rows or batches, or the
sorted indices. Nothing is judged here.
"""

from __future__ import annotations

import os
from typing import Any

from probe_tools import INPUTS, REQUEST, main, measure, started, unsupported, workaround

os.environ["HF_HOME"] = REQUEST["scratch"]  # read on import

import datasets
from datasets import Dataset

ROWS = 8


def changed(stream: Any) -> Any:
    match INPUTS["what"]:
        case "filter":
            return stream.filter(lambda row, index: index % 2 == 0, with_indices=True)
        case "value":
            return stream.filter(lambda row: row["n"] % 2 == 0)
        case "indices":
            return stream.map(lambda row, index: {"index": index}, with_indices=True)
    if not hasattr(stream, "batch"):
        unsupported(f"datasets {datasets.__version__} has no IterableDataset.batch")
    return stream.batch(ROWS if INPUTS["shards"] == 2 else 2, drop_last_batch=True)


def shuffled(stream: Any) -> Any:
    return workaround(lambda given, **how: given.shuffle(**how))(stream, seed=0, buffer_size=ROWS)


def run() -> None:
    started("datasets", "pyarrow", "numpy", "fsspec")
    stream: Any = Dataset.from_dict({"n": list(range(ROWS))}).to_iterable_dataset(num_shards=INPUTS["shards"])
    if INPUTS["order"] == "before":
        stream = shuffled(stream)
    stream = changed(stream)
    if INPUTS["order"] == "after":
        stream = shuffled(stream)
    rows = list(stream)
    measure(found=sorted(row["index"] for row in rows) if INPUTS["what"] == "indices" else len(rows))


main(run)
