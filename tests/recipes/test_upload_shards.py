"""upload_shards: what a reader gets is what was written; what was there is not sent again; memory does not grow."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from repro.recipes import upload_shards as module
from repro.recipes.upload_shards import Shard, UploadError, upload_shards
from tests.hub.conftest import Running
from tests.recipes.conftest import COUNT, written
from tests.recipes.uploading import RECIPE, card, checksums, command, held, one_line, sent, stored, upload

Start = Callable[..., Running]
CONFIG = {"config_name": "default", "data_files": [{"split": "train", "path": "data/train-*"}]}


# What arrives


def test_a_reader_gets_the_bytes_that_were_written_and_each_is_sent_once(hub: Start, folder: Path) -> None:
    running = hub()
    run = upload(running, folder, "--commit-every", "2")
    assert run.returncode == 0, run.stderr
    assert "sent: 1," in run.stdout and "3 commits" in run.stdout
    assert "%" in run.stderr, "a progress bar in bytes"
    assert held(running) == checksums(folder)
    assert yaml.safe_load(card(running).split("---")[1]) == {"configs": [CONFIG]}
    record = running.close()
    assert sorted(stored(record).values()) == [1] * COUNT
    assert [one.added for one in record.commits if one.title.startswith("Upload")] == [2, 2, 2]
    payload = sum(path.stat().st_size for path in folder.glob("*.parquet"))
    assert sent(record) < payload + 5_000 * COUNT
    assert not [one for one in record.requests if one.endpoint == "other" and "agent" not in one.path]


def test_the_same_command_again_sends_and_commits_nothing(hub: Start, folder: Path) -> None:
    running = hub()
    assert upload(running, folder).returncode == 0
    again = upload(running, folder)
    assert f"there before: {COUNT} shards" in again.stdout and "sent: 0 bytes, 0 commits" in again.stdout
    record = running.close()
    assert len(record.commits) == 1
    assert record.totals["put"].requests == COUNT


def test_a_dry_run_prints_the_plan_and_changes_nothing(hub: Start, folder: Path) -> None:
    running = hub()
    run = upload(running, folder, "--dry-run", "--commit-every", "3")
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert [line for line in lines if line.startswith("commit")] == ["commit 1:", "commit 2:"]
    sizes = {f"data/{path.name}": path.stat().st_size for path in folder.glob("*.parquet")}
    assert all(f"  {path}  {size:,} bytes" in lines for path, size in sizes.items())
    assert lines[-1].endswith(f"would send: {sum(sizes.values()):,} bytes, 2 commits")
    assert {one.method for one in running.close().requests} == {"GET"}


def test_other_splits_are_kept_and_named_in_the_card(hub: Start, tmp_path: Path) -> None:
    running = hub()
    for split in ("test", "train"):
        folder = written(tmp_path, split, 2)
        assert upload(running, folder, "--split", split).returncode == 0
    assert held(running) == checksums(folder) | checksums(folder, "test")
    (config,) = yaml.safe_load(card(running).split("---")[1])["configs"]
    assert {one["split"] for one in config["data_files"]} == {"train", "test"}


def test_another_branch_is_made(hub: Start, folder: Path) -> None:
    running = hub()
    assert upload(running, folder, "--revision", "next").returncode == 0
    assert held(running, "next") == checksums(folder)
    assert held(running) == {}


def test_other_shards_of_the_split_are_an_error_or_replaced(hub: Start, tmp_path: Path, folder: Path) -> None:
    running = hub()
    assert upload(running, written(tmp_path, count=3, seed=9)).returncode == 0
    before = held(running)
    assert "add --replace" in one_line(upload(running, folder, "--quiet"))
    assert held(running) == before
    assert upload(running, folder, "--replace", "--commit-every", "2").returncode == 0
    assert held(running) == checksums(folder)
    assert [one.removed for one in running.close().commits] == [0, 3, 0, 0]


# Kills


@pytest.mark.parametrize("seed", range(3))
def test_after_a_kill_nothing_is_lost_or_doubled_and_no_finished_shard_sent_again(
    hub: Start, folder: Path, seed: int
) -> None:
    running = hub("put:slow=1MiBx*")
    line, env = command(running, folder, "--commit-every", "2", "--quiet")
    wanted, blobs = random.Random(seed).randint(1, COUNT), running.folder / "datasets" / "me" / "data" / "blobs"
    with subprocess.Popen(line, env=env) as process:
        while process.poll() is None and len([p for p in blobs.glob("*") if len(p.name) == 64]) < wanted:
            time.sleep(0.01)
        time.sleep(random.Random(seed).random() / 5)
        process.send_signal(signal.SIGKILL)
    run = upload(running, folder, "--commit-every", "2")
    assert run.returncode == 0, run.stderr
    assert held(running) == checksums(folder)
    record = running.close()
    assert sorted(stored(record).values()) == [1] * COUNT
    assert sum(one.added for one in record.commits if one.title.startswith("Upload")) == COUNT + 1


# What is refused before anything is sent


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda root: (root / "train.manifest.json").unlink(), "run write_shards first"),
        (lambda root: (root / "train.manifest.json").write_text("{"), "write the shards again"),
        (lambda root: next(root.glob("*.parquet")).unlink(), "run write_shards again"),
        (lambda root: os.truncate(next(root.glob("*.parquet")), 100), "run write_shards again"),
    ],
)
def test_a_folder_that_is_not_whole(damage: Callable[[Path], object], said: str, tmp_path: Path, folder: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    damage(copy)
    with pytest.raises(UploadError, match=said):
        upload_shards(copy, "me/data")


def test_a_folder_that_write_shards_has_not_finished(tmp_path: Path, folder: Path) -> None:
    manifest = json.loads((folder / "train.manifest.json").read_text())
    del manifest["shards"][-1]
    (tmp_path / "train.manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(UploadError, match=f"{COUNT - 1} of {COUNT} shards: let write_shards finish"):
        upload_shards(tmp_path, "me/data")


@pytest.mark.parametrize("options", [{"repo_id": "data"}, {"commit_every": 0}, {"tries": 0}, {"patience": 0}])
def test_arguments_that_make_no_sense(options: dict[str, Any], folder: Path) -> None:
    with pytest.raises(UploadError, match=r"type OWNER/NAME|more than 0"):
        upload_shards(folder, **{"repo_id": "me/data", **options})


@pytest.mark.parametrize("name", ["me/a--b", "me/.git", "../data", "me/data/more", "https://hub/me/data"])
def test_a_name_that_no_repository_can_have_is_refused_before_anything_is_asked(name: str, folder: Path) -> None:
    with pytest.raises(UploadError, match="type OWNER/NAME"):
        upload_shards(folder, name, tries=1)


def test_a_client_that_is_told_to_stay_offline_is_not_asked_again(hub: Start, folder: Path) -> None:
    running = hub()
    line, env = command(running, folder, "--quiet")
    run = subprocess.run(line, env={**env, "HF_HUB_OFFLINE": "1"}, capture_output=True, text=True, timeout=250)
    assert "HF_HUB_OFFLINE" in one_line(run) and "mend that" in run.stderr


def test_a_shard_in_place_of_the_folder(folder: Path) -> None:
    with pytest.raises(UploadError, match="is missing: run write_shards first"):
        upload_shards(next(folder.glob("*.parquet")), "me/data")


def test_a_shard_that_was_edited_is_not_committed(hub: Start, tmp_path: Path, folder: Path) -> None:
    running, copy = hub(), shutil.copytree(folder, tmp_path / "copy")
    with sorted(copy.glob("*.parquet"))[1].open("r+b") as file:
        file.seek(1000)
        file.write(b"\xff\0\xff")
    assert "was changed after it was written" in one_line(upload(running, copy, "--commit-every", "1", "--quiet"))
    good = checksums(folder)
    assert held(running) == {path: good[path] for path in sorted(good)[:1]}


# The file as the client reads it


def reader(tmp_path: Path, content: bytes, sha256: str = "") -> tuple[Any, list[tuple[int, int]]]:
    path, seen = tmp_path / "shard", list[tuple[int, int]]()
    path.write_bytes(content)
    shard = Shard(path, "data/shard", len(content), sha256 or hashlib.sha256(content).hexdigest())
    return module._Reader(shard, lambda _, reached, sent: seen.append((reached, sent))), seen


def test_bytes_that_are_read_again_are_sent_twice_and_hashed_once(tmp_path: Path) -> None:
    file, seen = reader(tmp_path, b"0123456789")
    with file:
        for start, size in ((0, 4), (0, 6), (4, 4), (8, 4)):
            file.seek(start)
            file.read(size)
        file.check()
    assert seen == [(4, 4), (6, 6), (8, 4), (10, 2)]


def test_parts_that_are_read_out_of_order_are_not_judged(tmp_path: Path) -> None:
    file, _ = reader(tmp_path, b"0123456789")
    with file:
        file.seek(5)
        assert file.read() == b"56789"
        file.check()


def test_a_file_that_was_sent_whole_is_not_sent_again_unasked(tmp_path: Path) -> None:
    file, _ = reader(tmp_path, b"0123456789")
    with file:
        assert file.read() == b"0123456789"
        file.seek(0)
        with pytest.raises(RuntimeError, match="did not say that they arrived"):
            file.read(1)


def test_other_bytes_than_the_manifest_says(tmp_path: Path) -> None:
    file, _ = reader(tmp_path, b"0123456789", "0" * 64)
    with file:
        file.read()
        with pytest.raises(UploadError, match="was changed"):
            file.check()


# The dataset card


def test_a_card_keeps_what_it_says_and_drops_sizes_that_are_no_longer_true() -> None:
    text = """---
license: mit
configs:
- config_name: other
  data_files: x.csv
- config_name: default
  data_files:
  - split: test
    path: data/test-*
  - split: train
    path: old/train.csv
dataset_info:
- config_name: other
- config_name: default
  splits: [{name: train, num_examples: 3}]
---
# Scans
"""
    new = module._card(text, "train", {"train", "val"})
    assert new is not None
    assert new.endswith("---\n# Scans\n")
    assert yaml.safe_load(new.split("---")[1]) == {
        "license": "mit",
        "configs": [
            {"config_name": "other", "data_files": "x.csv"},
            {
                "config_name": "default",
                "data_files": [{"split": "test", "path": "data/test-*"}, {"split": "train", "path": "data/train-*"}],
            },
        ],
        "dataset_info": [{"config_name": "other"}],
    }
    assert module._card(new, "train", {"train", "val"}) is None


def test_a_card_without_data_files_names_all_splits_there_are() -> None:
    new = module._card("# Scans\n", "train", {"train", "val"})
    assert new is not None
    (config,) = yaml.safe_load(new.split("---")[1])["configs"]
    assert [one["split"] for one in config["data_files"]] == ["train", "val"]


@pytest.mark.parametrize("text", ["---\n[1]\n---\n", "---\nconfigs:\n- config_name: default\n  data_files: x\n---\n"])
def test_a_card_that_is_not_understood(text: str) -> None:
    with pytest.raises(UploadError, match="mend it by hand"):
        module._card(text, "train", {"train"})


def test_a_card_that_makes_another_configuration_the_default_is_not_given_a_second_one() -> None:
    """`push_to_hub(config_name="old", set_default=True)` writes it; with two, no reader gets anything."""
    text = "---\nconfigs:\n- config_name: old\n  data_files: x.csv\n  default: true\n---\n"
    with pytest.raises(UploadError, match=r"'old' the default configuration: .*another repository"):
        module._card(text, "train", {"train"})


# Memory

PEAK = """
import resource, sys
sys.path.insert(0, sys.argv[1])
from upload_shards import upload_shards
peaks = []
for folder in sys.argv[2:]:
    upload_shards(folder, "me/data", progress=False, replace=True)
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024))
print(peaks[1] - peaks[0])
"""


def test_memory_does_not_grow_with_the_size_of_a_shard(hub: Start, tmp_path: Path, folder: Path) -> None:
    size, large = 100 * 2**20, tmp_path / "large"
    large.mkdir()
    path = large / "train-00000-of-00001.parquet"
    path.touch()
    os.truncate(path, size)  # sparse, and no Parquet: nobody reads it here
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    entry = {"name": path.name, "bytes": size, "sha256": sha256}
    (large / "train.manifest.json").write_text(json.dumps({"schema": 1, "num_shards": 1, "shards": [entry]}))
    running = hub()
    _, env = command(running, folder)
    line = [sys.executable, "-c", PEAK, str(RECIPE.parent), str(folder), str(large)]
    grown = int(subprocess.run(line, env=env, capture_output=True, text=True, check=True).stdout)
    assert grown < size // 8
