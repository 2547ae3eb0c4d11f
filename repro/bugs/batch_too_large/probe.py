"""Batch four rows, or map a function over them in batches, dropping an incomplete last batch, and report what comes.

``python probe.py REQUEST.json EVENTS.jsonl``; ``inputs.size`` is the size of a batch, ``inputs.jobs`` the number of
processes. A workaround is called as ``name(dataset, size, jobs)`` before. ``rows`` are the values that come. Nothing is
judged here.
"""

from __future__ import annotations

import os
from typing import Any

from probe_tools import INPUTS, REQUEST, SCENARIO, main, measure, started, unsupported, workaround

os.environ["HF_HOME"] = REQUEST["scratch"]  # read on import

import datasets
from datasets import Dataset


def negative(rows: dict[str, list[int]]) -> dict[str, list[int]]:
    return {"n": [-value for value in rows["n"]]}


def run() -> None:
    started("datasets", "pyarrow", "fsspec")
    size = INPUTS["size"]
    options: dict[str, Any] = {"batch_size": size, "drop_last_batch": True}
    if INPUTS["jobs"] > 1:
        options["num_proc"] = INPUTS["jobs"]
    if not SCENARIO.startswith("map") and not hasattr(Dataset, "batch"):
        unsupported(f"datasets {datasets.__version__} has no Dataset.batch")
    rows = Dataset.from_dict({"n": list(range(4))})
    given: Any = workaround(lambda dataset, *_: dataset)(rows, size, INPUTS["jobs"])
    if SCENARIO == "stream":
        given = given.to_iterable_dataset()
    made = given.map(negative, batched=True, **options) if SCENARIO.startswith("map") else given.batch(**options)
    measure(rows=[row["n"] for row in made])


main(run)
