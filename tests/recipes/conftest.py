"""Folders of files and of shards, shards to upload, and Hubs that end with their test."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from datasets import Dataset, Features, Nifti, Value

from repro.recipes.write_shards import write_shards
from tests.hub.conftest import Running

COUNT, SIZE = 5, 200_000


def written(root: Path, split: str = "train", count: int = COUNT, seed: int = 0) -> Path:
    """A folder of shards with one file each."""
    scans = [root / f"{split}-{seed}-{number}.nii" for number in range(count)]
    for number, scan in enumerate(scans):
        scan.write_bytes(random.Random(seed + number).randbytes(SIZE))
    features = Features({"id": Value("int64"), "scan": Nifti()})
    table = {"id": list(range(count)), "scan": [str(scan) for scan in scans]}
    dataset = Dataset.from_dict(table, features=features)
    write_shards(dataset, root / "shards", split=split, num_shards=count, progress=False)
    return root / "shards"


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five shards of 200 kB; not to be written to."""
    return written(tmp_path_factory.mktemp("written"))


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """``hub("put:reset")``: a Hub with these faults."""
    with contextlib.ExitStack() as stack:

        def start(*faults: str) -> Running:
            place = tmp_path / "hub"
            place.mkdir()
            running = Running(place, *faults)
            stack.callback(running._child.close)
            return running

        yield start


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The folder of the files that are written into shards."""
    (tmp_path / "source").mkdir()
    return tmp_path / "source"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """The folder of the shards; not made yet."""
    return tmp_path / "out"
