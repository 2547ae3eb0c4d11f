"""Parquet inputs: the layouts are what they say, the rows are the same everywhere, a file is whole or absent."""

import hashlib

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repro.errors import UserError
from repro.inputs import parquet
from repro.inputs.parquet import LAYOUTS, Layout, build, row_groups


def test_the_file_is_cut_as_its_layout_says(tmp_path):
    metadata = pq.read_metadata(build(tmp_path, "small", seed=1))
    layout = LAYOUTS["small"]
    assert metadata.num_rows == layout.total_rows
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [layout.rows] * 64


def test_a_row_group_takes_as_many_bytes_on_disk_as_its_values(tmp_path):
    path = build(tmp_path, "small", seed=1)
    image = pq.read_metadata(path).row_group(0).column(1)
    assert image.compression == "UNCOMPRESSED"
    assert 1.0 <= image.total_compressed_size / LAYOUTS["small"].group_bytes < 1.1
    assert 1.0 <= path.stat().st_size / LAYOUTS["small"].total_bytes < 1.1


def test_the_large_layout_is_the_reported_file():
    large = LAYOUTS["large"]
    assert (large.row_groups, large.rows < 100) == (5, True)
    assert large.total_bytes == pytest.approx(300e6, rel=0.06)
    assert LAYOUTS["medium"].group_bytes == 8 << 20


def test_the_rows_depend_on_the_seed_alone():
    """A known digest: another machine, or another Python, must make the same rows."""
    (table,) = row_groups(Layout(row_groups=1, rows=3, value_bytes=16), seed=45214)
    assert table["id"].to_pylist() == [0, 1, 2]
    digest = hashlib.sha256(b"".join(table["image"].to_pylist())).hexdigest()
    assert digest == "20dc4f77c14abd787db4da043f8ffe19d46a3c2e3c2e4a338757cd74a0473f4b"


@settings(max_examples=20)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 64), st.integers(0, 2**32))
def test_every_layout_holds_the_rows_and_bytes_it_promises(groups, rows, value_bytes, seed):
    layout = Layout(groups, rows, value_bytes)
    tables = list(row_groups(layout, seed))
    assert [i for table in tables for i in table["id"].to_pylist()] == list(range(layout.total_rows))
    assert sum(len(value) for table in tables for value in table["image"].to_pylist()) == layout.total_bytes


def test_a_finished_file_is_reused(tmp_path, monkeypatch):
    first = build(tmp_path, "small", seed=1)
    monkeypatch.setattr(parquet, "_write", lambda *_: pytest.fail("written twice"))
    assert build(tmp_path, "small", seed=1) == first
    with pytest.raises(pytest.fail.Exception):
        build(tmp_path, "small", seed=2)


def test_an_interrupted_write_leaves_no_file_under_the_final_name_and_no_rest(tmp_path, monkeypatch):
    def interrupted(layout, seed):
        yield next(row_groups(layout, seed))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(parquet, "row_groups", interrupted)
        with pytest.raises(KeyboardInterrupt):
            build(tmp_path, "small", seed=1)
    assert [path.name for path in (tmp_path / "parquet").iterdir() if path.suffix != ".lock"] == []
    assert pq.read_metadata(build(tmp_path, "small", seed=1)).num_row_groups == 64


def test_an_unknown_layout_is_refused_with_the_nearest_name(tmp_path):
    with pytest.raises(UserError, match="'medium'"):
        build(tmp_path, "meduim", seed=1)


def test_a_full_disk_is_refused_before_writing(tmp_path, monkeypatch):
    def full(folder, needed):
        raise UserError(f"needs {needed}")

    monkeypatch.setattr(parquet, "require_free", full)
    with pytest.raises(UserError, match=str(2 * LAYOUTS["small"].total_bytes)):
        build(tmp_path, "small", seed=1)
    assert not list((tmp_path / "parquet").glob("*.parquet"))
