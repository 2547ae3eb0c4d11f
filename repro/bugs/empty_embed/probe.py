"""Embed a column of files, or upload it and read it back, and say which bytes came out.

Run as ``python probe.py REQUEST.json EVENTS.jsonl`` in the environment under test. The request names a scenario, a fix
and the inputs that were prepared beforehand::

    inputs.root, paths   the files, in order
    inputs.feature       the file feature, by its name in ``datasets``
    inputs.nesting       "plain" (a file a row) | "list" (two)
    inputs.source        "paths" | "bytes" (they are in the table from the beginning)
    inputs.uploaded      whether to go through the Hub that ``HF_ENDPOINT`` names
    fix_path             a workaround ``name.py`` with ``name(dataset) -> dataset``, called before

An upload is read back twice: on the uploader's machine, and after its files are moved away, without its cache, as on
another one. ``sha256`` lists what came out in the end, null for no bytes; ``opens_here`` and ``opens_elsewhere`` say
whether the first image can be decoded; ``files_opened`` counts the source files that were opened. Nothing is judged.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
from datasets import Dataset, Features, List
from probe_tools import INPUTS, main, measure, on_open, phase, started, unsupported, workaround

PACKAGES = ("datasets", "pyarrow", "huggingface-hub", "nibabel", "numpy", "fsspec")
REPOSITORY = "me/scans"


def build(root: Path, feature: Any) -> Any:
    """The dataset before anything is embedded."""
    if INPUTS["source"] == "bytes":
        stored = [{"bytes": (root / path).read_bytes(), "path": Path(path).name} for path in INPUTS["paths"]]
    else:
        stored = [{"bytes": None, "path": str(root / path)} for path in INPUTS["paths"]]
    listed = INPUTS["nesting"] == "list"
    column = [stored[at : at + 2] for at in range(0, len(stored), 2)] if listed else stored
    schema = Features({"scan": List(feature) if listed else feature}).arrow_schema
    return Dataset(pa.Table.from_arrays([pa.array(column, schema.field("scan").type)], schema=schema))


def contents(table: Any) -> list[str | None]:
    """The sha256 of each embedded file, in order."""
    values = table["scan"].to_pylist()
    flat = [one for value in values for one in (value if isinstance(value, list) else [value])]
    return [None if one["bytes"] is None else hashlib.sha256(one["bytes"]).hexdigest() for one in flat]


def opens(dataset: Any) -> str:
    """Empty if the first file can be decoded, else the name of the exception."""
    try:
        dataset[0]["scan"]
    except Exception as error:  # which one is the finding
        return type(error).__name__
    return ""


def read_back(cache: str) -> Any:
    return datasets.load_dataset(REPOSITORY, split="train", cache_dir=cache)


def run() -> None:
    started(*PACKAGES)
    missing = f"datasets {datasets.__version__} has no {INPUTS['feature']} feature"
    feature: Any = getattr(datasets, INPUTS["feature"], None) or unsupported(missing)
    opened: list[str] = []
    root = Path(INPUTS["root"])
    if INPUTS["uploaded"]:  # its own copy, which can be moved away
        root = Path(shutil.copytree(root, "uploader")).resolve()
    phase("build")
    dataset = workaround(lambda given: given)(build(root, feature()))
    on_open(str(root), opened.append)
    if not INPUTS["uploaded"]:
        from datasets.table import embed_table_storage

        phase("embed")
        table = embed_table_storage(dataset.with_format("arrow")[:])
        measure(sha256=contents(table), files_opened=len(opened))
        return

    phase("push")
    dataset.push_to_hub(REPOSITORY)
    measure(files_opened=len(opened))
    phase("read here")
    measure(opens_here=opens(read_back("here")))
    phase("read elsewhere")
    root.rename(root.with_name("gone"))
    there = read_back("elsewhere")
    measure(opens_elsewhere=opens(there), sha256=contents(there.with_format("arrow")[:]))


main(run)
