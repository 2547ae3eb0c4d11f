"""direct_embed equals the shipped embed of an unsliced copy, opens only what it needs, and names what fails."""

import logging
import os
import pickle
import tempfile
from pathlib import Path
from typing import Any

import datasets
import fsspec
import pyarrow as pa
import pytest
from datasets import Audio, Dataset, Features, Image, List, Nifti, Value
from datasets.table import embed_table_storage
from hypothesis import given

from repro.bugs.embed_sliced_list.gate import cases as gate
from repro.bugs.embed_sliced_list.workarounds import direct_embed as module
from repro.bugs.embed_sliced_list.workarounds.direct_embed import EmbedError, direct_embed
from tests.bugs.embed_strategies import cases

LIST = Features({"id": Value("int64"), "scans": List(Nifti())})


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / f"scan-{number}.nii" for number in range(4)]
    for number, path in enumerate(paths):
        path.write_bytes(bytes([number]) * (number * 1000))
    return paths


def lists(rows: list[list[Path]]) -> Dataset:
    return Dataset.from_dict(
        {"id": list(range(len(rows))), "scans": [[str(path) for path in row] for row in rows]}, features=LIST
    )


@given(cases())
def test_every_case_of_the_gate_is_right(case):
    verdict = gate.check(direct_embed, case)
    assert verdict["kind"] == "ok", verdict


@given(cases())
def test_it_equals_the_shipped_embed_of_an_unsliced_copy(case):
    if case["absent"] == "needed" or not gate.view(case):
        return
    with tempfile.TemporaryDirectory() as folder:
        shard = gate.build(case, Path(folder))
        copy = pa.table(
            [pa.array(column.to_pylist(), column.type) for column in shard.with_format("arrow")[:].columns],
            schema=shard.features.arrow_schema,
        )
        wanted, result = embed_table_storage(copy), direct_embed(shard)
    assert result.equals(wanted, check_metadata=True)


def test_it_takes_a_table_as_well(files):
    shard = lists([[files[1]], [files[2], files[3]]]).select(range(1, 2))
    assert direct_embed(shard.with_format("arrow")[:]).equals(direct_embed(shard), check_metadata=True)


def test_only_the_files_of_the_shard_are_opened(files, monkeypatch):
    opened: list[Path] = []
    read = module._read_into

    def noted(file: Any, *rest: Any) -> None:
        opened.append(Path(file.name))
        read(file, *rest)

    monkeypatch.setattr(module, "_read_into", noted)
    direct_embed(lists([[files[0], files[1]], [files[2]], [files[3]]]).select(range(1, 2)))
    assert opened == [files[2]]


def test_all_bytes_of_a_column_lie_in_one_buffer_of_their_size(files):
    table = direct_embed(lists([[files[1]], [], [files[2], files[3]]]))
    values = table["scans"].chunk(0).values.field("bytes").buffers()[2]
    assert values.size == 1000 + 2000 + 3000


def test_files_hidden_under_a_null_are_not_read(tmp_path):
    """Finding: 5.2.0 reads the file under a null struct, and fails if it is gone."""
    inner = pa.StructArray.from_arrays(
        [pa.array([None], pa.binary()), pa.array([str(tmp_path / "gone")])], ["bytes", "path"]
    )
    hidden = pa.StructArray.from_arrays([inner], ["scan"], mask=pa.array([True]))
    table = pa.table([hidden], schema=Features({"case": {"scan": Nifti()}}).arrow_schema)
    with pytest.raises(FileNotFoundError):
        embed_table_storage(table)
    assert direct_embed(table).to_pylist() == [{"case": None}]


def test_files_hidden_under_a_null_list_of_fixed_length_are_not_read(tmp_path):
    """Finding: 5.2.0 reads these too."""
    gone = pa.array([{"path": str(tmp_path / "gone")}], Nifti.pa_type)
    pairs = pa.FixedSizeListArray.from_arrays(gone, 1, mask=pa.array([True]))
    table = pa.table([pairs], schema=Features({"pair": List(Nifti(), length=1)}).arrow_schema)
    with pytest.raises(FileNotFoundError):
        embed_table_storage(table)
    assert direct_embed(table).to_pylist() == [{"pair": None}]


def test_an_entry_with_neither_bytes_nor_path_stays_so():
    """Finding: 5.2.0 raises TypeError (can't concat str to bytes) for it."""
    features = Features({"scan": Nifti()})
    table = pa.table([pa.array([{"bytes": None, "path": None}], Nifti.pa_type)], schema=features.arrow_schema)
    with pytest.raises(TypeError):
        embed_table_storage(table)
    assert direct_embed(table).to_pylist() == [{"scan": {"bytes": None, "path": None}}]


@pytest.mark.parametrize("feature", [Nifti(), Image(), Audio()], ids=str)
def test_remote_paths_go_through_the_feature_itself(feature, files):
    fsspec.filesystem("memory").pipe("/far/scan.nii", b"remote")
    table = pa.table(
        [pa.array([{"path": "memory://far/scan.nii"}, {"path": str(files[1])}], feature.pa_type)],
        schema=Features({"scan": feature}).arrow_schema,
    )
    result = direct_embed(table)
    assert result.equals(embed_table_storage(table), check_metadata=True)
    assert result["scan"][0].as_py() == {"bytes": b"remote", "path": "scan.nii"}


def test_a_remote_file_that_is_not_there_is_named():
    shard = Dataset.from_dict({"id": [0], "scans": [["memory://far/gone.nii"]]}, features=LIST)
    assert refused(shard)[:3] == ("scans", 0, "memory://far/gone.nii")


def test_bytes_that_are_all_there_are_not_copied():
    features = Features({"scan": Nifti()})
    table = pa.table([pa.array([{"bytes": b"x" * 99, "path": "a/b.nii"}], Nifti.pa_type)], schema=features.arrow_schema)
    result = direct_embed(table)
    before, after = (t["scan"].chunk(0).field("bytes").buffers()[2].address for t in (table, result))
    assert before == after
    assert result.to_pylist() == [{"scan": {"bytes": b"x" * 99, "path": "b.nii"}}]


def test_past_the_limit_of_binary_the_table_is_split_by_rows_and_the_log_says_so(files, caplog):
    shard = lists([[files[3]], [files[1], files[2]], [], [files[3]]])
    with caplog.at_level(logging.INFO, logger=module.__name__):
        table = direct_embed(shard, chunk_bytes=3000)
    assert table.equals(embed_table_storage(shard.data.table), check_metadata=True)
    assert table["scans"].num_chunks > 1
    assert "split by rows" in caplog.text


def test_a_row_past_the_limit_is_refused_before_anything_is_read(files, monkeypatch):
    monkeypatch.setattr(module, "_read_into", lambda *_: pytest.fail("a file was read"))
    with pytest.raises(EmbedError, match="5000 bytes in one row") as caught:
        direct_embed(lists([[], [files[2], files[3]]]), chunk_bytes=4999)
    assert (caught.value.column, caught.value.row) == ("scans", 1)


def refused(shard: Dataset) -> tuple[str, int, str | None, str]:
    with pytest.raises(EmbedError) as caught:
        direct_embed(shard)
    error = pickle.loads(pickle.dumps(caught.value))  # it may come out of a worker process
    assert str(error) == str(caught.value) and "\n" not in str(error)
    return error.column, error.row, error.path, error.reason


def test_a_missing_file_is_named(files):
    files[2].unlink()
    column, row, path, reason = refused(lists([[], [files[1]], [files[3], files[2]]]))
    assert (column, row, path) == ("scans", 2, str(files[2])) and "No such file" in reason


def test_a_struct_field_is_named_by_its_path(tmp_path):
    features = Features({"case": {"scan": Nifti()}})
    shard = Dataset.from_dict({"case": [{"scan": str(tmp_path / "gone")}]}, features=features)
    assert refused(shard)[0] == "case.scan"


def test_the_row_counts_through_chunks(files):
    files[3].unlink()
    shard = datasets.concatenate_datasets([lists([[files[1]], [files[2]]]), lists([[files[3]]])])
    assert refused(shard)[1] == 2


@pytest.mark.parametrize("what", ["folder", "pipe"])
def test_what_is_not_a_regular_file_is_refused_and_never_waited_for(what, tmp_path):
    path = tmp_path / what
    path.mkdir() if what == "folder" else os.mkfifo(path)
    assert refused(lists([[path]]))[3] == "not a regular file"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_named(files):
    files[1].chmod(0)
    assert refused(lists([[files[1]]]))[2:] == (str(files[1]), "Permission denied")


def grow(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size + 1))


def shrink(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size - 1))


@pytest.mark.parametrize(
    ("change", "said"), [(grow, "size changed"), (shrink, "size changed"), (Path.unlink, "No such file")]
)
def test_a_file_that_changes_after_its_size_was_taken_is_an_error(change, said, files, monkeypatch):
    read = module._read_part

    def disturbed(*part: Any) -> None:
        change(files[2])
        read(*part)

    monkeypatch.setattr(module, "_read_part", disturbed)
    column, row, path, reason = refused(lists([[], [files[2]]]))
    assert (column, row, path) == ("scans", 1, str(files[2])) and said in reason


def test_a_file_that_is_rewritten_while_it_is_read_is_an_error(files, monkeypatch):
    read = module._read_into

    def touched(file: Any, entry: Any, *rest: Any) -> None:
        os.utime(files[2], ns=(1, entry.changed_ns + 1_000_000_000))
        read(file, entry, *rest)

    monkeypatch.setattr(module, "_read_into", touched)
    assert "written to since" in refused(lists([[files[2]]]))[3]


@pytest.mark.skipif(not Path("/proc/version").exists(), reason="needs a file whose size is not told")
def test_a_file_that_hides_its_size_is_refused_rather_than_embedded_empty():
    assert "size changed" in refused(lists([[Path("/proc/version")]]))[3]


@pytest.mark.parametrize("part", [1, 7, 999, 1000, 1001])
def test_a_file_read_in_parts_is_whole_and_opened_once(part, files, monkeypatch):
    monkeypatch.setattr(module, "PART", part)
    files[1].write_bytes(bytes(range(250)) * 4)
    shard = lists([[files[0]], [files[1]]])
    opened: list[Path] = []

    def noted(path: Path, *how: Any, **more: Any) -> Any:
        opened.append(path)
        return real(path, *how, **more)

    real = Path.open
    monkeypatch.setattr(Path, "open", noted)
    table = direct_embed(shard)
    assert sorted(opened) == sorted(files[:2])
    assert table.equals(embed_table_storage(shard.data.table), check_metadata=True)
