"""The cases of the Spaces report: its ids, one row a file, the same bytes everywhere, whole or absent."""

import hashlib
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from repro.errors import UserError
from repro.inputs import cases
from repro.inputs.cases import Layout, build, files, subjects


def test_the_table_holds_the_ids_of_the_report():
    ids = subjects()
    assert (len(ids), len(set(ids))) == (149, 149)
    assert (ids[0], ids[17], ids[-1]) == ("sub-stroke0001", "sub-stroke0019", "sub-stroke0189")
    assert ids == sorted(ids)


@pytest.mark.parametrize(
    ("layout", "rows", "groups"),
    [
        (Layout(5, 100), [1] * 5, [1]),
        (Layout(5, 100, rows_per_file=2, rows_per_group=2), [2, 2, 1], [2]),
        (Layout(5, 100, rows_per_file=5), [5], [1] * 5),
    ],
)
def test_the_files_are_cut_as_the_layout_says(tmp_path, layout, rows, groups):
    found = files(build(tmp_path, layout, seed=1))
    read = [pq.read_metadata(path) for path in found]
    assert [one.num_rows for one in read] == rows
    assert [read[0].row_group(i).num_rows for i in range(read[0].num_row_groups)] == groups
    assert [path.name for path in found] == [f"train-{i:05d}-of-{len(rows):05d}.parquet" for i in range(len(rows))]
    assert [i for path in found for i in pq.read_table(path)["subject_id"].to_pylist()] == subjects()[:5]


def test_a_file_takes_as_many_bytes_as_its_images(tmp_path):
    layout = Layout(3, 10_000)
    sizes = [path.stat().st_size for path in files(build(tmp_path, layout, seed=1))]
    assert 1.0 <= sum(sizes) / layout.total_bytes < 1.2


@pytest.mark.parametrize("kind", ["binary", "nifti"])
def test_the_digests_are_those_of_the_images(tmp_path, kind):
    layout = Layout(2, 100, kind=kind)
    row = pq.read_table(files(build(tmp_path, layout, seed=1))[1]).to_pylist()[0]
    values = [row[column] if kind == "binary" else row[column]["bytes"] for column in cases.IMAGES]
    assert [hashlib.sha256(value).hexdigest() for value in values] == cases.digests(layout, 1, row["subject_id"])


def test_the_images_depend_on_the_seed_alone():
    """A known digest: another machine, or another Python, must make the same bytes."""
    value = cases.image(45214, "sub-stroke0001", "dwi", 16)
    assert value.hex() == "2f7ec70d59738b30d3dd28ca6571c42e"
    assert cases.image(1, "sub-stroke0001", "dwi", 16) != value


@pytest.mark.parametrize("layout", [Layout(150, 100), Layout(0, 100), Layout(1, 0), Layout(1, 1, rows_per_file=0)])
def test_figures_that_make_no_files_are_refused(tmp_path, layout):
    with pytest.raises(UserError, match="give a number from 1 to"):
        build(tmp_path, layout, seed=1)


def test_what_a_killed_builder_left_is_no_input(tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cases, "_table", killed)
    with pytest.raises(KeyboardInterrupt):
        build(tmp_path, Layout(2, 100), seed=1)
    monkeypatch.undo()
    assert len(files(build(tmp_path, Layout(2, 100), seed=1))) == 2
    assert not list(Path(tmp_path).rglob("*.partial"))
