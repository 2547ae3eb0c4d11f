"""The scans that nibabel ships, as an input."""

import nibabel as nib
import pytest

from repro.errors import UserError
from repro.inputs import real


def test_only_nifti_files_are_taken():
    scans = real.shipped()
    assert "anatomical.nii" in scans
    assert any(name.endswith(".nii.gz") for name in scans)
    assert "row_major.dconn.nii" not in scans  # CIFTI-2


def test_every_copy_loads_and_has_its_size(tmp_path):
    made = real.build(tmp_path, rows=4, files_per_row=3)
    assert made.features == {"id": "string", "images": "sequence"}
    assert [len(row["images"] or ()) for row in made.rows] == [3] * 4
    assert made.files_of(range(4)) == list(made.sizes)
    for path, size in made.sizes.items():
        assert isinstance(nib.load(made.root / path), nib.Nifti1Image)
        assert (made.root / path).stat().st_size == size


def test_copies_are_byte_for_byte_and_all_scans_come_in_turn(tmp_path):
    made = real.build(tmp_path, rows=len(real.shipped()), files_per_row=1)
    assert [(made.root / path).read_bytes() for path in made.sizes] == list(real.shipped().values())


@pytest.mark.parametrize("wrong", [{"rows": 0, "files_per_row": 1}, {"rows": 1, "files_per_row": 0}])
def test_counts_below_one_are_refused(tmp_path, wrong):
    with pytest.raises(UserError, match="=1 or more"):
        real.build(tmp_path, **wrong)
