"""The recipe check-upload on real Parquet files: full, empty, in part, no statistics, here and in a repository."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from repro import places, targets
from repro.hub.child import Child
from repro.hub.record import Record
from repro.model import TargetInfo
from repro.recipes import check_upload
from repro.recipes.check_upload import CheckError, check, main

FILE = pa.struct({"bytes": pa.binary(), "path": pa.string()})
SHAPES = {"plain": FILE, "list": pa.list_(FILE), "large": pa.large_list(FILE), "struct": pa.struct({"inner": FILE})}
FULL, BARE = {"bytes": bytes(2000), "path": "a.nii"}, {"bytes": None, "path": "/home/me/a.nii"}


def shaped(shape: str, value: Any) -> Any:
    if value is None:
        return None
    return {"plain": value, "struct": {"inner": value}}.get(shape, [value])


def written(folder: Path, values: list[Any], kind: Any = FILE, name: str = "train-0.parquet", **how: Any) -> Path:
    table = pa.table({"id": pa.array(range(len(values))), "scan": pa.array(values, kind)})
    pq.write_table(table, folder / name, **how)
    return folder


def states(folder: Path) -> list[str]:
    return [one.state for one in check(folder)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("values", "state"),
    [
        ([FULL, FULL, None], "filled"),
        ([BARE, BARE, None], "empty"),
        ([FULL, BARE, None], "partly"),
        ([None, None], "none"),
        ([{"bytes": b"", "path": "a.nii"}] * 3, "empty"),
        ([{"bytes": bytes(2000), "path": None}], "filled"),
        ([], "none"),
    ],
    ids=["full", "empty", "some", "nulls", "no-length", "no-path", "no-rows"],
)
def test_the_footer_tells_files_from_names_of_files(tmp_path, shape, values, state):
    written(tmp_path, [shaped(shape, value) for value in values], SHAPES[shape], row_group_size=2)
    assert states(tmp_path) == [state]


def test_empty_lists_are_nulls_too_and_no_fault(tmp_path):
    written(tmp_path, [[], [], None], SHAPES["list"], name="only-empty.parquet")
    written(tmp_path, [[], [FULL, FULL], []], SHAPES["list"], name="with-some.parquet")
    assert states(tmp_path) == ["none", "filled"]
    assert main([str(tmp_path)]) == 0


def test_without_statistics_size_tells_of_data_and_their_absence_is_not_known(tmp_path):
    written(tmp_path, [FULL] * 3, name="full.parquet", write_statistics=False)
    written(tmp_path, [BARE] * 3, name="not.parquet", write_statistics=False)
    assert states(tmp_path) == ["filled", "unknown"]
    assert main([str(tmp_path)]) == 3


def test_one_empty_shard_among_many_is_said_in_the_last_line(tmp_path, capsys):
    written(tmp_path, [FULL], name="a.parquet")
    written(tmp_path, [BARE, BARE], name="b.parquet")
    assert main([str(tmp_path)]) == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "EMPTY: 1 of 2 file columns; b.parquet: scan: no bytes for 2 paths"


def test_a_footer_longer_than_the_first_read_is_read_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(check_upload, "TAIL", 64)
    assert states(written(tmp_path, [FULL])) == ["filled"]


@pytest.mark.parametrize("content", [b"", b"PAR1", b"x" * 100, b"\xff" * 100 + b"PAR1", b"x" * 92 + b"\x08\0\0\0PAR1"])
def test_what_is_no_parquet_file_is_said_in_one_line(tmp_path, capsys, content):
    (tmp_path / "a.parquet").write_bytes(content)
    assert main([str(tmp_path)]) == 3
    assert capsys.readouterr().err.startswith("cannot tell: a.parquet: ")


def test_no_parquet_file_and_no_file_column_are_never_well(tmp_path, capsys):
    assert main([str(tmp_path)]) == 3
    pq.write_table(pa.table({"path": ["a.nii"]}), tmp_path / "a.parquet")
    assert main([str(tmp_path)]) == 3
    assert "no column of files" in capsys.readouterr().out


# ---- in a repository --------------------------------------------------------------------------------------------

UPLOAD = """
import sys
from huggingface_hub import HfApi
HfApi().create_repo("me/scans", repo_type="dataset")
HfApi().upload_folder(folder_path=sys.argv[1], repo_id="me/scans", repo_type="dataset")
"""


@pytest.fixture
def hub(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Child]:
    folder = tmp_path / "hub"
    folder.mkdir()
    with closing(Child(folder, getattr(request, "param", ()), {})) as child:
        yield child


def in_client(hub: Child, home: Path, *command: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "HF_HUB_DISABLE_TELEMETRY": "1", **hub.environment}
    return subprocess.run([sys.executable, *command], capture_output=True, text=True, env=env, cwd=home)


def checked(hub: Child, home: Path, folder: Path) -> tuple[subprocess.CompletedProcess[str], Record]:
    """The command against a repository with the files of ``folder``, and what the Hub saw."""
    sent = in_client(hub, home, "-c", UPLOAD, str(folder))
    assert sent.returncode == 0, sent.stderr
    ended = in_client(hub, home, str(check_upload.__file__), "me/scans")
    seen = hub.close()
    assert seen is not None
    return ended, Record.from_json(seen)


def test_a_repository_costs_one_ranged_request_a_file_and_no_more(tmp_path, hub):
    folder = tmp_path / "files"
    folder.mkdir()
    noise = {"bytes": os.urandom(300_000), "path": "a.nii"}
    for number in range(3):
        written(folder, [noise if number else BARE] * 2, name=f"{number}.parquet", use_dictionary=False)
    ended, record = checked(hub, tmp_path, folder)
    assert (ended.returncode, ended.stdout.splitlines()[-1]) == (
        1,
        "EMPTY: 1 of 3 file columns; 0.parquet: scan: no bytes for 2 paths",
    )
    reads = [one for one in record.requests if one.endpoint == "resolve"]
    assert len(reads) == 3 and all(one.status == 206 and one.down <= check_upload.TAIL for one in reads)
    assert not [one for one in record.requests if one.endpoint == "head"]


@pytest.mark.parametrize("hub", [("resolve:range-ignored",), ("resolve:wrong-range",), ("resolve:503",)], indirect=True)
def test_a_server_that_sends_something_else_is_never_believed(tmp_path, hub):
    folder = tmp_path / "files"
    folder.mkdir()
    ended, _ = checked(hub, tmp_path, written(folder, [{"bytes": os.urandom(300_000), "path": "a"}]))
    assert (ended.returncode, len(ended.stderr.splitlines())) == (3, 1)
    assert "asked for bytes " in ended.stderr and "the server answered " in ended.stderr


def test_a_repository_that_is_not_there_is_said_in_one_line(tmp_path, hub):
    ended = in_client(hub, tmp_path, str(check_upload.__file__), "me/nothing")
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr.startswith("cannot tell: me/nothing: ")


# ---- what a release wrote ---------------------------------------------------------------------------------------

WRITE = """
import sys
from datasets import Dataset, Features, List, Nifti
from datasets.table import embed_table_storage
paths = [[sys.argv[1]], [], [sys.argv[1], sys.argv[1]]]
columns = {"list": (paths, List(Nifti())), "none": ([[], []], List(Nifti())), "plain": ([sys.argv[1]], Nifti())}
for name, (values, feature) in columns.items():
    ds = Dataset.from_dict({"scan": values}, features=Features({"scan": feature}))
    Dataset(embed_table_storage(ds.with_format("arrow")[:])).to_parquet(f"{name}.parquet")
"""


@pytest.mark.targets
@pytest.mark.parametrize(
    ("release", "found"),
    [
        (release, [state, "none", state])
        for release, state in (("4.4.0", "empty"), ("4.4.2", "filled"), ("5.2.0", "filled"))
    ],
)
def test_what_released_versions_embed_is_told_apart(tmp_path, release, found):
    target = targets.provision(f"datasets=={release}", cache=places.cache(), requires=("datasets", "pyarrow"))
    assert isinstance(target, TargetInfo)
    scan = tmp_path / "scan.nii"
    scan.write_bytes(os.urandom(5000))
    subprocess.run([str(target.python), "-c", WRITE, str(scan)], check=True, cwd=tmp_path, capture_output=True)
    assert states(tmp_path) == found


def test_a_folder_that_is_neither_here_nor_a_repository_is_refused(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(CheckError, match="needs huggingface_hub"):
        check("not/here")


def test_a_folder_named_like_a_file_is_looked_into_and_a_link_to_nowhere_tells_nothing(tmp_path, capsys):
    (tmp_path / "scans.parquet").mkdir()
    written(tmp_path / "scans.parquet", [FULL])
    assert states(tmp_path) == ["filled"]
    (tmp_path / "gone.parquet").symlink_to("nowhere")
    assert main([str(tmp_path)]) == 3
    assert capsys.readouterr().err.startswith("cannot tell: gone.parquet: ")


def test_a_mistyped_folder_is_said_to_be_none(capsys, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert main(["shards with a typo"]) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert "it is no folder here" in line
