"""Real scans without a download: the NIfTI files that nibabel ships for its own tests."""

from __future__ import annotations

from functools import cache as remember
from importlib.resources import as_file, files
from pathlib import Path

from repro.errors import UserError
from repro.inputs import sparse
from repro.inputs.cache import build_once
from repro.inputs.manifest import Manifest
from repro.inputs.uniform import check_counts, columns, make_row


@remember
def shipped() -> dict[str, bytes]:
    """File name -> content of every ``.nii`` and ``.nii.gz`` that nibabel opens as NIfTI (1 or 2), by name.

    Raises UserError if this nibabel came without its test data, as some distributions package it.
    """
    import nibabel as nib
    from nibabel.filebasedimages import ImageFileError

    found = {}
    with as_file(files("nibabel") / "tests" / "data") as folder:
        for path in sorted(folder.glob("*.nii*")):
            try:
                image = nib.load(path)
            except ImageFileError:
                continue
            if isinstance(image, nib.Nifti1Image):  # Nifti2Image is one too; CIFTI-2 in a .nii is not
                found[path.name] = path.read_bytes()
    if not found:
        raise UserError("this nibabel has no test data: install it with pip install --force-reinstall nibabel")
    return found


def build(cache: Path, *, rows: int, files_per_row: int) -> Manifest:
    """Columns ``id`` and ``images`` (sequence); the shipped files in turn, copied, so that some content repeats.

    Raises UserError for counts below 1, a full disk or a nibabel without test data.
    """
    check_counts(rows, files_per_row)
    folder = cache / f"real-{rows}x{files_per_row}-v1"

    def make(root: Path) -> Manifest:
        scans = list(shipped().items())
        count = rows * files_per_row
        sparse.require_free(root, count * max(len(content) + sparse.PER_FILE for _, content in scans))
        sizes: dict[str, int] = {}
        for number in range(count):
            name, content = scans[number % len(scans)]
            index, position = divmod(number, files_per_row)
            path = f"images/row-{index:05d}/file-{position:03d}-{name}"
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
            sizes[path] = len(content)
        paths = list(sizes)
        made = tuple(make_row(i, tuple(paths[i * files_per_row : (i + 1) * files_per_row]), False) for i in range(rows))
        return Manifest(root, folder.name, columns(False), made, sizes)

    return build_once(folder, make)
