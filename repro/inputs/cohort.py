"""The ARC-like cohort on disk: a BIDS folder of sparse files at the scale of the report.

Sizes, and what the report's own figures leave open, are in ``arc.py``; this module only lays them out.
"""

from __future__ import annotations

import json
from pathlib import Path

from repro.inputs import arc, nifti, sparse
from repro.inputs.cache import build_once
from repro.inputs.manifest import Kind, Manifest, Row

COLUMNS: dict[str, Kind] = {
    "subject_id": "string",
    "session_id": "string",
    "t1w": "nifti",
    "t2w": "nifti",
    "flair": "nifti",
    "bold": "sequence",
    "dwi": "sequence",
    "sbref": "sequence",
    "lesion": "nifti",
}

# Column -> datatype folder and the end of the file name, as BIDS names them.
PLACES = {
    "t1w": ("anat", "T1w"),
    "t2w": ("anat", "T2w"),
    "flair": ("anat", "FLAIR"),
    "bold": ("func", "task-naming40_run-{run}_bold"),
    "dwi": ("dwi", "run-{run}_dwi"),
    "sbref": ("dwi", "run-{run}_sbref"),
    "lesion": ("anat", "desc-lesion_mask"),
}
LESIONS = "derivatives/lesion_masks"


def build(cache: Path, *, seed: int = 7894, sessions: int = 902) -> Manifest:
    """The cohort below ``cache``, made on the first call (seconds; about 40 MB of disk for 273 GB apparent).

    Fewer sessions give proportionally fewer files and bytes; the session range stays 1.7 to 804.8 MB. Raises UserError
    below 3 sessions, and where the file system is not sparse or too full.
    """
    arc.check(sessions)
    folder = cache / f"arc-{seed}-{sessions}-v1"

    def make(root: Path) -> Manifest:
        planned = arc.plan(seed, sessions)
        sparse.require(root, sparse.PER_FILE * sum(len(s) for v in planned for s in v.scans.values()))
        _describe(root, "ARC-like cohort of sparse files", "raw")
        _describe(root / LESIONS, "Lesion masks", "derivative")
        sizes: dict[str, int] = {}
        rows = tuple(_write_session(root, session, sizes) for session in planned)
        return Manifest(root, folder.name, COLUMNS, rows, sizes)

    return build_once(folder, make)


def _write_session(root: Path, session: arc.Session, sizes: dict[str, int]) -> Row:
    """Write one session's files, note their sizes, return its row."""
    subject, visit = f"sub-M{2000 + session.subject}", f"ses-{session.number}"
    row: dict[str, str | tuple[str, ...] | None] = {"subject_id": subject, "session_id": visit}
    for column, (datatype, ending) in PLACES.items():
        above = f"{LESIONS}/" if column == "lesion" else ""
        folder = f"{above}{subject}/{visit}/{datatype}"
        shapes = session.scans.get(column, [])
        if shapes:
            (root / folder).mkdir(parents=True, exist_ok=True)
        paths = []
        for run, shape in enumerate(shapes, start=1):
            path = f"{folder}/{subject}_{visit}_{ending.format(run=run)}.nii"
            dtype = arc.VOLUMES[column].dtype
            sizes[path] = nifti.file_size(shape, dtype)
            nifti.write(root / path, nifti.header(shape, dtype), sizes[path])
            paths.append(path)
        row[column] = tuple(paths) if COLUMNS[column] == "sequence" else next(iter(paths), None)
    return row


def _describe(folder: Path, name: str, kind: str) -> None:
    """The one file that BIDS requires in a data set besides the images."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"Name": name, "BIDSVersion": "1.9.0", "DatasetType": kind}, indent=1)
    (folder / "dataset_description.json").write_text(text, encoding="utf-8")
