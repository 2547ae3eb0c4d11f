"""Embed the files of one part of a dataset into an Arrow table, and count the files that are opened on the way.

Run as ``python probe.py REQUEST.json EVENTS.jsonl`` in the environment under test. The request names a scenario, a fix
and the inputs that were prepared beforehand::

    inputs.manifest      JSON file: {"schema": 1, "features": {column: "string" | "nifti" | "sequence"}, "rows": [...]}
    inputs.root          folder that the paths in the manifest are relative to
    inputs.columns       columns to keep
    inputs.take          "all" | "shard" (num_shards, index) | "range" | "indices" (both: rows)
    inputs.rows          indices of the rows that come out of it
    inputs.files_needed  what the chosen rows refer to, handed through to the measures; bytes_needed likewise
    fix_path             a workaround ``name.py`` with ``name(shard) -> pyarrow.Table``; anything else is not called
                         (a patch is already part of the environment)

The phases are build, take, embed and verify. An exception is let go. Nothing is judged here.

Opened files are counted with an audit hook, hence those that Python opens (a file that Arrow's C++ opens by itself is
not seen), in the phase ``embed`` only. ``unneeded_files_opened`` counts those that no chosen row refers to.
``bytes_opened`` adds up the apparent sizes: no hook tells how much is read. ``rss_before_embed_bytes`` and
``peak_embed_bytes`` are the memory of the process right before, and the highest while embedding; both are null where
the system does not tell (no ``/proc``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
from datasets import Dataset, Features, Sequence, Value
from probe_tools import (
    INPUTS,
    forget_peak,
    main,
    measure,
    on_open,
    peak,
    phase,
    resident,
    started,
    unsupported,
    workaround,
)
from tqdm import tqdm

PACKAGES = ("datasets", "pyarrow", "huggingface-hub", "pandas", "numpy", "fsspec", "nibabel")
LISTED = 2000
"""At most so many embedded values are hashed and listed; the rest is only counted."""


class Opens:
    """Counts the input files opened while ``counting`` and reports every one at once."""

    def __init__(self, needed: set[str]) -> None:
        self.needed = needed
        self.counting = False
        self.files = self.bytes = self.unneeded = 0
        self.unique: set[str] = set()

    def __call__(self, path: str) -> None:
        if self.counting:
            self.files += 1
            self.unneeded += path not in self.needed
            self.unique.add(path)
            with suppress(OSError):  # the open itself is about to fail then, and says why
                self.bytes += Path(path).stat().st_size
            self.report()

    def report(self) -> None:
        measure(
            files_opened=self.files,
            unique_files_opened=len(self.unique),
            unneeded_files_opened=self.unneeded,
            bytes_opened=self.bytes,
        )


def absolute(root: str, value: Any) -> Any:
    """A path of the manifest, or a list of them, below ``root``."""
    if isinstance(value, list):
        return [absolute(root, item) for item in value]
    return value if value is None else f"{root}/{value}"


def needed_files(manifest: dict[str, Any], inputs: dict[str, Any]) -> set[str]:
    """The files that the chosen rows refer to."""
    columns = [name for name in inputs["columns"] if manifest["features"][name] != "string"]
    values = [manifest["rows"][index][name] for index in inputs["rows"] for name in columns]
    paths = [path for value in values for path in (value if isinstance(value, list) else [value])]
    return {absolute(inputs["root"], path) for path in paths if path is not None}


def build(manifest: dict[str, Any], root: str, columns: list[str], nifti: Any) -> Any:
    """The dataset as the report builds it: paths from a table, then a cast to the file features."""
    kinds = {name: manifest["features"][name] for name in columns}
    data = {
        name: [row[name] if kind == "string" else absolute(root, row[name]) for row in manifest["rows"]]
        for name, kind in kinds.items()
    }
    # The text types are given, not inferred: a column of nothing but nulls or empty lists has no type of its own.
    text = {name: Sequence(Value("string")) if k == "sequence" else Value("string") for name, k in kinds.items()}
    files = {"string": Value("string"), "nifti": nifti, "sequence": Sequence(nifti)}
    features = Features({name: files[kind] for name, kind in kinds.items()})
    return Dataset.from_dict(data, features=Features(text)).cast(features)


def take(dataset: Any, inputs: dict[str, Any]) -> Any:
    match inputs["take"]:
        case "all":
            return dataset
        case "shard":
            return dataset.shard(num_shards=inputs["num_shards"], index=inputs["index"], contiguous=True)
        case "range":
            return dataset.select(range(inputs["rows"][0], inputs["rows"][-1] + 1))
        case "indices":
            return dataset.select(inputs["rows"])
        case other:
            raise ValueError(f"inputs.take is {other!r}")


def released_embed(shard: Any) -> Any:
    """What ``push_to_hub`` does with a shard of up to a batch of rows, in every release with this feature.

    There it is ``shard.with_format("arrow").map(embed_table_storage, batched=True)``: each batch is the slice that this
    expression gives, and for selected indices one slice a row. The report calls
    ``embed_table_storage(shard._data.table.combine_chunks())`` instead: the same for a shard, as combining one chunk
    copies nothing, but after ``select([...])`` that table still holds all rows of the dataset, not the selected ones.
    """
    from datasets.table import embed_table_storage

    return embed_table_storage(shard.with_format("arrow")[:])


def embedded_values(table: Any, kinds: dict[str, str]) -> Iterator[tuple[str, int, Any]]:
    """Every embedded value in reading order: column, row of the table, and a struct array that holds only this value.

    Slices of arrays, not scalars: Arrow copies the bytes of a file into its scalar, and a check must not need memory.
    """
    for column, kind in kinds.items():
        if kind == "string":
            continue
        row = -1
        for chunk in table[column].chunks:
            for index in range(len(chunk)):
                row += 1
                values = chunk.slice(index, 1) if kind == "nifti" else chunk[index].values
                for item in range(0 if values is None else len(values)):  # None for a null list
                    yield column, row, values.slice(item, 1)


def content_of(array: Any) -> Any:
    """The bytes of the one value of a binary array, as a view; ``None`` for a null."""
    if array.null_count:
        return None
    _, offsets, data = array.buffers()
    kind, raw = str(array.type), memoryview(offsets).cast("B")
    if data is None or kind not in ("binary", "large_binary"):
        return array[0].as_buffer()
    start, stop = (raw.cast("q") if kind == "large_binary" else raw.cast("i"))[array.offset : array.offset + 2]
    return memoryview(data)[start:stop]


def describe(column: str, row: int, value: Any) -> dict[str, Any]:
    content = None if value.null_count else content_of(value.field("bytes"))
    return {
        "column": column,
        "row": row,
        "path": None if value.null_count else Path(value.field("path")[0].as_py() or "").name,
        "bytes": None if content is None else len(content),
        "sha256": None if content is None else hashlib.sha256(content).hexdigest(),
    }


def run() -> None:
    started(*PACKAGES)
    missing = f"datasets {datasets.__version__} has no Nifti feature (4.4.0 brought it)"
    nifti = getattr(datasets, "Nifti", None) or unsupported(missing)
    inputs = INPUTS
    measure(files_needed=inputs["files_needed"], bytes_needed=inputs["bytes_needed"])
    manifest = json.loads(Path(inputs["manifest"]).read_text(encoding="utf-8"))
    opens = Opens(needed_files(manifest, inputs))
    on_open(inputs["root"], opens)
    embed = workaround(released_embed)

    phase("build")
    dataset = build(manifest, inputs["root"], inputs["columns"], nifti())
    phase("take")
    shard = take(dataset, inputs)

    with tqdm(desc="Uploading Shards", total=inputs.get("num_shards", 1)) as bar:  # the bar of the report
        forget_peak()  # importing may have needed more
        before = resident()
        measure(rss_before_embed_bytes=before)
        phase("embed")
        opens.counting = True
        table = embed(shard)
        opens.counting = False
        bar.update()

    phase("verify")
    measure(peak_embed_bytes=None if before is None else peak())
    opens.report()
    kinds = {name: manifest["features"][name] for name in inputs["columns"]}
    listed, count = [], 0
    for count, (column, row, value) in enumerate(embedded_values(table, kinds), 1):
        if count <= LISTED:
            listed.append(describe(column, row, value))
    measure(
        rows=table.num_rows,
        embedded=listed,
        embedded_count=count,
        embedded_unlisted=count - len(listed),
        arrow_pool_peak_bytes=pa.default_memory_pool().max_memory(),
    )


main(run)
