"""Parquet files like those of ISLES'24: a row a case with its id and three images, and few rows a file."""

from __future__ import annotations

import csv
import hashlib
import json
import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock

from repro.errors import UserError
from repro.inputs.sparse import require_free

VERSION = 1
"""Part of the folder's name: a change of what is written makes new files instead of reusing old ones."""

ID, IMAGES = "subject_id", ("dwi", "adc", "lesion_mask")
REPOSITORY = "made-up/isles24"
_TABLE = Path(__file__).with_name("tables") / "isles24-cases.csv"

Kind = Literal["binary", "nifti"]


@dataclass(frozen=True, slots=True)
class Layout:
    """How many cases there are, and how they are cut; an image has ``value_bytes`` random bytes.

    Attributes:
        kind: ``binary`` for plain bytes, ``nifti`` for the ``Nifti()`` feature of ``datasets`` with those bytes.
    """

    cases: int
    value_bytes: int
    rows_per_file: int = 1
    rows_per_group: int = 1
    kind: Kind = "binary"

    @property
    def total_bytes(self) -> int:
        """Payload of all images, in bytes."""
        return self.cases * len(IMAGES) * self.value_bytes


def subjects() -> list[str]:
    """The 149 ids of the report, in the order of its files."""
    with _TABLE.open(encoding="utf-8", newline="") as file:
        return [row[ID] for row in csv.DictReader(file)]


def image(seed: int, subject: str, column: str, size: int) -> bytes:
    """The bytes of one image, the same on every machine."""
    return random.Random(f"{seed}/{subject}/{column}").randbytes(size)


def digests(layout: Layout, seed: int, subject: str) -> list[str]:
    """sha256 of the images of one case."""
    values = (image(seed, subject, column, layout.value_bytes) for column in IMAGES)
    return [hashlib.sha256(value).hexdigest() for value in values]


def build(cache: Path, layout: Layout, seed: int) -> Path:
    """A tree with the dataset ``REPOSITORY``: a file ``train-00000-of-00149.parquet`` and so on for the first cases.

    It is written on first use. Nothing is compressed, so a file takes as many bytes as its images.

    Raises:
        UserError: more cases than the report has, no image, or not enough free space.
    """
    names = subjects()
    for what, value, most in (
        ("cases", layout.cases, len(names)),
        ("rows_per_file", layout.rows_per_file, len(names)),
        ("rows_per_group", layout.rows_per_group, len(names)),
        ("value_bytes", layout.value_bytes, 1 << 30),
    ):
        if not 1 <= value <= most:
            raise UserError(f"{what}={value} makes no such files: give a number from 1 to {most}")
    cut = f"{layout.cases}x{layout.rows_per_file}x{layout.rows_per_group}x{layout.value_bytes}"
    folder = cache / "cases" / f"{layout.kind}-{cut}-{seed}-v{VERSION}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.parent / f".{folder.name}.lock"):
        if not folder.exists():
            _write(folder, layout, seed, names[: layout.cases])
    return folder


def files(tree: Path) -> list[Path]:
    """The Parquet files of a tree, in the order of their rows."""
    return sorted((tree / "datasets" / REPOSITORY / "data").glob("*.parquet"))


def _write(folder: Path, layout: Layout, seed: int, names: Sequence[str]) -> None:
    """Write next to ``folder`` and rename: a reader finds all files or none, also after a kill."""
    require_free(folder.parent, 2 * layout.total_bytes)
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    data = partial / "datasets" / REPOSITORY / "data"
    data.mkdir(parents=True)
    count, schema = -(-len(names) // layout.rows_per_file), _schema(layout.kind)
    for index in range(count):
        rows = names[index * layout.rows_per_file : (index + 1) * layout.rows_per_file]
        path = data / f"train-{index:05d}-of-{count:05d}.parquet"
        with pq.ParquetWriter(path, schema, compression="none", use_dictionary=False) as writer:
            for start in range(0, len(rows), layout.rows_per_group):
                writer.write_table(_table(layout, seed, rows[start : start + layout.rows_per_group], schema))
    partial.rename(folder)


def _schema(kind: Kind) -> pa.Schema:
    """The types, and for ``nifti`` the features as ``datasets`` keeps them in a file that it wrote."""
    if kind == "binary":
        return pa.schema([(ID, pa.string()), *((column, pa.binary()) for column in IMAGES)])
    struct = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    features = {ID: {"dtype": "string", "_type": "Value"}, **{column: {"_type": "Nifti"} for column in IMAGES}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    return pa.schema([(ID, pa.string()), *((column, struct) for column in IMAGES)], metadata=metadata)


def _table(layout: Layout, seed: int, rows: Sequence[str], schema: pa.Schema) -> pa.Table:
    columns: list[list[object]] = [list(rows)]
    for column in IMAGES:
        values = [image(seed, subject, column, layout.value_bytes) for subject in rows]
        named = [
            {"bytes": value, "path": f"{subject}_{column}.nii"} for subject, value in zip(rows, values, strict=True)
        ]
        columns.append(list(values) if layout.kind == "binary" else list(named))
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)
