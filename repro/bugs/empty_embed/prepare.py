"""Makes small NIfTI files, and says which bytes must come out of embedding or uploading them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from repro.bugs.declaration import Prepared
from repro.errors import unknown
from repro.inputs import uniform
from repro.model import Scalar

KINDS: Mapping[str, tuple[str, str, str, bool]] = {
    "nifti": ("Nifti", "plain", "paths", False),
    "nifti-list": ("Nifti", "list", "paths", False),
    "push": ("Nifti", "plain", "paths", True),
    "push-list": ("Nifti", "list", "paths", True),
    "nifti-bytes": ("Nifti", "plain", "bytes", False),
    "nifti-list-bytes": ("Nifti", "list", "bytes", False),
    "image": ("Image", "plain", "paths", False),
}
"""Scenario -> the feature, how its column holds it, what the table holds of it, and whether it is uploaded."""


def prepare(scenario: str, parameters: Mapping[str, Scalar], cache: Path) -> Prepared:
    """Four rows of two files, each of other random bytes."""
    if scenario not in KINDS:
        raise unknown("scenario", scenario, KINDS)
    feature, nesting, source, uploaded = KINDS[scenario]
    made = uniform.build(cache, rows=4, files_per_row=2, file_size=4 << 10)
    paths = [str(path) for row in made.rows for path in row["images"] or ()]
    hashes = made.sha256(paths)
    inputs = {
        "root": str(made.root.resolve()),
        "paths": paths,
        "feature": feature,
        "nesting": nesting,
        "source": source,
        "uploaded": uploaded,
    }
    return Prepared(inputs, {"sha256": [hashes[path] for path in paths]}, {"files": len(paths), "bytes_each": 4 << 10})
