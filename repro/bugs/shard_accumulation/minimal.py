# /// script
# requires-python = ">=3.10"
# dependencies = ["datasets==4.6.0", "huggingface-hub==1.33.0"]
# ///
"""push_to_hub leaves the temporary Parquet file of every shard behind (the Hub is made up: no account is needed)."""

import sys
import tempfile
from pathlib import Path
from unittest import mock

import datasets
from huggingface_hub import HfApi, HfFileSystem

datasets.disable_progress_bars()
data = datasets.Dataset.from_dict({"number": list(range(100_000))})
calls = ("repo_info", "preupload_lfs_files", "create_commit", "list_repo_tree", "get_paths_info")
with tempfile.TemporaryDirectory() as folder, mock.patch.object(tempfile, "tempdir", folder):
    made_up = mock.patch.multiple(HfApi, **dict.fromkeys(calls, mock.DEFAULT))
    with made_up as hub, mock.patch.object(HfFileSystem, "glob", return_value={}):
        hub["repo_info"].return_value = mock.Mock(id="me/data", sha="0" * 40)
        data.push_to_hub("me/data", num_shards=8)
    left = [file.stat().st_size for file in Path(folder).rglob("*.parquet")]
print(f"uploaded {hub['preupload_lfs_files'].call_count} shards; {len(left)} files with {sum(left)} bytes left")
sys.exit(len(left) > 0)
