"""A user's own BIDS folder as an input: found by file name, never written to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from repro.errors import UserError
from repro.inputs import numbered
from repro.inputs.cohort import COLUMNS
from repro.inputs.manifest import Manifest, Row

ENDINGS = (".nii", ".nii.gz")
BY_PLACE = {
    ("anat", "T1w"): "t1w",
    ("anat", "T2w"): "t2w",
    ("anat", "FLAIR"): "flair",
    ("func", "bold"): "bold",
    ("func", "sbref"): "sbref",
    ("dwi", "dwi"): "dwi",
    ("dwi", "sbref"): "sbref",
}

Key = tuple[str, str]  # subject and session; "" where a subject has no sessions


def numbered_input(cache: Path, root: Path) -> Manifest:
    """What ``scan`` finds, under neutral names: no name of a person, file or folder of the user is in it."""
    known = tuple(dict.fromkeys((str(root.expanduser().absolute()), str(root.expanduser().resolve()))))
    return numbered.build(cache, scan(root), known)


def scan(root: Path) -> Manifest:
    """One row a session (or a subject without sessions), with the cohort's columns that occur.

    Raw images come from ``sub-*``, lesion masks (suffix ``mask``, "lesion" in the name or the pipeline's folder) from
    ``derivatives``. What has no column, or finds its column taken (a second T1w), is listed in ``ignored``.
    Raises UserError if ``root`` is no such folder, or nothing in it can be used.
    """
    root = root.expanduser().resolve()
    if not root.is_dir():
        raise UserError(f"{root} is not a folder: give the folder that holds sub-*")
    found: dict[Key, dict[str, list[str]]] = {}
    sizes: dict[str, int] = {}
    ignored, unfetched = [], 0
    for path in _images(root):
        relative = path.relative_to(root).as_posix()
        column = _column(relative)
        if not path.is_file():  # DataLad leaves dangling links until the content is asked for
            unfetched += 1
        elif column:
            taken = found.setdefault(_key(relative), {}).setdefault(column, [])
            if not taken or COLUMNS[column] == "sequence":
                taken.append(relative)
                sizes[relative] = path.stat().st_size
                continue
        if column or not relative.startswith("derivatives/"):
            ignored.append(relative)
    if not found:
        raise _nothing(len(ignored), unfetched)
    occurring = {column for columns in found.values() for column in columns}
    features = {c: kind for c, kind in COLUMNS.items() if kind == "string" or c in occurring}
    rows = tuple(_row(key, found[key], list(features)) for key in sorted(found))
    return Manifest(root, root.name, features, rows, sizes, tuple(ignored))


def _nothing(ignored: int, unfetched: int) -> UserError:
    if unfetched:
        return UserError(f"{unfetched} NIfTI files there are links to nothing: run datalad get . in that folder")
    if ignored:
        known = "anat/*_T1w, anat/*_T2w, anat/*_FLAIR, func/*_bold, dwi/*_dwi or *_sbref"
        return UserError(f"none of the {ignored} NIfTI files there has a place in BIDS known here: use {known}")
    return UserError("no NIfTI files (*.nii, *.nii.gz) there: give the folder that holds sub-*")


def _images(root: Path) -> Iterator[Path]:
    """NIfTI files below ``sub-*`` and ``derivatives/*/sub-*``, in the order of their names."""
    for pattern in ("sub-*/**/*.nii*", "derivatives/*/sub-*/**/*.nii*"):
        for path in sorted(root.glob(pattern)):
            if path.name.endswith(ENDINGS) and not path.is_dir():
                yield path


def _column(relative: str) -> str | None:
    """The column that a file belongs to by its BIDS name, if any."""
    parts = relative.split("/")
    suffix = parts[-1].split(".", 1)[0].rsplit("_", 1)[-1]
    if parts[0] == "derivatives":
        lesion = suffix == "mask" and ("lesion" in parts[-1].lower() or "lesion" in parts[1].lower())
        return "lesion" if lesion else None
    return BY_PLACE.get((parts[-2], suffix))


def _key(relative: str) -> Key:
    parts = relative.split("/")
    start = 2 if parts[0] == "derivatives" else 0
    session = parts[start + 1]
    return parts[start], session if session.startswith("ses-") else ""


def _row(key: Key, taken: dict[str, list[str]], features: list[str]) -> Row:
    row: dict[str, str | tuple[str, ...] | None] = {"subject_id": key[0], "session_id": key[1] or None}
    for column in features[2:]:
        paths = taken.get(column, [])
        row[column] = tuple(paths) if COLUMNS[column] == "sequence" else next(iter(paths), None)
    return row
