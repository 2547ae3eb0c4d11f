"""Read one case of a repository on the trial's Hub, then a second one, in one way, and measure what that takes.

Run as ``python probe.py REQUEST.json EVENTS.jsonl``, with a Hub at ``HF_ENDPOINT``::

    inputs.repository, id_column, columns    the dataset, its column of ids, and the images asked for
    inputs.cases                             two cases: ``id``, ``place`` in the order of the rows, ``file``
    inputs.needed_bytes                      of the images of one case, handed through to the measures
    inputs.recipes                           the folder of the recipes, for the way that imports one
    fix_path                                 a way: ``name.py`` with ``name(repository, columns, *, id, place, file)``
                                             that gives the value of each column

Each measure is a list of two, for the first and the second case: ``cases`` the sha256 of the images, ``seconds``,
``rss_before_bytes`` and ``peak_bytes`` (of this process; null where the system does not tell), ``disk_bytes`` (what the
scratch folder has grown by since the start). A request for ``MARK`` between the two parts them in the record of the
Hub. Nothing is judged here.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from probe_tools import (
    INPUTS,
    REQUEST,
    done,
    forget_peak,
    measure,
    peak,
    phase,
    resident,
    started,
    unsupported,
    workaround,
)

sys.path.append(INPUTS["recipes"])

import datasets
import huggingface_hub  # noqa: F401
import pyarrow.parquet  # noqa: F401

MARK = "/mark/second-case"


def load_whole(repository: str, columns: list[str], *, id: str, **_: object) -> dict[str, Any]:
    """As the report began: all of it, then the row."""
    dataset = datasets.load_dataset(repository, split="train")
    row = dataset[list(dataset[INPUTS["id_column"]]).index(id)]
    return {name: row[name] for name in columns}


def disk() -> int:
    """Bytes of disk below the scratch folder; a file with several names counts once."""
    found = {}
    for file in Path(REQUEST["scratch"]).rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            about = file.lstat()
            found[about.st_ino] = about.st_blocks * 512
    return sum(found.values())


def run() -> None:
    way = workaround(load_whole)
    started("datasets", "pyarrow", "huggingface-hub", "fsspec")
    measure(needed_bytes=INPUTS["needed_bytes"])
    seen: dict[str, list[Any]] = {}
    clean = disk()
    for number, case in enumerate(INPUTS["cases"]):
        if number:
            with contextlib.suppress(urllib.error.HTTPError):
                urllib.request.urlopen(os.environ["HF_ENDPOINT"] + MARK).close()
        phase("second case" if number else "first case")
        forget_peak()
        before, began = resident(), time.monotonic()
        try:
            values = way(INPUTS["repository"], INPUTS["columns"], **case)
        except NotImplementedError as missing:
            unsupported(str(missing))
        taken = {
            "seconds": round(time.monotonic() - began, 3),
            "rss_before_bytes": before,
            "peak_bytes": None if before is None else peak(),
            "disk_bytes": disk() - clean,
            "cases": {name: hashlib.sha256(value).hexdigest() for name, value in values.items()},
        }
        for name, value in taken.items():
            seen.setdefault(name, []).append(value)
        measure(**seen)
        del values


run()
done()
sys.stdout.flush()
os._exit(0)  # what threads that still read do to a process that ends is the question of another bug, exit-hang
