"""Headers come from nibabel; sizes are exact; holes take no disk."""

import math

import nibabel as nib
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from repro.inputs import nifti


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((160, 192, 163), "int16"), ((64, 64, 36, 480), "int16"), ((112, 112, 90), "float32"), ((91, 109, 91), "uint8")],
)
def test_a_sparse_file_loads_with_its_shape_and_takes_no_room(tmp_path, shape, dtype):
    path = tmp_path / "scan.nii"
    size = nifti.file_size(shape, dtype)
    nifti.write(path, nifti.header(shape, dtype), size)
    image = nib.load(path)
    assert isinstance(image, nib.Nifti1Image)
    assert image.shape == shape
    assert image.get_data_dtype() == np.dtype(dtype)
    assert path.stat().st_size == 352 + math.prod(shape) * np.dtype(dtype).itemsize
    assert path.stat().st_blocks * 512 < size / 10
    assert not image.dataobj[..., -1].any()  # readable to the last voxel


def test_a_body_is_what_was_given(tmp_path):
    path = tmp_path / "scan.nii"
    nifti.write(path, nifti.header((2, 3, 4), "uint8"), 352 + 24, [bytes(range(10)), bytes(range(10, 24))])
    assert nib.load(path).dataobj.get_unscaled().tobytes(order="F") == bytes(range(24))


# 2097169 is prime, above any extent; 2 * 32771 has a prime factor just above the limit of 32767.
@given(st.integers(353, 200_000_000))
@example(353)
@example(352 + 32767)
@example(352 + 2097169)
@example(352 + 2 * 32771)
@example(352 + 3 * 2**30)
def test_every_size_has_a_valid_layout(size):
    shape, padding = nifti.flat_layout(size)
    assert 352 + padding + math.prod(shape) == size
    assert padding % 16 == 0
    assert max(shape) <= 32767
    assert padding < 4096


def test_a_padded_file_loads(tmp_path):
    size = 352 + 2097169
    shape, padding = nifti.flat_layout(size)
    assert padding > 0
    nifti.write(tmp_path / "scan.nii", nifti.header(shape, "uint8", padding), size)
    image = nib.load(tmp_path / "scan.nii")
    assert image.dataobj.offset == 352 + padding
    assert np.asarray(image.dataobj).shape == shape


def test_no_size_below_a_voxel():
    with pytest.raises(ValueError, match="352 bytes"):
        nifti.flat_layout(352)
