"""Ask a dataset of external files for its size, make shards of it, and say which files were looked at.

Run as ``python probe.py REQUEST.json EVENTS.jsonl`` in the environment under test. The request names a scenario, a fix
and the inputs that were prepared beforehand::

    inputs.roots            folders with a manifest.json: {"features": {column: "string" | "nifti" | "sequence"},
                            "rows": [...]}
    inputs.feature          the file feature, by its name in ``datasets``
    inputs.nesting          "table" (the columns of the manifest) | "plain" | "list" | "large_list" | "fixed_list" |
                            "struct" (one column of all files) | "bytes" (plain, with the bytes in the table)
    inputs.bytes_needed     bytes of all files
    inputs.max_shard_bytes  what no shard should pass by much
    fix_path                a workaround ``name.py`` with ``name(dataset, max_shard_bytes) -> number of shards``

``push``, ``push-size`` and ``one-file`` send the dataset to the Hub that ``HF_ENDPOINT`` names, the last one twice
(from paths, and with the bytes in the table), and load one of its files. The others only ask. Nothing is judged here.

Files looked at are those whose size or state Python asks for (``os.stat``) during the estimate; files opened during it
are counted with an audit hook. ``shards`` of an estimate is the number that the release's own formula gives.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
from datasets import Dataset, Features, LargeList, List, Value
from datasets.utils.py_utils import convert_file_size_to_int
from probe_tools import INPUTS, SCENARIO, main, measure, on_open, phase, started, unsupported, workaround

PACKAGES = ("datasets", "pyarrow", "huggingface-hub", "fsspec", "numpy")
REPOSITORY = "me/scans"
PARTS = 4
"""Shards of ``one-file``."""


class Looks:
    """The files that are looked at or opened while ``counting``."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.places: dict[str, tuple[int, str]] = {}
        for number, row in enumerate(rows):
            for column, value in row.items():
                for path in value if isinstance(value, list) else [value]:
                    self.places[str(path)] = (number, column)
        self.seen: set[tuple[int, str]] = set()
        self.files: set[str] = set()
        self.opened = 0
        self.counting = False

    def open(self, path: str) -> None:
        self.opened += self.counting

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Notes each path that ``os.stat`` is called with, as ``os.path.getsize`` does."""
        original, self.counting = os.stat, True

        def stat(path: Any, *args: Any, **options: Any) -> os.stat_result:
            if isinstance(path, str) and path in self.places:
                self.files.add(path)
                self.seen.add(self.places[path])
            return original(path, *args, **options)

        os.stat = stat
        try:
            yield
        finally:
            os.stat, self.counting = original, False

    def report(self) -> None:
        rows = {row for row, _ in self.seen}
        measure(
            files_looked_at=len(self.files),
            files_opened=self.opened,
            rows_looked_at=len(rows),
            last_row_looked_at=max(rows, default=None),
            columns_looked_at=sorted({column for _, column in self.seen}),
        )


def rows_of(feature: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The rows, with absolute paths, and the features of their columns."""
    rows, kinds = [], {}
    for root in INPUTS["roots"]:
        manifest = json.loads((Path(root) / "manifest.json").read_text(encoding="utf-8"))
        kinds = manifest["features"]
        for row in manifest["rows"]:
            rows.append(
                {name: row[name] if kind == "string" else absolute(root, row[name]) for name, kind in kinds.items()}
            )
    if INPUTS["nesting"] == "table":
        known = {"string": Value("string"), "nifti": feature, "sequence": List(feature)}
        return rows, {name: known[kind] for name, kind in kinds.items()}
    files = [path for row in rows for path in row["images"]]
    match INPUTS["nesting"]:
        case "plain" | "bytes":
            return [{"file": path} for path in files], {"file": feature}
        case "struct":
            return [{"file": path} for path in files], {"file": {"inner": feature}}
    pairs = [{"file": files[at : at + 2]} for at in range(0, len(files), 2)]
    nested = {"list": List(feature), "large_list": LargeList(feature), "fixed_list": List(feature, length=2)}
    return pairs, {"file": nested[INPUTS["nesting"]]}


def absolute(root: str, value: Any) -> Any:
    if isinstance(value, list):
        return [absolute(root, item) for item in value]
    return value if value is None else f"{root}/{value}"


def build(rows: list[dict[str, Any]], features: dict[str, Any], inline: bool) -> Any:
    """The dataset: paths, or with ``inline`` the bytes, in the storage of each feature."""

    def stored(feature: Any, value: Any) -> Any:
        if value is None or isinstance(feature, Value):
            return value
        if isinstance(value, list):
            return [stored(feature.feature, item) for item in value]
        if isinstance(feature, dict):
            return {name: stored(inner, value) for name, inner in feature.items()}
        if inline:
            return {"bytes": Path(value).read_bytes(), "path": Path(value).name}
        return {"bytes": None, "path": value}

    schema = Features(features).arrow_schema
    columns = [
        pa.array([stored(features[name], row[name]) for row in rows], schema.field(name).type) for name in features
    ]
    return Dataset(pa.Table.from_arrays(columns, schema=schema))


def released_shards(dataset: Any, max_shard_bytes: int) -> int:
    """The number of shards that ``push_to_hub`` makes, by the formula that all these releases have."""
    estimate = dataset._estimate_nbytes()
    measure(estimate_bytes=estimate)
    return int(estimate / convert_file_size_to_int(max_shard_bytes)) + 1


def push(dataset: Any, name: str, **how: Any) -> None:
    """Send the dataset; say what the repository then holds and what it says of its size."""
    from datasets import load_dataset_builder
    from huggingface_hub import HfApi

    dataset.push_to_hub(f"{REPOSITORY}-{name}", **how)
    tree = HfApi().list_repo_tree(f"{REPOSITORY}-{name}", recursive=True, repo_type="dataset")
    sizes = {one.path: one.size for one in tree if one.path.endswith(".parquet")}
    info = load_dataset_builder(f"{REPOSITORY}-{name}").info
    measure(**{f"shard_bytes_{name}": sizes, f"recorded_bytes_{name}": info.splits["train"].num_bytes})
    measure(shards=len(sizes))


def load_one(name: str) -> str:
    """The name of the exception that loading the first of the shards raises; empty if it loads."""
    from datasets import load_dataset

    try:
        load_dataset(f"{REPOSITORY}-{name}", data_files=f"data/train-00000-of-{PARTS:05d}.parquet", split="train")
    except Exception as error:  # which one is the finding
        return type(error).__name__
    return ""


def run() -> None:
    started(*PACKAGES)
    missing = f"datasets {datasets.__version__} has no {INPUTS['feature']} feature"
    kind: Any = getattr(datasets, INPUTS["feature"], None) or unsupported(missing)
    phase("build")
    rows, features = rows_of(kind())
    looks = Looks(rows)
    for root in INPUTS["roots"]:
        on_open(root, looks.open)
    dataset = build(rows, features, INPUTS["nesting"] == "bytes")
    measure(rows=len(dataset), bytes_needed=INPUTS["bytes_needed"])
    shards = workaround(released_shards)

    phase("estimate")
    with looks.watch():
        begun = time.perf_counter()
        count = shards(dataset, INPUTS["max_shard_bytes"])
        seconds = time.perf_counter() - begun
    looks.report()
    measure(shards=count, estimate_s=round(seconds, 3))

    if SCENARIO in ("push", "push-size"):
        phase("push")
        released = shards is released_shards
        push(dataset, "paths", **({"max_shard_size": INPUTS["max_shard_bytes"]} if released else {"num_shards": count}))
    if SCENARIO == "one-file":
        phase("push")
        push(dataset, "paths", num_shards=PARTS)
        push(build(rows, features, inline=True), "bytes", num_shards=PARTS)
        phase("load")
        measure(load_error_paths=load_one("paths"), load_error_bytes=load_one("bytes"))


main(run)
