"""write_shards: right and balanced shards, in bounded memory, resumable; nothing partial under a final name."""

import hashlib
import itertools
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import datasets
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
from repro.recipes.write_shards import ShardError, write_shards
from tests.bugs.embed_strategies import cases

FEATURES = Features({"id": Value("int64"), "scans": List(Nifti())})
KB = 1000


def shards(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.parquet"))


def hidden(folder: Path) -> list[Path]:
    return sorted(folder.glob(".*"))


def scans(folder: Path, rows: list[list[int]]) -> Dataset:
    """A dataset with a list of files in each row, of the sizes given."""
    count = itertools.count()

    def scan(size: int) -> str:
        path = folder / f"{next(count)}.nii"
        path.write_bytes(hashlib.shake_128(str(path).encode()).digest(size))
        return str(path)

    paths = [[scan(size) for size in row] for row in rows]
    return Dataset.from_dict({"id": list(range(len(rows))), "scans": paths}, features=FEATURES)


def write(dataset: Dataset, folder: Path, **options: Any) -> dict[str, Any]:
    return write_shards(dataset, folder, progress=False, **options)


@pytest.fixture
def source(tmp_path):
    (tmp_path / "source").mkdir()
    return tmp_path / "source"


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


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


def test_the_metadata_tells_the_true_size_of_the_column(source, out):
    write(scans(source, [[40 * KB, 7], [50 * KB]]), out)
    metadata = pq.read_metadata(shards(out)[0])
    (column,) = (c for c in map(metadata.row_group(0).column, range(3)) if c.path_in_schema.endswith(".bytes"))
    assert 90 * KB + 7 < column.total_uncompressed_size == column.total_compressed_size < 91 * KB
    assert metadata.row_group(0).total_byte_size > 90 * KB
    content = shards(out)[0].read_bytes()
    footer, _ = module._read_struct(content, len(content) - 8 - int.from_bytes(content[-8:-4], "little"))
    (meta,) = (chunk[3] for chunk in footer[4][0][1] if chunk[3][3][-1] == b"bytes")
    assert not meta.keys() & {12, 16}  # statistics would be those of empty values


def test_zstd_makes_zeros_vanish_and_says_so_in_the_metadata(tmp_path, out):
    (tmp_path / "zeros").write_bytes(bytes(5 * 2**20))
    dataset = Dataset.from_dict({"id": [0], "scans": [[str(tmp_path / "zeros")]]}, features=FEATURES)
    manifest = write(dataset, out, compression="zstd")
    assert manifest["shards"][0]["bytes"] < 20 * KB < manifest["shards"][0]["file_bytes"] == 5 * 2**20


# The plan


def test_shards_are_balanced_by_the_real_size_of_the_files(source, out):
    manifest = write(scans(source, [[900 * KB], *[[100 * KB]] * 9]), out, num_shards=2)
    assert [(s["start"], s["stop"]) for s in manifest["shards"]] == [(0, 1), (1, 10)]


def test_as_few_shards_as_the_size_allows_and_a_larger_row_has_its_own(source, out):
    manifest = write(scans(source, [[100 * KB]] * 4 + [[700 * KB]] + [[100 * KB]]), out, max_shard_bytes="250KB")
    assert [(s["start"], s["stop"]) for s in manifest["shards"]] == [(0, 2), (2, 4), (4, 5), (5, 6)]


@given(st.lists(st.integers(1, 50), min_size=1, max_size=30), st.data())
def test_a_partition_is_contiguous_complete_and_the_best_of_all(weights, data):
    count = data.draw(st.integers(1, len(weights)))
    bounds = module._partition(weights, count, 1)
    assert [start for start, _ in bounds] == [0, *(stop for _, stop in bounds[:-1])]
    assert bounds[-1][1] == len(weights) and len(bounds) == count and all(start < stop for start, stop in bounds)

    def best(rest: list[int], shares: int) -> int:  # the largest shard of the best partition, by trying all first cuts
        table = [sum(rest[:end]) for end in range(len(rest) + 1)]
        for _ in range(shares - 1):
            table = [
                min((max(table[cut], sum(rest[cut:end])) for cut in range(end)), default=0)
                for end in range(len(rest) + 1)
            ]
        return table[-1]

    assert max(sum(weights[start:stop]) for start, stop in bounds) == best(weights, count)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"max_shard_bytes": 0}, "max_shard_bytes=0"),
        ({"max_shard_bytes": "0MB"}, "max_shard_bytes='0MB'"),
        ({"max_shard_bytes": "lots"}, "max_shard_bytes='lots'"),
        ({"row_group_bytes": -1}, "row_group_bytes=-1"),
        ({"row_group_bytes": "3GB"}, "row_group_bytes=3000000000"),
        ({"num_shards": 0}, "num_shards=0"),
        ({"num_shards": 3}, "num_shards=3, but there are 2 rows"),
        ({"compression": "gzip"}, "compression='gzip'"),
        ({"split": "../up"}, "split='../up'"),
    ],
)
def test_a_senseless_argument_is_one_line_and_touches_nothing(options, said, source, out):
    with pytest.raises(ValueError) as caught:
        write(scans(source, [[1], [1]]), out, **options)
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert not out.exists()


def test_a_dataset_dict_is_refused_with_what_to_type(source, out):
    with pytest.raises(TypeError, match=r"one split: ds\['train'\]"):
        write(datasets.DatasetDict(train=scans(source, [[1]])), out)


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
    assert [path.name for path in shards(out)] == ["train-00000-of-00003.parquet"] and not hidden(out)


# Interruption


def test_the_manifest_holds_the_sha256_of_every_shard(source, out):
    manifest = write(scans(source, [[10], [20], [30]]), out, num_shards=2)
    assert json.loads((out / "train.manifest.json").read_text()) == manifest
    assert [s["sha256"] for s in manifest["shards"]] == [
        hashlib.sha256(p.read_bytes()).hexdigest() for p in shards(out)
    ]
    assert [s["bytes"] for s in manifest["shards"]] == [p.stat().st_size for p in shards(out)]


def test_the_same_call_again_keeps_every_shard(source, out):
    dataset = scans(source, [[10], [20], [30]])
    first = write(dataset, out, num_shards=2)
    before = [(path.stat().st_ino, path.stat().st_mtime_ns) for path in shards(out)]
    assert write(dataset, out, num_shards=2) == first
    assert [(path.stat().st_ino, path.stat().st_mtime_ns) for path in shards(out)] == before


@pytest.mark.parametrize("harm", ["a byte flipped", "cut short", "removed", "another input"])
def test_only_a_shard_that_is_not_as_it_was_is_written_again(harm, source, out):
    dataset = scans(source, [[1000], [2000], [3000]])
    write(dataset, out, num_shards=3)
    victim = shards(out)[1]
    kept = [path.stat().st_ino for path in (shards(out)[0], shards(out)[2])]
    content = victim.read_bytes()
    match harm:
        case "a byte flipped":
            victim.write_bytes(content[:500] + bytes([content[500] ^ 1]) + content[501:])
        case "cut short":
            os.truncate(victim, 500)
        case "removed":
            victim.unlink()
        case "another input":
            (source / "1.nii").write_bytes(b"new" * 1000)
    write(dataset, out, num_shards=3)
    assert [path.stat().st_ino for path in (shards(out)[0], shards(out)[2])] == kept
    wanted = (source / "1.nii").read_bytes()
    assert pq.read_table(victim)["scans"][0].as_py() == [{"bytes": wanted, "path": "1.nii"}]


@pytest.mark.parametrize("stranger", ["train-00000-of-00001.parquet", "train-00002-of-00007.parquet"])
def test_shards_of_another_plan_are_never_overwritten(stranger, source, out):
    out.mkdir()
    (out / stranger).write_bytes(b"mine")
    with pytest.raises(ValueError, match="choose an empty folder"):
        write(scans(source, [[10]]), out)
    assert (out / stranger).read_bytes() == b"mine"


SCRIPT = """
import json, sys
from datasets import Dataset, Features, List, Nifti, Value
from repro.recipes.write_shards import write_shards
features = Features({"id": Value("int64"), "scans": List(Nifti())})
dataset = Dataset.from_dict(json.loads(sys.argv[1]), features=features)
write_shards(dataset, sys.argv[2], num_shards=len(dataset), progress=False)
"""

KILLED = """
import os, signal, sys
from repro.recipes import write_shards as module
blocks = module._blocks
def deadly(file):
    for block in blocks(file):
        yield block
        if file.row == int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)
module._blocks = deadly
"""


def test_after_a_kill_finished_shards_are_kept_and_no_partial_one_has_a_final_name(source, out):
    rows, killed = 4, 2
    dataset = scans(source, [[3 * 2**20]] * rows)
    argument = json.dumps({"id": dataset["id"][:], "scans": [[str(source / f"{n}.nii")] for n in range(rows)]})
    child = subprocess.run([sys.executable, "-c", KILLED + SCRIPT, argument, str(out), str(killed)])
    assert child.returncode == -signal.SIGKILL
    assert hidden(out) and len(shards(out)) == killed
    finished = {entry["name"]: entry for entry in json.loads((out / "train.manifest.json").read_text())["shards"]}
    inodes = {name: (out / name).stat().st_ino for name in finished}
    manifest = write(dataset, out, num_shards=rows)
    assert len(inodes) == killed and len(manifest["shards"]) == rows
    assert {name: (out / name).stat().st_ino for name in inodes} == inodes
    assert not hidden(out)
    read = pa.concat_tables(pq.read_table(path) for path in shards(out))
    assert read.equals(embed_table_storage(dataset.data.table))


def test_a_full_disk_says_so_and_leaves_nothing_partial(source, out):
    dataset = scans(source, [[100 * KB], [5000 * KB]])
    argument = json.dumps({"id": [0, 1], "scans": [[str(source / "0.nii")], [str(source / "1.nii")]]})
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({2000 * KB}, {resource.RLIM_INFINITY}))"
    run = subprocess.run([sys.executable, "-c", limit + SCRIPT, argument, str(out)], capture_output=True, text=True)
    assert "OSError" in run.stderr and "finished shards are kept; make room" in run.stderr.splitlines()[-1]
    assert [path.name for path in shards(out)] == ["train-00000-of-00002.parquet"] and not hidden(out)
    assert len(write(dataset, out, num_shards=2)["shards"]) == 2


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
