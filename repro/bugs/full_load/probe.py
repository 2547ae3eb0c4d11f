"""Load a dataset as a whole, with ``load_dataset`` or a workaround for it, and measure the memory that this takes.

``python probe.py REQUEST.json EVENTS.jsonl``; ``inputs.files`` are Parquet files with ``subject_id`` and the columns in
``inputs.images``; in the scenario ``repository`` they are loaded from ``inputs.repository`` on the loopback Hub of the
trial. A workaround is called in place of ``load_dataset``, with its arguments.

``rss_before_load_bytes`` and ``peak_load_bytes`` are the memory of the process right before, and the highest while it
loads; both are null where the system does not tell. After loading only the ids and two rows are read: the pages of the
memory-mapped cache would count as memory of the process. Nothing is judged here.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any

from probe_tools import (
    INPUTS,
    REQUEST,
    SCENARIO,
    forget_peak,
    main,
    measure,
    peak,
    phase,
    resident,
    started,
    unsupported,
    workaround,
)

os.environ["HF_HOME"] = REQUEST["scratch"]  # read on import
WORKAROUND = workaround(print)  # before anything is imported: it may choose Arrow's allocator

import datasets  # noqa: E402
import pyarrow as pa  # noqa: E402


def load(files: list[str]) -> Any:
    load_dataset = datasets.load_dataset if WORKAROUND is print else WORKAROUND
    match SCENARIO:
        case "repository":
            return load_dataset(INPUTS["repository"], split="train")
        case "streaming":
            return load_dataset("parquet", data_files=files, split="train", streaming=True)
        case _:
            return load_dataset("parquet", data_files=files, split="train")


def content(row: dict[str, Any]) -> list[str]:
    """sha256 of the images of a row in the Arrow format."""
    values = [row[name] for name in INPUTS["images"]]
    return [hashlib.sha256(v["bytes"] if isinstance(v, dict) else v).hexdigest() for v in values]


def rows_of(dataset: Any) -> tuple[list[str], list[str], list[str]]:
    """All ids, and the content of the first and the last row."""
    if SCENARIO == "streaming":
        ids, first, last = [], None, None
        for row in dataset:
            ids.append(row["subject_id"])
            last = content(row)
            first = first or last
        return ids, first or [], last or []
    ids = list(dataset["subject_id"])
    plain = dataset.with_format("arrow")
    first, last = (plain[index].to_pylist()[0] for index in (0, len(ids) - 1))
    return ids, content(first), content(last)


def run() -> None:
    started("datasets", "pyarrow", "huggingface-hub", "fsspec")
    if SCENARIO == "nifti" and not hasattr(datasets, "Nifti"):
        unsupported(f"datasets {datasets.__version__} has no Nifti feature (4.4.0 brought it)")
    files = sorted(INPUTS["files"])
    measure(data_bytes=INPUTS["data_bytes"], files=len(files))

    forget_peak()  # importing may have needed more
    before = resident()
    measure(rss_before_load_bytes=before)
    phase("load")
    dataset = load(files)
    if SCENARIO != "streaming":  # there the rows are yet to be read
        measure(peak_load_bytes=None if before is None else peak())
        measure(record_batches=dataset.data.column(0).num_chunks)

    phase("verify")
    ids, first, last = rows_of(dataset)
    measure(ids=ids, first_row=first, last_row=last, arrow_pool_peak_bytes=pa.default_memory_pool().max_memory())
    measure(arrow_pool=pa.default_memory_pool().backend_name)
    if SCENARIO == "streaming":
        measure(peak_load_bytes=None if before is None else peak())


main(run)
