"""Push a dataset to the Hub of the trial, and report the memory it took and the temporary files it left.

Run as ``python probe.py REQUEST.json EVENTS.jsonl``. Each push runs in a process of its own (this file again, with a
request of its own), so that its peak is its own and its folder for temporary files holds nothing else::

    inputs.do           "push" | "kill" (SIGKILL as the third shard goes up) | "upload" (one file, and no dataset)
    inputs.shards       how many shards each push makes, as [4, 16, 64]; one row a shard, and one file a row
    inputs.shard_bytes  bytes of that file
    inputs.processes    num_proc of push_to_hub; null for none
    inputs.altered      "" | "keep-memory" (free_memory=False for preupload_lfs_files) | "collect" (gc.collect() after)
    fix_path            a workaround ``name(dataset, repo_id, num_shards, num_proc)`` in place of ``push_to_hub``

Measured of each push: ``baseline_bytes`` (memory held before it), ``own_bytes`` (the peak of the pushing process),
``worker_bytes`` (the largest peak among its workers), ``stored_bytes`` (Parquet files in the repository afterwards),
``left_files`` and ``left_bytes`` (files in its folder for temporary files that were not there before), ``status`` and
``signal`` (how it ended). Nothing is judged here.
"""

from __future__ import annotations

import gc
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
from datasets import Dataset, Features, Image, Value
from huggingface_hub import HfApi
from probe_tools import (
    INPUTS,
    REQUEST,
    forget_peak,
    main,
    measure,
    peak,
    phase,
    resident,
    started,
    workaround,
)

PACKAGES = ("datasets", "pyarrow", "huggingface-hub")
KILLED_AT = 3
"""The shard that is about to go up when the process is killed: two are stored by then."""


def released_push(dataset: Any, repo_id: str, num_shards: int, num_proc: int | None) -> None:
    dataset.push_to_hub(repo_id, num_shards=num_shards, num_proc=num_proc)


def build(count: int, size: int) -> Any:
    """Rows that all name one file of random bytes: their number makes every shard another one."""
    file = Path("image.bin").resolve()
    file.write_bytes(os.urandom(size))
    table = Dataset.from_dict({"row": list(range(count)), "image": [str(file)] * count})
    return table.cast(Features({"row": Value("int64"), "image": Image()}))


def alter(what: str, kill: bool) -> None:
    """Puts something around the upload of each shard."""
    released, calls = HfApi.preupload_lfs_files, 0

    def altered(self: Any, *given: Any, **named: Any) -> None:
        nonlocal calls
        calls += 1
        if kill and calls == KILLED_AT:
            os.kill(os.getpid(), signal.SIGKILL)
        released(self, *given, **{**named, **({"free_memory": False} if what == "keep-memory" else {})})
        if what == "collect":
            gc.collect()

    if what or kill:
        HfApi.preupload_lfs_files = altered


def one_push(inputs: dict[str, Any]) -> None:
    """What the process of one push does."""
    count, repo_id = inputs["count"], inputs["repo_id"]
    dataset = build(count, inputs["shard_bytes"])
    push = workaround(released_push)
    alter(inputs["altered"], inputs["do"] == "kill")
    measure(before=[path.name for path in Path(tempfile.gettempdir()).iterdir()])
    forget_peak()  # importing may have needed more
    measure(baseline_bytes=resident())
    if inputs["do"] == "upload":
        api = HfApi()
        api.create_repo(repo_id, repo_type="dataset")
        api.upload_file(path_or_fileobj="image.bin", path_in_repo="image.parquet", repo_id=repo_id, repo_type="dataset")
    else:
        push(dataset, repo_id, count, inputs["processes"])
    workers = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    measure(own_bytes=peak(), worker_bytes=workers if inputs["processes"] else 0)


def push_apart(number: int, count: int) -> dict[str, Any]:
    """One push in a process of its own, and what it left behind."""
    home = Path(f"push-{number}").resolve()
    temporary = home / "tmp"
    temporary.mkdir(parents=True)
    repo_id = f"loopback/push-{number}"
    request = {**REQUEST, "inputs": {**INPUTS, "count": count, "repo_id": repo_id}}
    (home / "REQUEST.json").write_text(json.dumps(request))
    command = [sys.executable, str(Path(__file__).resolve()), "REQUEST.json", "EVENTS.jsonl"]
    named = {"HOME": home, "TMPDIR": temporary, "HF_HOME": home / "huggingface", "XDG_CACHE_HOME": home / "cache"}
    ended = subprocess.run(
        command, cwd=home, env={**os.environ, **{name: str(path) for name, path in named.items()}}, check=False
    )
    found: dict[str, Any] = {"shards": count, "signal": None, "status": ended.returncode}
    if ended.returncode < 0:
        found["signal"] = signal.Signals(-ended.returncode).name
    for line in (home / "EVENTS.jsonl").read_text().splitlines():
        found.update(json.loads(line).get("measures", {}))
    before = set(found.pop("before", ()))
    left = [path for path in temporary.iterdir() if path.name not in before]
    files = [one for path in left for one in (path.rglob("*") if path.is_dir() else [path]) if one.is_file()]
    found.update(left_files=len(files), left_bytes=sum(file.stat().st_size for file in files))
    tree = HfApi().list_repo_tree(repo_id, repo_type="dataset", recursive=True)
    found["stored_bytes"] = sum(one.size for one in tree if one.path.endswith(".parquet"))
    return found


def run() -> None:
    if "count" in INPUTS:
        datasets.disable_progress_bars()
        one_push(INPUTS)
        return
    started(*PACKAGES)
    pushes = []
    for number, count in enumerate(INPUTS["shards"]):
        phase(f"push of {count}")
        pushes.append(push_apart(number, count))
        measure(pushes=pushes)


main(run)
