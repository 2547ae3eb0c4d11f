"""A user's own data: what a probe sees is named by number; the map stays in the cache; redaction knows all of it."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from repro.evidence.redact import Redactor
from repro.inputs import bids, numbered

from .test_bids import lay

FILES = (
    "sub-JaneDoe1970/ses-20190312/anat/sub-JaneDoe1970_ses-20190312_T1w.nii",
    "sub-JaneDoe1970/ses-20190312/func/sub-JaneDoe1970_ses-20190312_run-1_bold.nii",
    "sub-JaneDoe1970/ses-20190312/func/sub-JaneDoe1970_ses-20190312_run-2_bold.nii.gz",
    "sub-JaneDoe1970/ses-20190312/func/Jane Doe, José_bold.nii",
    "sub-MaxMuster/anat/MaxMuster_T1w.nii",
    "sub-MaxMuster/anat/sub-MaxMuster_run-2_T1w.nii",
)
PRIVATE = re.compile("jane|doe|muster|1970|2019|jos", re.IGNORECASE)


@pytest.fixture
def study(tmp_path):
    return lay(tmp_path / "Jane Doe study", *FILES)


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def test_no_name_of_the_user_is_in_what_the_probe_sees_and_all_its_bytes_are(study, cache):
    real, made = bids.scan(study), bids.numbered_input(cache, study)
    assert not PRIVATE.search(json.dumps([made.name, made.rows, made.sizes, made.ignored]))
    assert [row["subject_id"] for row in made.rows] == ["subject-001", "subject-002"]
    assert [row["session_id"] for row in made.rows] == ["session-1", None]
    assert list(made.features) == list(real.features)
    for row in range(2):
        for old, new in zip(real.files_of([row]), made.files_of([row]), strict=True):
            assert (study / old).read_bytes() == (made.root / new).read_bytes()
            assert (old.endswith(".gz"), real.sizes[old]) == (new.endswith(".gz"), made.sizes[new])
    assert len(made.ignored) == len(real.ignored) == 1


def test_it_is_made_once_and_again_when_a_file_changes(study, cache):
    first = bids.numbered_input(cache, study)
    assert bids.numbered_input(cache, study) == first
    (study / FILES[0]).write_bytes(b"another scan")
    second = bids.numbered_input(cache, study)
    assert second.root != first.root
    assert 12 in second.sizes.values()


def test_the_users_folder_is_left_alone(study, cache):
    before = sorted((path, path.lstat().st_mtime_ns, path.lstat().st_nlink) for path in study.rglob("*"))
    bids.numbered_input(cache, study)
    assert sorted((path, path.lstat().st_mtime_ns, path.lstat().st_nlink) for path in study.rglob("*")) == before


def redactor(cache: Path) -> Redactor:
    return Redactor.from_environment({}, cache=cache)


def test_what_a_library_says_of_the_real_files_is_named_by_number_too(study, cache):
    before = redactor(cache)
    assert before.text("sub-MaxMuster") == "sub-MaxMuster"
    made = bids.numbered_input(cache, study)
    first = next(iter(made.sizes))
    for one in (before, redactor(cache)):  # also one that was there before the data were numbered
        assert (
            one.text(f"open {study}/{FILES[0]}: failed")
            == f"open <yours>/subject-001/session-1/anat/{Path(first).name}: failed"
        )
        assert one.text(f"bids_root={study}") == "bids_root=<yours>"


@pytest.mark.parametrize(
    "text",
    [
        *FILES,
        *(json.dumps(name) for name in FILES),
        r"\nsub-JaneDoe1970\n",
        "copy-JaneDoe1970-old and old_JaneDoe1970.bak",
        "a%2Fsub-JaneDoe1970%2Fb",
        "\x1b[31msub-JaneDoe1970_T1w.nii\x1b[0m",
        "row of JaneDoe1970, seen on ses-20190312",
        "scratch/sub-MaxMuster_run-2_T1w.nii.gz.tmp",
        "file <b>sub-MaxMuster_run-2_T1w</b>.",
        "('/', 'data', 'Jane Doe study', 'anat')",
    ],
)
def test_the_names_go_wherever_they_stand(study, cache, text):
    bids.numbered_input(cache, study)
    made = redactor(cache)
    clean = made.text(text)
    assert not PRIVATE.search(clean)
    assert made.text(clean) == clean
    assert made.find(gzip.compress(text.encode())) != []
    assert made.find(clean.encode()) == []


@pytest.mark.parametrize(
    "text", ["bold t1w anat func run-1 session-1 subject-001 image-0001.nii", "sub-M2001_ses-1_T1w.nii"]
)
def test_the_words_of_every_study_stay(study, cache, text):
    bids.numbered_input(cache, study)
    assert redactor(cache).text(text) == text
    assert redactor(cache).find(text.encode()) == []


def test_files_that_are_named_by_number_already_are_not_renumbered_for_ever(tmp_path, cache):
    bids.numbered_input(
        cache, lay(tmp_path / "study", "sub-2/anat/image-0002_T1w.nii", "sub-1/anat/image-0007_T1w.nii")
    )
    assert (
        redactor(cache).text("image-0002.nii image-0007_T1w.nii sub-2")
        == "image-0002.nii image-0007_T1w.nii subject-002"
    )


def test_a_common_word_as_a_label_does_not_spoil_every_text(tmp_path, cache):
    bids.numbered_input(cache, lay(tmp_path / "study", "sub-secret/anat/sub-secret_T1w.nii"))
    assert redactor(cache).text("<secret> of sub-secret") == "<secret> of subject-001"


@pytest.mark.parametrize("name", ["cohort", "ds01"])
def test_a_folder_named_by_a_plain_or_short_word_goes_with_its_path_only(tmp_path, cache, name):
    bids.numbered_input(cache, lay(tmp_path / name, "sub-1/anat/sub-1_T1w.nii"))
    assert redactor(cache).text(f"{tmp_path}/{name}/x of the {name}") == f"<yours>/x of the {name}"


def test_without_data_of_ones_own_nothing_is_known(cache):
    assert numbered.private(cache / "own" / "nothing") == ([], {})
