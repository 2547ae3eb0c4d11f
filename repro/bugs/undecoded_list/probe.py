"""Upload a column of files to the Hub that ``HF_ENDPOINT`` names, and report how many arrive with their bytes.

``python probe.py REQUEST.json EVENTS.jsonl``; the files are written here and hold a number each. The request says
``inputs.feature`` (its name in ``datasets``), ``decode`` (its argument), ``nesting`` ("plain", "list", "struct"),
``source`` ("path", or "bytes" that are in the table from the beginning) and ``way`` ("push", or "stream" to push an
IterableDataset). A workaround is called as ``name(dataset) -> dataset`` before the upload. What is in the repository is
read as a table, so nothing is decoded; bytes of another file are an error.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from probe_tools import INPUTS, REQUEST, main, measure, phase, started, unsupported, workaround

os.environ["HF_HOME"] = REQUEST["scratch"]  # read on import

import datasets
from datasets import Dataset, Features

REPOSITORY = "me/scans"
FILES = 4


def content(number: int) -> bytes:
    return b"file %d" % number


def files(folder: Path) -> list[Any]:
    """The values of the column as they are given, a file each."""
    folder.mkdir(parents=True)
    for number in range(FILES):
        (folder / f"{number}.nii").write_bytes(content(number))
    paths = [folder / f"{number}.nii" for number in range(FILES)]
    if INPUTS["source"] == "bytes":
        return [{"bytes": path.read_bytes(), "path": path.name} for path in paths]
    return [str(path) for path in paths]


def build() -> Any:
    kind = getattr(datasets, INPUTS["feature"], None)
    feature = (kind or unsupported(f"datasets {datasets.__version__} has no {INPUTS['feature']} feature"))(
        decode=INPUTS["decode"]
    )
    given = files(Path(REQUEST["scratch"], "uploader"))
    match INPUTS["nesting"]:
        case "list":
            return Dataset.from_dict({"scan": [given[:1], given[1:]]}, features=Features({"scan": [feature]}))
        case "struct":
            values = [{"file": one} for one in given]
            return Dataset.from_dict({"scan": values}, features=Features({"scan": {"file": feature}}))
        case _:
            return Dataset.from_dict({"scan": given}, features=Features({"scan": feature}))


def stored(value: Any) -> list[Any]:
    """The bytes of the files of one row of the table."""
    if isinstance(value, list):
        return [one for inner in value for one in stored(inner)]
    return stored(value["file"]) if "file" in value else [value["bytes"]]


def run() -> None:
    started("datasets", "pyarrow", "huggingface-hub", "pillow", "fsspec")
    dataset = workaround(lambda given: given)(build())
    if INPUTS["way"] == "stream":
        dataset = dataset.to_iterable_dataset()
        if not hasattr(dataset, "push_to_hub"):
            unsupported(f"datasets {datasets.__version__} pushes no IterableDataset")
    phase("push")
    dataset.push_to_hub(REPOSITORY)
    phase("read back")
    table = datasets.load_dataset(REPOSITORY, split="train").with_format("arrow")[:]
    found = [one for value in table["scan"].to_pylist() for one in stored(value)]
    assert len(found) == FILES, f"{len(found)} files came back, {FILES} were sent"
    assert all(one in (None, content(number)) for number, one in enumerate(found)), "bytes of another file"
    measure(with_bytes=sum(one is not None for one in found))


main(run)
