"""Small regular inputs: every row with the same number of files of one exact size, dense or sparse."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from repro.errors import UserError, unknown
from repro.inputs import nifti, sparse
from repro.inputs.cache import build_once
from repro.inputs.manifest import BLOCK, Kind, Manifest, Row

Content = Literal["dense", "sparse"]

MAX_FILE = 16 << 40
"""The largest file of ext4; the extents of a NIfTI-1 image end not far above."""


def build(
    cache: Path,
    *,
    rows: int,
    files_per_row: int,
    file_size: int,
    content: Content = "dense",
    seed: int = 7894,
    empty_rows: tuple[int, ...] = (),
    plain: bool = False,
) -> Manifest:
    """Columns ``id`` and ``images`` (sequence), with ``plain`` also ``plain`` (nifti: the row's first file).

    Every file has exactly ``file_size`` bytes and loads as a 3-D uint8 image. Dense bodies are random and differ
    from file to file; sparse bodies are holes, all alike. Rows in ``empty_rows`` have an empty list (and ``None``
    for ``plain``). Raises UserError for figures that make no input, and where the disk is too full or not sparse.
    """
    _check(rows, files_per_row, file_size, content, empty_rows)
    shape, padding = nifti.flat_layout(file_size)
    head = nifti.header(shape, "uint8", padding)
    empty = set(empty_rows)
    key = json.dumps([rows, files_per_row, file_size, content, seed, sorted(empty), plain])
    digest = hashlib.sha256(key.encode()).hexdigest()[:8]
    folder = cache / f"uniform-{content}-{rows}x{files_per_row}x{file_size}-{digest}-v1"

    def make(root: Path) -> Manifest:
        count = files_per_row * (rows - len(empty))
        if content == "sparse":
            sparse.require(root, sparse.PER_FILE * count)
        else:
            sparse.require_free(root, (sparse.PER_FILE + file_size) * count)
        (root / "images").mkdir()
        made = tuple(
            make_row(index, _names(index, 0 if index in empty else files_per_row), plain) for index in range(rows)
        )
        paths = [path for row in made for path in row["images"] or ()]
        for path in paths:
            (root / path).parent.mkdir(exist_ok=True)
            body = _noise(f"{seed}/{path}", file_size - len(head)) if content == "dense" else None
            nifti.write(root / path, head, file_size, body)
        return Manifest(root, folder.name, columns(plain), made, dict.fromkeys(paths, file_size))

    return build_once(folder, make)


def columns(plain: bool) -> dict[str, Kind]:
    """The features of a regular input."""
    found: dict[str, Kind] = {"id": "string", "images": "sequence"}
    return found | {"plain": "nifti"} if plain else found


def make_row(index: int, paths: tuple[str, ...], plain: bool) -> Row:
    """One row of a regular input."""
    row: dict[str, str | tuple[str, ...] | None] = {"id": f"row-{index:05d}", "images": paths}
    if plain:
        row["plain"] = paths[0] if paths else None
    return row


def check_counts(rows: int, files_per_row: int) -> None:
    """Raise UserError unless both are positive."""
    for name, value in (("rows", rows), ("files_per_row", files_per_row)):
        if value < 1:
            raise UserError(f"{name}={value} makes no input: give {name}=1 or more")


def _check(rows: int, files_per_row: int, file_size: int, content: str, empty_rows: tuple[int, ...]) -> None:
    check_counts(rows, files_per_row)
    if file_size <= nifti.OFFSET:
        raise UserError(f"file_size={file_size} holds no image: give {nifti.OFFSET + 1} bytes or more")
    if file_size > MAX_FILE:
        raise UserError(f"file_size={file_size} is more than a file can hold: give file_size=16TiB or less")
    if content not in ("dense", "sparse"):
        raise unknown("content", content, ("dense", "sparse"))
    outside = [index for index in empty_rows if not 0 <= index < rows]
    if outside:
        raise UserError(f"empty row {outside[0]} does not exist: give indices from 0 to {rows - 1}")


def _names(index: int, count: int) -> tuple[str, ...]:
    return tuple(f"images/row-{index:05d}/file-{number:03d}.nii" for number in range(count))


def _noise(seed: str, size: int) -> Iterator[bytes]:
    """``size`` random bytes in blocks, the same for the same seed."""
    rng = random.Random(seed)
    for start in range(0, size, BLOCK):
        yield rng.randbytes(min(BLOCK, size - start))
