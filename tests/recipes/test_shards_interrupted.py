"""write_shards after a kill, a power cut or a full disk: what is finished is kept, nothing partial has its name."""

import fcntl
import hashlib
import json
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets.table import embed_table_storage

from repro.recipes import write_shards as module
from tests.recipes.shards import KB, hidden, scans, shards, write


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
    finished = {entry["name"]: entry for entry in json.loads((out / "train.manifest.json").read_text())["shards"]}
    assert hidden(out) and finished and f"train-{killed:05d}-of-{rows:05d}.parquet" not in map(str, out.iterdir())
    inodes = {name: (out / name).stat().st_ino for name in finished}
    manifest = write(dataset, out, num_shards=rows)
    assert len(manifest["shards"]) == rows
    assert {name: (out / name).stat().st_ino for name in inodes} == inodes
    assert not hidden(out)
    read = pa.concat_tables(pq.read_table(path) for path in shards(out))
    assert read.equals(embed_table_storage(dataset.data.table))


def test_ctrl_c_ends_at_the_next_block_and_leaves_nothing_partial(source, out, monkeypatch):
    dataset = scans(source, [[20 * module.BLOCK], [20 * module.BLOCK], [10]])
    blocks, told, seen = module._blocks, threading.Event(), []

    def pressed(file: Any) -> Any:
        for block in blocks(file):
            yield block
            seen.append(file.row)
            if len(seen) == 1:
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            told.wait(60 if len(seen) <= 2 else 0)  # one of each of the two shards under way

    monkeypatch.setattr(module, "_blocks", pressed)
    monkeypatch.setattr(module, "Event", lambda: told)
    with pytest.raises(KeyboardInterrupt):
        write(dataset, out, num_shards=3)
    assert len(seen) <= 2 and not shards(out) and not hidden(out)


def test_ctrl_c_while_the_shards_are_handed_out_ends_at_the_next_block(source, out, monkeypatch):
    dataset = scans(source, [[4 * module.BLOCK], [10]])
    blocks, told = module._blocks, threading.Event()

    class Pool(ThreadPoolExecutor):
        def submit(self, call: Any, /, *given: Any, **named: Any) -> Any:
            if given and given[0] == "train-00001-of-00002.parquet":
                raise KeyboardInterrupt
            return super().submit(call, *given, **named)

    monkeypatch.setattr(module, "_blocks", lambda file: (block for block in blocks(file) if told.wait(2) or True))
    monkeypatch.setattr(module, "Event", lambda: told)
    monkeypatch.setattr(module, "ThreadPoolExecutor", Pool)
    with pytest.raises(KeyboardInterrupt):
        write(dataset, out, num_shards=2)
    assert not shards(out) and not hidden(out)


def test_a_full_disk_says_so_and_leaves_nothing_partial(source, out):
    dataset = scans(source, [[100 * KB], [5000 * KB]])
    argument = json.dumps({"id": [0, 1], "scans": [[str(source / "0.nii")], [str(source / "1.nii")]]})
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({2000 * KB}, {resource.RLIM_INFINITY}))"
    run = subprocess.run([sys.executable, "-c", limit + SCRIPT, argument, str(out)], capture_output=True, text=True)
    assert "OSError" in run.stderr and "finished shards are kept; make room" in run.stderr.splitlines()[-1]
    assert [path.name for path in shards(out)] == ["train-00000-of-00002.parquet"] and not hidden(out)
    assert len(write(dataset, out, num_shards=2)["shards"]) == 2


# Power cuts


class Disk:
    """What a power cut leaves: contents as of their last sync, names as of the last sync of the folder.

    A rename may reach the disk before the folder is synced, so what is renamed has to be synced by then.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, platform: str) -> None:
        self.folder = folder
        self.contents: dict[int, bytes] = {}
        self.names: dict[str, int] = {}
        self.parents: set[int] = set()
        for path in folder.iterdir() if folder.exists() else ():
            self.names[path.name] = path.stat().st_ino
            self.contents[path.stat().st_ino] = path.read_bytes()
        self._lock = threading.Lock()
        sync, replace = os.fsync, os.replace

        def synced(descriptor: int, command: int = 0) -> None:
            sync(descriptor)
            if platform == "Linux" or command == 51 or stat.S_ISDIR(os.fstat(descriptor).st_mode):
                self._keep(os.fstat(descriptor))

        def renamed(old: Path, new: Path) -> None:
            self._check(Path(old), Path(new))
            replace(old, new)

        monkeypatch.setattr(os, "fsync", synced)
        monkeypatch.setattr(os, "replace", renamed)
        monkeypatch.setattr(fcntl, "fcntl", synced)
        if platform == "Linux":
            monkeypatch.delattr(fcntl, "F_FULLFSYNC", raising=False)
        else:
            monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
            monkeypatch.delattr(os, "posix_fadvise", raising=False)

    def read(self, name: str) -> bytes | None:
        return self.contents.get(self.names.get(name, -1))

    def _keep(self, synced: os.stat_result) -> None:
        with self._lock:
            if stat.S_ISDIR(synced.st_mode) and synced.st_ino != self.folder.stat().st_ino:
                self.parents.add(synced.st_ino)
            elif stat.S_ISDIR(synced.st_mode):
                self.names = {entry.name: entry.inode() for entry in os.scandir(self.folder)}
            else:
                # another thread may rename its file meanwhile, so no other file is looked at
                path = next(entry.path for entry in os.scandir(self.folder) if entry.inode() == synced.st_ino)
                self.contents[synced.st_ino] = Path(path).read_bytes()

    def _check(self, old: Path, new: Path) -> None:
        assert self.contents.get(old.stat().st_ino) == old.read_bytes(), f"{new.name} may be cut short"
        if new.suffix == ".parquet":
            vouched = json.loads(self.read("train.manifest.json") or b"")["shards"]
            assert new.name not in [entry["name"] for entry in vouched], "the manifest tells of the shard before"
            return
        for entry in json.loads(old.read_bytes())["shards"]:
            assert hashlib.sha256(self.read(entry["name"]) or b"").hexdigest() == entry["sha256"], "not on disk yet"


@pytest.mark.parametrize("platform", ["Linux", "macOS"])
@pytest.mark.parametrize("before", ["nothing", "shards of files as they were"])
def test_a_power_cut_at_any_moment_leaves_whole_shards_and_a_manifest_that_is_true(
    platform, before, source, out, monkeypatch
):
    dataset, folder = scans(source, [[3 * 2**20], [10], [20]]), out / "made" / "too"
    if before != "nothing":
        write(dataset, folder, num_shards=3)
        for name in ("0.nii", "2.nii"):
            (source / name).write_bytes(b"edited")
    disk = Disk(folder, monkeypatch, platform)
    write(dataset, folder, num_shards=3)
    now = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert now == {name: disk.read(name) for name in disk.names}
    assert len(json.loads(now["train.manifest.json"])["shards"]) == 3
    assert before != "nothing" or disk.parents == {path.stat().st_ino for path in (out.parent, out, out / "made")}


def test_calls_for_one_folder_follow_each_other(source, out):
    """Each would remove the other's unfinished files as leftovers of a killed run."""
    dataset = scans(source, [[10 * KB]] * 12)
    with ThreadPoolExecutor(3) as pool:
        one, *others = pool.map(lambda _: write(dataset, out, num_shards=12), range(3))
    assert others == [one, one]
    sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in shards(out)}
    assert sums == {shard["name"]: shard["sha256"] for shard in one["shards"]}
