"""The cohort on disk: BIDS, valid headers, true apparent sizes, next to no disk."""

import math
import os
import re

import nibabel as nib
import pytest

from repro.errors import UserError
from repro.inputs import cohort, nifti

NAME = re.compile(r"(derivatives/lesion_masks/)?(sub-M\d+)/(ses-\d+)/(anat|func|dwi)/\2_\3_[\w-]+\.nii")


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    return cohort.build(tmp_path_factory.mktemp("cache"))


def test_it_has_the_scale_of_the_report(full):
    summary = full.summary()
    assert (summary["rows"], summary["files"]) == (902, 5164)
    assert summary["apparent_bytes"] == pytest.approx(273e9, rel=0.01)
    assert round(summary["min_row_bytes"] / 1e6, 1) == 1.7
    assert round(summary["max_row_bytes"] / 1e6, 1) == 804.8
    assert summary["rows_with_empty_lists"] > 0
    counts = {"t1w": 447, "t2w": 441, "flair": 235, "bold": 1402, "dwi": 2089, "sbref": 322, "lesion": 228}
    assert summary["counts"] == counts


def test_the_columns_are_in_the_order_of_the_report(full):
    assert list(full.features) == ["subject_id", "session_id", "t1w", "t2w", "flair", "bold", "dwi", "sbref", "lesion"]
    assert all(list(row) == list(full.features) for row in full.rows)


def test_it_takes_a_few_tens_of_megabytes(full):
    on_disk = sum(os.lstat(path).st_blocks * 512 for path in full.root.rglob("*"))
    assert on_disk < 100e6


def test_every_file_loads_with_a_shape_that_explains_its_size(full):
    dims = {"bold": 4, "dwi": 4}
    for row in full.rows:
        for column, kind in full.features.items():
            paths = {"string": (), "nifti": (row[column],), "sequence": row[column]}[kind]
            for path in filter(None, paths):
                image = nib.load(full.root / path)
                assert len(image.shape) == dims.get(column, 3), path
                expected = 352 + math.prod(image.shape) * image.get_data_dtype().itemsize
                assert (full.root / path).stat().st_size == full.sizes[path] == expected, path


def test_the_names_are_bids_and_agree_with_the_row(full):
    for row in full.rows:
        own = (row["subject_id"], row["session_id"])
        for path in [p for c in ("t1w", "t2w", "flair", "lesion") if (p := row[c])] + [*row["bold"], *row["dwi"]]:
            assert (match := NAME.fullmatch(path)) and match.group(2, 3) == own
    assert all(NAME.fullmatch(path) for path in full.sizes)
    assert all(path.startswith("derivatives/") for row in full.rows if (path := row["lesion"]))


def test_nothing_on_disk_is_missing_from_the_manifest(full):
    assert {path.relative_to(full.root).as_posix() for path in full.root.rglob("*.nii")} == set(full.sizes)


def test_a_second_call_returns_the_finished_one(full, monkeypatch):
    monkeypatch.setattr(nifti, "write", lambda *args: pytest.fail("written again"))
    assert cohort.build(full.root.parent) == full


def test_the_same_seed_makes_the_same_cohort_elsewhere(tmp_path):
    one, other = (cohort.build(tmp_path / place, seed=3, sessions=10) for place in "ab")
    assert (one.rows, one.sizes, one.name) == (other.rows, other.sizes, other.name)
    some = one.files_of([0])
    assert one.sha256(some) == other.sha256(some)
    assert cohort.build(tmp_path / "a", seed=4, sessions=10).sizes != one.sizes


def test_too_small_a_cohort_leaves_nothing(tmp_path):
    with pytest.raises(UserError, match="sessions=3 or more"):
        cohort.build(tmp_path / "cache", sessions=2)
    assert not (tmp_path / "cache").exists()


def test_an_older_schema_in_the_cache_is_refused(tmp_path):
    made = cohort.build(tmp_path, sessions=3)
    path = made.root / "manifest.json"
    path.write_text(path.read_text().replace('"schema": 1', '"schema": 0'))
    with pytest.raises(UserError, match=r"delete the folder .*arc-7894-3-v1"):
        cohort.build(tmp_path, sessions=3)
