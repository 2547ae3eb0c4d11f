"""Regular inputs: exact sizes, distinct and repeatable content."""

from typing import Any

import nibabel as nib
import numpy as np
import pytest

from repro.errors import UserError
from repro.inputs import uniform
from repro.inputs.manifest import BLOCK

SMALL: dict[str, Any] = {"rows": 4, "files_per_row": 3, "file_size": 5000}


def test_rows_lists_and_exact_sizes(tmp_path):
    made = uniform.build(tmp_path, **SMALL, empty_rows=(1,))
    assert made.features == {"id": "string", "images": "sequence"}
    assert [len(row["images"] or ()) for row in made.rows] == [3, 0, 3, 3]
    assert [row["id"] for row in made.rows] == ["row-00000", "row-00001", "row-00002", "row-00003"]
    assert set(made.sizes.values()) == {5000}
    assert all((made.root / path).stat().st_size == 5000 for path in made.sizes)


def test_the_plain_column_holds_the_first_file_of_the_row(tmp_path):
    made = uniform.build(tmp_path, **SMALL, empty_rows=(0,), plain=True)
    assert list(made.features) == ["id", "images", "plain"]
    assert [row["plain"] for row in made.rows] == [None, *(made.files_of([i])[0] for i in (1, 2, 3))]
    assert made.summary()["files"] == 9


@pytest.mark.parametrize("file_size", [353, 5000, 352 + 32771, 3 * BLOCK + 17])
@pytest.mark.parametrize("content", ["dense", "sparse"])
def test_every_size_is_a_valid_image(tmp_path, file_size, content):
    made = uniform.build(tmp_path, rows=1, files_per_row=1, file_size=file_size, content=content)
    (path,) = made.sizes
    image = nib.load(made.root / path)
    assert isinstance(image, nib.Nifti1Image)
    voxels = np.asarray(image.dataobj)
    assert image.dataobj.offset + voxels.size == (made.root / path).stat().st_size == file_size
    if file_size > 1000:
        assert bool(voxels.any()) is (content == "dense")


def test_no_two_dense_files_are_alike(tmp_path):
    made = uniform.build(tmp_path, rows=20, files_per_row=5, file_size=400)
    assert len(set(made.sha256(made.sizes).values())) == 100


def test_content_is_the_seeds(tmp_path):
    first = uniform.build(tmp_path / "a", **SMALL)
    again = uniform.build(tmp_path / "b", **SMALL)
    other = uniform.build(tmp_path / "a", **SMALL, seed=1)
    assert first.sha256(first.sizes) == again.sha256(again.sizes)
    assert first.root != other.root
    assert not set(first.sha256(first.sizes).values()) & set(other.sha256(other.sizes).values())


def test_a_dense_file_is_on_disk_and_a_sparse_one_is_not(tmp_path):
    size = 4 * BLOCK
    used = {}
    for content in ("dense", "sparse"):
        made = uniform.build(tmp_path, rows=1, files_per_row=1, file_size=size, content=content)
        used[content] = sum((made.root / path).stat().st_blocks * 512 for path in made.sizes)
    assert used["sparse"] < size / 10
    assert used["dense"] > size / 2


def test_a_file_beyond_two_gibibytes_can_be_sparse(tmp_path):
    made = uniform.build(tmp_path, rows=1, files_per_row=1, file_size=(2 << 30) + 4096, content="sparse")
    (path,) = made.sizes
    assert (made.root / path).stat().st_size == (2 << 30) + 4096
    assert nib.load(made.root / path).dataobj[-1, -1, -1] == 0


@pytest.mark.parametrize("wrong", [{"rows": 0}, {"files_per_row": 0}, {"file_size": 352}, {"content": "zip"}])
def test_figures_that_make_no_input_are_refused(tmp_path, wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        uniform.build(tmp_path, **(SMALL | wrong))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("index", [-1, 4])
def test_an_empty_row_outside_is_refused(tmp_path, index):
    with pytest.raises(UserError, match="from 0 to 3"):
        uniform.build(tmp_path, **SMALL, empty_rows=(index,))


def test_a_dense_input_larger_than_the_disk_is_refused(tmp_path):
    with pytest.raises(UserError, match="MB free"):
        uniform.build(tmp_path, rows=1000, files_per_row=1000, file_size=1 << 40)
