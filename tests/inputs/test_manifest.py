"""A manifest says what a prepared input is, survives JSON, and refuses what it cannot read."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.errors import UserError
from repro.inputs.manifest import BLOCK, Kind, Manifest

names = st.text(alphabet="abcäß/_-. ", min_size=1, max_size=12)


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    rows: list[dict[str, Any]] = draw(
        st.lists(
            st.fixed_dictionaries(
                {
                    "id": st.none() | names,
                    "plain": st.none() | names,
                    "images": st.lists(names, max_size=3).map(tuple),
                }
            ),
            max_size=5,
        )
    )
    paths = {p for row in rows for p in (row["plain"], *row["images"]) if p is not None}
    sizes = {path: draw(st.integers(0, 2**40)) for path in sorted(paths)}
    features: dict[str, Kind] = {"id": "string", "plain": "nifti", "images": "sequence"}
    return Manifest(Path("/data"), draw(names), features, tuple(rows), sizes, tuple(draw(st.lists(names, max_size=2))))


@pytest.fixture
def small():
    return Manifest(
        root=Path("/data"),
        name="small",
        features={"id": "string", "plain": "nifti", "images": "sequence"},
        rows=(
            {"id": "a", "plain": "1.nii", "images": ("1.nii", "2.nii")},
            {"id": "b", "plain": None, "images": ()},
            {"id": "c", "plain": "3.nii", "images": ("4.nii",)},
        ),
        sizes={"1.nii": 10, "2.nii": 20, "3.nii": 400, "4.nii": 8000},
    )


@given(manifests())
def test_what_is_saved_is_what_is_loaded(tmp_path_factory, manifest):
    path = tmp_path_factory.mktemp("saved") / "manifest.json"
    manifest.save(path)
    assert Manifest.load(path) == manifest


@given(manifests())
def test_the_rows_bytes_are_the_bytes_of_the_files_they_name(manifest):
    every = manifest.files_of(range(len(manifest.rows)))
    assert len(every) == len(set(every))
    assert sum(manifest.sizes[path] for path in every) == manifest.total_bytes()


def test_saved_in_its_own_root_it_can_be_moved(tmp_path, small):
    (tmp_path / "before").mkdir()
    Manifest(tmp_path / "before", "m", small.features, small.rows, small.sizes).save(tmp_path / "before/manifest.json")
    assert str(tmp_path) not in (tmp_path / "before/manifest.json").read_text()
    (tmp_path / "before").rename(tmp_path / "after")
    assert Manifest.load(tmp_path / "after/manifest.json").root == tmp_path / "after"


def test_files_come_by_row_then_column_each_once(small):
    assert small.files_of([2, 0]) == ["3.nii", "4.nii", "1.nii", "2.nii"]
    assert small.files_of([1]) == []


def test_the_summary_counts_values_bytes_and_empty_lists(small):
    assert small.summary() == {
        "name": "small",
        "rows": 3,
        "files": 4,
        "counts": {"plain": 2, "images": 3},
        "apparent_bytes": 8430,
        "min_row_bytes": 0,
        "max_row_bytes": 8400,
        "rows_with_empty_lists": 1,
        "ignored_files": 0,
    }


def test_another_version_is_refused_with_the_remedy(tmp_path):
    folder = tmp_path / "arc-1-3-v1"
    folder.mkdir()
    path = folder / "manifest.json"
    path.write_text(json.dumps({"schema": 2, "root": "."}))
    with pytest.raises(UserError, match=f"schema 2, this version reads 1: delete the folder {folder} and"):
        Manifest.load(path)


def test_the_remedy_never_names_a_folder_of_the_user(tmp_path):
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"schema": 2, "root": "/home/data"}))
    with pytest.raises(UserError, match="delete that file"):
        Manifest.load(path)


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_a_damaged_file_is_refused_in_one_line(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(UserError, match="delete the folder") as caught:
        Manifest.load(tmp_path / "manifest.json")
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_a_users_error(tmp_path):
    with pytest.raises(UserError, match="no input manifest"):
        Manifest.load(tmp_path / "manifest.json")


def test_sha256_is_that_of_the_content_beyond_one_block(tmp_path, small):
    content = bytes(range(256)) * (BLOCK // 256) + b"more"
    (tmp_path / "1.nii").write_bytes(content)
    (tmp_path / "2.nii").write_bytes(b"")
    manifest = Manifest(tmp_path, "m", small.features, small.rows, small.sizes)
    assert manifest.sha256(["1.nii", "2.nii"]) == {
        "1.nii": hashlib.sha256(content).hexdigest(),
        "2.nii": hashlib.sha256(b"").hexdigest(),
    }


def test_importing_it_loads_no_scientific_library():
    code = "import sys, repro.inputs.manifest; print({'numpy', 'nibabel', 'filelock'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
