"""Recipe: `Dataset.save_to_disk` over what is there; the rows are in memory first."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import datasets

PACKAGES = ("datasets",)
SUPPORTED = (
    "rebuild-under-readers",
    "rebuild-step-by-step",
    "killed-first-write",
    "killed-rebuild",
    "failing-source",
    "lazy-reader",
    "lock-names",
    "damaged-files",
    "shard-sizes",
    "reading",
    "round-trip",
)


def save_to_disk(
    rows: Iterable[Mapping[str, Any]],
    columns: Mapping[str, Any],
    folder: Path,
    *,
    row_bytes: int,
    shard_bytes: int = 256 << 20,
    **_: object,
) -> None:
    datasets.disable_progress_bars()
    features = datasets.Features({name: datasets.Value(one.dtype) for name, one in columns.items()})
    held = list(rows)
    shards = max(1, len(held) * row_bytes // shard_bytes)
    datasets.Dataset.from_list(held, features=features).save_to_disk(str(folder), num_shards=min(shards, len(held)))


def check(folder: Path, columns: Mapping[str, Any]) -> None:
    datasets.load_from_disk(str(folder))


def shards(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.arrow"))


def read(folder: Path, name: str) -> Iterator[Any]:
    for batch in datasets.load_from_disk(str(folder)).data.to_batches():
        yield from (value.as_py() for value in batch.column(name))
