"""Recipe: a cache bounded in bytes and published in one step (`repro recipe arrow-cache` prints what it imports)."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import arrow_cache as recipe

UNSUPPORTED = {
    "default-batch": "it has no batch of so many rows: a batch ends at its bytes",
    "folder-names": "it does not name folders",
}


def arrow_cache(
    rows: Iterable[Mapping[str, Any]],
    columns: Mapping[str, Any],
    folder: Path,
    *,
    batch_rows: int,
    row_bytes: int,
    shard_bytes: int = 256 << 20,
    **_: object,
) -> None:
    """The bytes of the other caches' batch are its budget."""
    recipe.write_cache(rows, features(columns), folder, budget=batch_rows * row_bytes, shard_size=shard_bytes)


def features(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Classes of the same names, and a plain value by its name."""
    plain = {name: one.dtype for name, one in columns.items() if type(one).__name__ == "Value"}
    return {
        name: plain.get(name) or getattr(recipe, type(one).__name__)(*vars(one).values())
        for name, one in columns.items()
    }


def check(folder: Path, columns: Mapping[str, Any]) -> None:
    recipe.validate(folder, deep=True, features=features(columns))


def shards(folder: Path) -> list[Path]:
    meta = recipe.validate(folder)
    return [folder / meta.version / shard.name for shard in meta.shards]


def read(folder: Path, name: str) -> Iterator[Any]:
    yield from recipe.open_cache(folder).column(name)
