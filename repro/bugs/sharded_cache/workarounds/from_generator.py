"""Recipe: `Dataset.from_generator`, which keeps its rows in a cache of its own."""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import datasets

PACKAGES = ("datasets",)
_NEVER = "datasets names each of its caches after what made it, and rebuilds none in place"
UNSUPPORTED = {
    **dict.fromkeys(
        ("rebuild-under-readers", "rebuild-step-by-step", "killed-rebuild", "killed-first-write", "lazy-reader"), _NEVER
    ),
    **dict.fromkeys(("lock-names", "failing-source", "damaged-files", "schema-changes", "folder-names"), _NEVER),
    "memory-of-files": "it keeps the path of a picture, and not its bytes",
    "default-batch": "its default batch is another one",
    "shard-sizes": "its shards have 500 MB unless the configuration says otherwise",
    "shard-counts": "its shards have 500 MB unless the configuration says otherwise",
}


def feature(column: Any) -> Any:
    """The feature of datasets that stands for a column of the probe."""
    match type(column).__name__:
        case "Value":
            return datasets.Value(column.dtype)
        case "Image":
            return datasets.Image()
        case "Array3D":
            return datasets.Array3D(tuple(column.shape), str(column.dtype))
        case "ClassLabel":
            return datasets.ClassLabel(names=[str(name) for name in column.names])
    return datasets.Sequence(datasets.Value(column.dtype))


def from_generator(
    rows: Iterable[Mapping[str, Any]],
    columns: Mapping[str, Any],
    folder: Path,
    *,
    batch_rows: int = 1000,
    **_: object,
) -> datasets.Dataset:
    def source() -> Iterator[Mapping[str, Any]]:
        yield from rows

    datasets.disable_progress_bars()
    shutil.rmtree(folder, ignore_errors=True)
    return datasets.Dataset.from_generator(
        source,
        features=datasets.Features({name: feature(one) for name, one in columns.items()}),
        cache_dir=str(folder),
        fingerprint="cache",
        writer_batch_size=batch_rows,
    )


def shards(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.arrow"))


def read(folder: Path, name: str) -> Iterator[Any]:
    for file in shards(folder):
        for batch in datasets.Dataset.from_file(str(file)).data.to_batches():
            for value in batch.column(name):
                found = value.as_py()
                if isinstance(found, dict):  # a picture: its bytes, or the path of its file
                    found = found["bytes"] or Path(found["path"]).read_bytes()
                yield found
