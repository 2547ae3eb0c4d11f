"""push_to_hub must remove the temporary file of a shard, also if the upload fails (huggingface/datasets#8030)."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from datasets import Dataset
from huggingface_hub import HfApi, HfFileSystem

SHARDS = 3
MADE_UP = ("repo_info", "preupload_lfs_files", "create_commit", "list_repo_tree", "get_paths_info")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """A made-up Hub that takes everything, and an empty folder for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(HfFileSystem, "glob", lambda *given, **named: {})
    with mock.patch.multiple(HfApi, **dict.fromkeys(MADE_UP, mock.DEFAULT)) as api:
        api["repo_info"].return_value = mock.Mock(id="me/data", sha="0" * 40)
        yield api


def push() -> None:
    Dataset.from_dict({"number": list(range(SHARDS))}).push_to_hub("me/data", num_shards=SHARDS)


def test_no_temporary_file_is_left_after_a_push(hub: dict[str, Any], tmp_path: Path) -> None:
    push()
    assert hub["preupload_lfs_files"].call_count == SHARDS
    assert not list(tmp_path.rglob("*.parquet"))


def test_no_temporary_file_is_left_after_an_upload_that_failed(hub: dict[str, Any], tmp_path: Path) -> None:
    hub["preupload_lfs_files"].side_effect = [None, ConnectionError("refused")]
    with pytest.raises(ConnectionError, match="refused"):
        push()
    assert not list(tmp_path.rglob("*.parquet"))


def test_no_more_than_one_temporary_file_is_there_at_a_time(hub: dict[str, Any], tmp_path: Path) -> None:
    seen: list[int] = []
    hub["preupload_lfs_files"].side_effect = lambda **named: seen.append(len(list(tmp_path.rglob("*.parquet"))))
    push()
    assert len(seen) == SHARDS and max(seen) <= 1
