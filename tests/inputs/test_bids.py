"""A user's own folder: read by BIDS file names, left as it is."""

import os
from pathlib import Path

import pytest

from repro.errors import UserError
from repro.inputs import bids, cohort

FILES = (
    "sub-01/ses-a/anat/sub-01_ses-a_T1w.nii.gz",
    "sub-01/ses-a/anat/sub-01_ses-a_T1w.json",
    "sub-01/ses-a/func/sub-01_ses-a_task-rest_run-1_bold.nii",
    "sub-01/ses-a/func/sub-01_ses-a_task-rest_run-2_bold.nii.gz",
    "sub-01/ses-b/dwi/sub-01_ses-b_dwi.nii.gz",
    "sub-01/ses-b/dwi/sub-01_ses-b_sbref.nii.gz",
    "sub-02/func/sub-02_task-rest_sbref.nii.gz",
    "derivatives/lesions/sub-01/ses-a/anat/sub-01_ses-a_desc-lesion_mask.nii.gz",
    "derivatives/fmriprep/sub-01/ses-a/anat/sub-01_ses-a_desc-brain_mask.nii.gz",
    "sourcedata/sub-09/anat/sub-09_T1w.nii.gz",
)


def lay(root: Path, *files: str) -> Path:
    for number, name in enumerate(files, start=1):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x" * number)
    return root


def test_sessions_and_subjects_without_sessions_are_rows(tmp_path):
    scanned = bids.scan(lay(tmp_path / "study", *FILES))
    assert scanned.name == "study"
    assert [(row["subject_id"], row["session_id"]) for row in scanned.rows] == [
        ("sub-01", "ses-a"),
        ("sub-01", "ses-b"),
        ("sub-02", None),
    ]
    first, second, third = scanned.rows
    assert first["t1w"] == FILES[0]
    assert first["bold"] == (FILES[2], FILES[3])
    assert first["lesion"] == FILES[7]
    assert (first["dwi"], second["dwi"]) == ((), (FILES[4],))
    assert (second["t1w"], second["sbref"], third["sbref"]) == (None, (FILES[5],), (FILES[6],))


def test_columns_that_never_occur_are_left_out(tmp_path):
    scanned = bids.scan(lay(tmp_path, *FILES))
    assert list(scanned.features) == ["subject_id", "session_id", "t1w", "bold", "dwi", "sbref", "lesion"]
    assert all(list(row) == list(scanned.features) for row in scanned.rows)


def test_sizes_are_those_on_disk_and_only_of_files_in_a_row(tmp_path):
    scanned = bids.scan(lay(tmp_path, *FILES))
    assert scanned.sizes == {name: FILES.index(name) + 1 for name in scanned.files_of(range(3))}
    assert scanned.ignored == ()


def test_what_finds_no_column_is_named_not_dropped(tmp_path):
    second = "sub-01/anat/sub-01_run-2_T1w.nii"
    lay(tmp_path, "sub-01/anat/sub-01_run-1_T1w.nii", second, "sub-01/perf/sub-01_asl.nii")
    scanned = bids.scan(tmp_path)
    assert scanned.rows[0]["t1w"] == "sub-01/anat/sub-01_run-1_T1w.nii"
    assert scanned.ignored == (second, "sub-01/perf/sub-01_asl.nii")


def test_the_folder_is_not_touched(tmp_path):
    lay(tmp_path / "study", *FILES)

    def state() -> dict[Path, tuple[int, bool]]:
        return {path: (os.lstat(path).st_mtime_ns, path.is_dir()) for path in (tmp_path / "study").rglob("*")}

    before = state()
    scanned = bids.scan(tmp_path / "study")
    scanned.save(tmp_path / "elsewhere.json")
    assert state() == before
    assert type(scanned).load(tmp_path / "elsewhere.json") == scanned


def test_the_made_cohort_scans_back_to_itself(tmp_path):
    made = cohort.build(tmp_path, sessions=30)
    scanned = bids.scan(made.root)
    by_id = {(row["subject_id"], row["session_id"]): row for row in scanned.rows}
    assert [by_id[row["subject_id"], row["session_id"]] for row in made.rows] == list(made.rows)
    assert (scanned.sizes, scanned.features, scanned.ignored) == (made.sizes, made.features, ())


@pytest.mark.parametrize("files", [(), ("sub-01/anat/sub-01_T1w.json",), ("images/scan.nii",)])
def test_a_folder_without_scans_says_which_folder_to_give(tmp_path, files):
    lay(tmp_path / "study", *files)
    (tmp_path / "study").mkdir(exist_ok=True)
    with pytest.raises(UserError) as caught:
        bids.scan(tmp_path / "study")
    assert str(caught.value) == ("no NIfTI files (*.nii, *.nii.gz) there: give the folder that holds sub-*")


def test_scans_in_no_known_place_are_counted_in_the_refusal(tmp_path):
    with pytest.raises(UserError, match="none of the 1 NIfTI files there"):
        bids.scan(lay(tmp_path / "study", "sub-01/perf/sub-01_asl.nii"))


def test_links_to_content_never_fetched_say_how_to_fetch_it(tmp_path):
    (tmp_path / "sub-01" / "anat").mkdir(parents=True)
    (tmp_path / "sub-01/anat/sub-01_T1w.nii.gz").symlink_to(tmp_path / "annex" / "missing")
    with pytest.raises(UserError, match="datalad get"):
        bids.scan(tmp_path)


def test_a_missing_folder_is_a_users_error(tmp_path):
    with pytest.raises(UserError, match="is not a folder"):
        bids.scan(tmp_path / "nowhere")
