"""write_shards with one job a shard: the same bytes as in one call, whatever the jobs are, and however they end."""

import json
import os
import random
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset, Features, Nifti

from repro.recipes import write_shards as module
from repro.recipes.write_shards import finish_shards, plan_shards, write_shard
from tests.recipes.shards import hidden, scans, shards, write
from tests.recipes.test_shards_interrupted import KILLED

ROWS = [[3 * 2**20], [10, 20], [], [2**20], [5], [700_000]]


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def dataset(source: Path) -> Dataset:
    return scans(source, ROWS)


@pytest.fixture
def wanted(dataset: Dataset, tmp_path: Path) -> dict[str, bytes]:
    """What one call of write_shards makes of it."""
    write(dataset, tmp_path / "at once", num_shards=4)
    return content(tmp_path / "at once")


@pytest.mark.parametrize("jobs", [1, 3])
def test_jobs_in_any_order_give_the_files_of_one_call_byte_by_byte(jobs, dataset, wanted, out):
    assert plan_shards(dataset, out, num_shards=4) == 4
    turns = random.Random(jobs).sample(range(4), 4)
    with ThreadPoolExecutor(jobs) as pool:
        entries = list(pool.map(lambda index: write_shard(out, index), turns))
    manifest = finish_shards(out)
    assert content(out) == wanted
    assert sorted(entries, key=lambda entry: str(entry["name"])) == manifest["shards"]


@pytest.mark.parametrize("rows", ["shuffled", "many, in chunks", "none"])
def test_the_plan_keeps_how_rows_lie_so_that_the_bytes_are_the_same(rows, dataset, tmp_path, out):
    words = {"text": [f"{n} {'x' * (n % 90)}" for n in range(30_000)]}
    changed = {
        "shuffled": lambda: dataset.shuffle(seed=7),
        "many, in chunks": lambda: Dataset.from_dict(words).select(range(3, 29_000)).shuffle(seed=1),
        "none": lambda: dataset.select([]),
    }[rows]()
    write(changed, tmp_path / "at once", max_shard_bytes="300KB")
    for index in range(plan_shards(changed, out, max_shard_bytes="300KB")):
        write_shard(out, index)
    finish_shards(out)
    assert content(out) == content(tmp_path / "at once")


def test_a_job_may_run_twice_at_the_same_time(dataset, wanted, out):
    for index in range(plan_shards(dataset, out, num_shards=4)):
        with ThreadPoolExecutor(2) as pool:
            one, other = pool.map(lambda _, index=index: write_shard(out, index), range(2))
        assert one == other
    finish_shards(out)
    assert content(out) == wanted


def test_a_job_that_is_killed_leaves_nothing_under_a_final_name_and_runs_again(dataset, wanted, out):
    plan_shards(dataset, out, num_shards=4)
    script = f"{KILLED}\nmodule.write_shard(sys.argv[1], 0)"
    child = subprocess.run([sys.executable, "-c", script, str(out), "", "0"], check=False)
    assert child.returncode == -signal.SIGKILL
    assert not shards(out) and len(hidden(out)) == 2  # a skeleton and a half of a shard
    for index in range(4):
        write_shard(out, index)
    finish_shards(out)
    assert content(out) == wanted


DIES = """
import os, signal, sys
from pathlib import Path
from typing import Any
from repro.recipes import write_shards as module
replace, left = Path.replace, [int(sys.argv[2])]
def deadly(path, target):
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    return replace(path, target)
Path.replace = deadly
module.write_shard(sys.argv[1], 0)
"""


@pytest.mark.parametrize("named", [0, 1], ids=["its shard", "its note"])
def test_nothing_is_left_of_a_job_that_is_killed_before_it_names(named, dataset, wanted, out):
    plan_shards(dataset, out, num_shards=4)
    child = subprocess.run([sys.executable, "-c", DIES, str(out), str(named)], check=False)
    assert child.returncode == -signal.SIGKILL
    for index in range(4):
        write_shard(out, index)
    finish_shards(out)
    assert content(out).keys() == wanted.keys()


def test_a_job_that_runs_twice_and_ends_after_the_last_step_leaves_nothing(dataset, wanted, out, monkeypatch):
    count, put = plan_shards(dataset, out, num_shards=4), module._put

    def late(path: Path, *content: Any) -> None:
        monkeypatch.setattr(module, "_put", put)
        for index in range(count):
            write_shard(out, index)
        finish_shards(out)
        put(path, *content)

    monkeypatch.setattr(module, "_put", late)
    write_shard(out, 1)
    assert content(out) == wanted


def test_a_shard_that_is_there_is_looked_through_and_kept(dataset, wanted, out):
    plan_shards(dataset, out, num_shards=4)
    entry = write_shard(out, 1)
    path = out / entry["name"]
    number = path.stat().st_ino
    assert (write_shard(out, 1), path.stat().st_ino) == (entry, number)
    harmed = bytearray(path.read_bytes())
    harmed[500] ^= 1
    path.write_bytes(harmed)
    assert (write_shard(out, 1), path.read_bytes()) == (entry, wanted[path.name])


def test_finish_names_the_shards_that_are_missing_and_changes_nothing(dataset, wanted, out):
    plan_shards(dataset, out, num_shards=4)
    for index in (0, 1, 2):
        write_shard(out, index)
    os.truncate(shards(out)[1], 100)
    before = content(out)
    with pytest.raises(ValueError, match=r"2 of 4 shards are not there.*\[1, 3\]"):
        finish_shards(out)
    assert content(out) == before
    assert json.loads(before["train.manifest.json"])["shards"] == []
    for index in (1, 3):
        write_shard(out, index)
    finish_shards(out)
    assert content(out) == wanted


def test_a_file_whose_size_changes_after_the_plan_is_refused(dataset, source, out):
    plan_shards(dataset, out, num_shards=4)
    (source / "1.nii").write_bytes(b"eleven byte")
    for index in range(4):
        write_shard(out, index)
    with pytest.raises(ValueError, match=r"changed since the plan was made; remove .*train\.plan\.arrow"):
        finish_shards(out)


def test_the_same_plan_again_changes_nothing_and_another_one_makes_all_jobs_run_again(dataset, source, wanted, out):
    plan_shards(dataset, out, num_shards=4)
    write_shard(out, 0)
    before = content(out)
    assert plan_shards(dataset, out, num_shards=4) == 4
    assert content(out) == before
    plan_shards(dataset.select(range(5, -1, -1)), out, num_shards=4)
    with pytest.raises(ValueError, match=r"\[0, 1, 2, 3\]"):
        finish_shards(out)


def test_a_plan_for_what_is_finished_keeps_its_shards(dataset, wanted, out):
    write(dataset, out, num_shards=4)
    before = [path.stat().st_ino for path in shards(out)]
    for index in range(plan_shards(dataset, out, num_shards=4)):
        write_shard(out, index)
    finish_shards(out)
    assert ([path.stat().st_ino for path in shards(out)], content(out)) == (before, wanted)


def test_one_call_goes_on_with_what_jobs_left(dataset, wanted, out):
    plan_shards(dataset, out, num_shards=4)
    write_shard(out, 2)
    (out / "train.plan.arrow").unlink()
    write(dataset, out, num_shards=4)
    assert content(out) == wanted


def test_mistakes_are_one_line_that_says_what_to_type(dataset, out):
    held = Dataset.from_dict({"scan": [{"bytes": b"x", "path": "x.nii"}]}, features=Features({"scan": Nifti()}))
    with pytest.raises(ValueError, match="plan with a dataset of their paths"):
        plan_shards(held, out)
    with pytest.raises(ValueError, match="make the plan first"):
        write_shard(out, 0)
    assert not out.exists()
    plan_shards(dataset, out, num_shards=4)
    with pytest.raises(ValueError, match="no shard 4; type 0 to 3"):
        write_shard(out, 4)


def test_the_commands_do_the_same(dataset, wanted, source, tmp_path, out):
    rows = {"id": dataset["id"][:], "scans": [[scan["path"] for scan in row] for row in _paths(dataset)]}
    (tmp_path / "data.py").write_text(
        "from datasets import Dataset, Features, List, Nifti, Value\n"
        "features = Features({'id': Value('int64'), 'scans': List(Nifti())})\n"
        f"dataset = Dataset.from_dict({rows!r}, features=features)\n"
    )

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, module.__file__, *words, str(out)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    planned = run("--plan", str(tmp_path / "data.py"), "--max-shard-bytes", "1100KB")
    assert planned.returncode == 0, planned.stderr
    early = run("--finish")
    assert (early.returncode, early.stderr.count("\n")) == (1, 1) and "are not there" in early.stderr
    for index in range(int(planned.stdout)):
        assert run("--shard", str(index)).returncode == 0
    assert run("--finish").returncode == 0
    write(dataset, tmp_path / "same", max_shard_bytes="1100KB")
    assert content(out) == content(tmp_path / "same")


def _paths(dataset: Dataset) -> list[list[dict[str, str]]]:
    return list(dataset.with_format("arrow")[:]["scans"].to_pylist())
