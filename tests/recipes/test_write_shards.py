"""write_shards: right and balanced shards, in bounded memory, resumable; nothing partial under a final name."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Array2D, Dataset, Features, List, Nifti, Value, load_dataset
from datasets.table import embed_table_storage
from hypothesis import given
from hypothesis import strategies as st

from repro.bugs.embed_sliced_list.gate import cases as gate
from repro.recipes import write_shards as module
from repro.recipes.write_shards import ShardError
from tests.bugs.embed_strategies import cases
from tests.recipes.shards import FEATURES, KB, hidden, scans, shards, write

# What comes out


def through_shards(**options: Any) -> gate.Candidate:
    def candidate(shard: Dataset) -> pa.Table:
        with tempfile.TemporaryDirectory() as folder:
            try:
                write(shard, Path(folder), **options)
                return pa.concat_tables(pq.read_table(path) for path in shards(Path(folder)))
            finally:
                assert not hidden(Path(folder))

    return candidate


@given(cases(), st.sampled_from(["none", "zstd"]), st.integers(1, 2000))
def test_every_case_of_the_gate_is_right(case, compression, size):
    options = {"compression": compression, "max_shard_bytes": size, "row_group_bytes": max(size // 2, 1)}
    verdict = gate.check(through_shards(**options), case)
    assert verdict["kind"] == "ok", verdict


@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_load_dataset_gives_the_same_features_and_bytes(compression, source, out):
    dataset = scans(source, [[5000, 0], [], [70], [3 * 2**20]])
    write(dataset, out, num_shards=2, compression=compression)
    loaded = load_dataset(
        "parquet", data_files=[str(path) for path in shards(out)], split="train", cache_dir=str(out / "cache")
    )
    assert loaded.features == dataset.features
    wanted = embed_table_storage(dataset.data.table)
    assert loaded.with_format("arrow")[:].equals(wanted, check_metadata=True)


def test_columns_without_files_are_copied_whatever_their_type(out):
    features = Features({"grid": Array2D((2, 2), "int32"), "raw": Value("binary"), "name": Value("string")})
    dataset = Dataset.from_dict(
        {"grid": [[[1, 2], [3, 4]]] * 3, "raw": [b"ab", None, b""], "name": ["x", None, "y"]}, features=features
    )
    write(dataset, out, num_shards=2)
    assert [path.name for path in shards(out)] == ["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"]
    read = pa.concat_tables(pq.read_table(path) for path in shards(out))
    assert read.equals(dataset.data.table, check_metadata=True)


def test_a_dataset_of_no_rows_makes_one_shard_with_its_features(out):
    write(scans(out, []), out)
    assert Features.from_arrow_schema(pq.read_schema(out / "train-00000-of-00001.parquet")) == FEATURES


def test_remote_files_are_read_where_they_are(out):
    fsspec.filesystem("memory").pipe("/far/scan.nii", b"remote")
    write(Dataset.from_dict({"id": [0], "scans": [["memory://far/scan.nii"]]}, features=FEATURES), out)
    assert pq.read_table(shards(out)[0])["scans"].to_pylist() == [[{"bytes": b"remote", "path": "scan.nii"}]]


def test_files_hidden_under_a_null_list_of_fixed_length_are_not_read(tmp_path, out):
    features = Features({"pair": List(Nifti(), length=1)})
    gone = pa.array([{"path": str(tmp_path / "gone")}], Nifti.pa_type)
    pairs = pa.FixedSizeListArray.from_arrays(gone, 1, mask=pa.array([True]))
    write(Dataset(pa.table([pairs], schema=features.arrow_schema)), out)
    assert pq.read_table(shards(out)[0]).to_pylist() == [{"pair": None}]


def test_a_row_group_holds_what_its_budget_allows_or_one_row(source, out):
    write(scans(source, [[40 * KB], [40 * KB], [40 * KB], [400 * KB], [10]]), out, row_group_bytes=100 * KB)
    metadata = pq.read_metadata(shards(out)[0])
    assert [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)] == [2, 1, 1, 1]


def page(content: bytes, at: int, compression: str) -> tuple[int, int, list[bytes]]:
    """One page of file bytes: where it ends, its size when unpacked, its values."""
    header, body = module._read_struct(content, at)
    end, first = body + header[3], body + header[8][5] + header[8][6]
    data = pa.BufferReader(content[first:end])
    unpacked = data.read() if compression == "none" else pa.input_stream(data, compression=compression).read()
    assert header[2] == first - body + len(unpacked)
    values, rest = [], unpacked
    while rest:
        size = int.from_bytes(rest[:4], "little")
        values.append(rest[4 : 4 + size])
        rest = rest[4 + size :]
    return end, body - at + header[2], values


@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_the_metadata_tells_every_size_and_place_to_the_byte(compression, source, out):
    sizes = [[40 * KB, 7], [], [0, 50 * KB], [2**20, 1]]
    write(scans(source, sizes), out, compression=compression, row_group_bytes=100 * KB)
    content = shards(out)[0].read_bytes()
    footer, end = module._read_struct(content, len(content) - 8 - int.from_bytes(content[-8:-4], "little"))
    at, found = 4, []
    for group in footer[4]:
        columns = [chunk[3] for chunk in group[1]]
        assert (group[5], group[2], group[6]) == (at, sum(c[6] for c in columns), sum(c[7] for c in columns))
        for column in columns:
            assert min(column[9], column.get(11, column[9])) == at
            stop = at + column[7]
            if column[3][-1] == b"bytes":
                assert not column.keys() & {12, 16}  # statistics would be those of empty values
                unpacked = 0
                while at < stop:
                    at, size, values = page(content, at, compression)
                    unpacked += size
                    found += values
                assert (at, unpacked) == (stop, column[6])
            at = stop
    assert end == len(content) - 8 and len(footer[4]) == 2
    assert found == [(source / f"{number}.nii").read_bytes() for number in range(sum(map(len, sizes)))]


@pytest.mark.parametrize("rows", [[[10]], [[10], [10], [10]], [[300 * KB], [300 * KB]]])
def test_a_shard_that_does_not_hold_its_rows_never_gets_its_name(rows, source, out, monkeypatch):
    write(scans(source, rows), out / "other", row_group_bytes=400 * KB)
    content = shards(out / "other")[0].read_bytes()
    monkeypatch.setattr(module, "_splice", lambda view, groups, shard, *_: shard.put(content))
    with pytest.raises(RuntimeError, match="would not hold the rows it should"):
        write(scans(source, [[10], [10]]), out)
    assert not shards(out) and not hidden(out)


def test_zstd_makes_zeros_vanish_and_says_so_in_the_metadata(tmp_path, out):
    (tmp_path / "zeros").write_bytes(bytes(5 * 2**20))
    dataset = Dataset.from_dict({"id": [0], "scans": [[str(tmp_path / "zeros")]]}, features=FEATURES)
    manifest = write(dataset, out, compression="zstd")
    assert manifest["shards"][0]["bytes"] < 20 * KB < manifest["shards"][0]["file_bytes"] == 5 * 2**20


# Bad files


@pytest.mark.parametrize("absent", ["missing", "folder"])
def test_a_bad_file_in_the_last_row_is_named_before_anything_is_written(absent, source, out):
    dataset = scans(source, [[10], [10, 10]])
    (source / "2.nii").unlink()
    if absent == "folder":
        (source / "2.nii").mkdir()
    with pytest.raises(ShardError) as caught:
        write(dataset, out)
    assert (caught.value.column, caught.value.row, caught.value.path) == ("scans", 1, str(source / "2.nii"))
    assert not out.exists()


def test_a_row_past_what_can_be_read_back_is_refused_before_anything_is_written(source, out):
    dataset = scans(source, [[10], [10, 10]])
    for name in ("1.nii", "2.nii"):
        os.truncate(source / name, 2**30)  # sparse
    with pytest.raises(ShardError, match="in one row of one column") as caught:
        write(dataset, out)
    assert (caught.value.column, caught.value.row) == ("scans", 1) and not out.exists()


@pytest.mark.parametrize("change", ["grows", "shrinks", "is rewritten", "vanishes"])
@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_a_file_that_changes_after_the_plan_is_named_and_finished_shards_stay(
    change, compression, source, out, monkeypatch
):
    dataset = scans(source, [[300], [300], [300]])
    path = source / "1.nii"
    blocks = module._blocks

    def disturbed(file: Any) -> Any:
        if file.path == str(path):
            match change:
                case "grows":
                    path.write_bytes(bytes(301))
                case "shrinks":
                    path.write_bytes(bytes(299))
                case "is rewritten":
                    os.utime(path, ns=(1, 1))
                case "vanishes":
                    path.unlink()
        return blocks(file)

    monkeypatch.setattr(module, "_blocks", disturbed)
    with pytest.raises(ShardError) as caught:
        write(dataset, out, num_shards=3, compression=compression)
    assert (caught.value.column, caught.value.row, caught.value.path) == ("scans", 1, str(path))
    said = {"vanishes": "No such file", "is rewritten": "written to"}.get(change, "its size changed")
    assert said in caught.value.reason
    manifest = json.loads((out / "train.manifest.json").read_text())
    kept = [path.name for path in shards(out)]  # the third is written beside the first two, or not begun
    assert kept == [entry["name"] for entry in manifest["shards"]] and not hidden(out)
    assert kept[0] == "train-00000-of-00003.parquet" and "train-00001-of-00003.parquet" not in kept


# Memory


PEAK = """
import json, resource, sys
from datasets import Dataset, Features, List, Nifti, Value
from repro.recipes.write_shards import write_shards
features = Features({"id": Value("int64"), "scans": List(Nifti())})
small, large = (Dataset.from_dict({"id": [0], "scans": [[path]]}, features=features) for path in sys.argv[1:3])
peaks = []
for dataset, folder in ((small, "small"), (large, "large")):
    write_shards(dataset, sys.argv[3] + folder, progress=False, compression=sys.argv[4])
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024))
print(peaks[1] - peaks[0])
"""


@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_memory_does_not_grow_with_the_size_of_a_file(compression, source, out):
    size = 200 * 2**20
    (source / "small").write_bytes(bytes(2**20))
    (source / "large").touch()
    os.truncate(source / "large", size)  # sparse
    command = [sys.executable, "-c", PEAK, str(source / "small"), str(source / "large"), str(out), compression]
    grown = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert grown < size // 8
