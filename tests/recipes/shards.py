"""What the tests of write_shards share: datasets of files of given sizes, and a look at what came out."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path
from typing import Any

from datasets import Dataset, Features, List, Nifti, Value

from repro.recipes.write_shards import write_shards

FEATURES = Features({"id": Value("int64"), "scans": List(Nifti())})
KB = 1000


def shards(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.parquet"))


def hidden(folder: Path) -> list[Path]:
    return sorted(folder.glob(".*"))


def scans(folder: Path, rows: list[list[int]]) -> Dataset:
    """A dataset with a list of files in each row, of the sizes given."""
    count = itertools.count()

    def scan(size: int) -> str:
        path = folder / f"{next(count)}.nii"
        path.write_bytes(hashlib.shake_128(str(path).encode()).digest(size))
        return str(path)

    paths = [[scan(size) for size in row] for row in rows]
    return Dataset.from_dict({"id": list(range(len(rows))), "scans": paths}, features=FEATURES)


def write(dataset: Dataset, folder: Path, **options: Any) -> dict[str, Any]:
    return write_shards(dataset, folder, progress=False, **options)
