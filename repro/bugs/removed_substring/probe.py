"""Remove a column of a streamed dataset, and report which ones are left.

``python probe.py REQUEST.json EVENTS.jsonl``; ``inputs.remove`` is what remove_columns is given, of the columns image
and image_id. A workaround is called as ``name(dataset, column)`` in its place. ``columns`` are the names that the
dataset says it has, or in the scenarios that join it with another one, those that its rows hold of it. Nothing is
judged here.
"""

from __future__ import annotations

import os

from probe_tools import INPUTS, REQUEST, SCENARIO, main, measure, started, unsupported, workaround

os.environ["HF_HOME"] = REQUEST["scratch"]  # read on import

import datasets
from datasets import Dataset, concatenate_datasets


def run() -> None:
    started("datasets", "pyarrow", "fsspec")
    if not hasattr(Dataset, "to_iterable_dataset"):
        unsupported(f"datasets {datasets.__version__} has no to_iterable_dataset")
    given = Dataset.from_dict({"image": ["a", "b"], "image_id": [1, 2]}).to_iterable_dataset()
    left = workaround(lambda dataset, column: dataset.remove_columns(column))(given, INPUTS["remove"])
    if not SCENARIO.startswith("joined"):
        measure(columns=sorted(left.column_names or []))
        return
    beside = Dataset.from_dict({"label": [0, 1]}).to_iterable_dataset()
    rows = list(concatenate_datasets([left, beside], axis=1))
    assert [row["label"] for row in rows] == [0, 1], rows
    measure(columns=sorted({name for row in rows for name in row} - {"label"}))


main(run)
