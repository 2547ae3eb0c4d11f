"""Upload a dataset to the trial's Hub in a child process, once more if that fails, and read back what is there.

Run as ``python probe.py REQUEST.json EVENTS.jsonl``, with a Hub at ``HF_ENDPOINT``::

    inputs.root, rows       the files: [id, [paths below root]] for each row
    inputs.num_shards       shards in the first attempt, and in those after it
    inputs.kill_at          the first child ends itself with SIGKILL once it has sent so many bytes; or null
    inputs.patience         seconds without an answer after which a way that can gives up
    inputs.source_bytes    bytes of all files, handed through to the measures
    inputs.recipes          the folder of the recipes, for the ways that import them
    fix_path                a way to upload: ``name.py`` with ``name(dataset, repo_id, num_shards, patience)``

The measures: ``endings`` has an entry an attempt ("" for one that ended well), ``rows_meanwhile`` how many rows a
reader saw after the first that did not, ``stored`` the shards and their sizes, ``rows`` each row that a reader gets
with the sha256 of its files. ``rss_before_upload_bytes`` and ``peak_upload_bytes`` are those of the last child: after
its imports, and the highest after that. The phase ``upload`` begins when the first child has imported all, ``verify``
when the last one is gone. Nothing is judged here.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
import socket
import sys
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from probe_tools import INPUTS, forget_peak, main, measure, peak, phase, resident, started, unsupported, workaround

REPOSITORY = "loopback/upload"
ATTEMPTS = 3
HUB = os.environ["HF_ENDPOINT"]


def push_to_hub(dataset: Any, repo_id: str, num_shards: int, patience: float) -> None:
    """As it is documented; ``patience`` cannot be given to it."""
    dataset.push_to_hub(repo_id, num_shards=num_shards)


def die_after(limit: int) -> None:
    """Kill this process as soon as its sockets have taken ``limit`` bytes: an exact place, however fast the machine."""
    taken = 0

    def counting(name: str) -> None:
        send = getattr(socket.socket, name)

        def counted(self: socket.socket, data: Any, *flags: int) -> Any:
            nonlocal taken
            taken += memoryview(data).nbytes
            if taken >= limit:
                os.kill(os.getpid(), signal.SIGKILL)
            return send(self, data, *flags)

        setattr(socket.socket, name, counted)

    counting("send")
    counting("sendall")


def upload(pipe: Connection, num_shards: int, kill_at: int | None) -> None:
    """One attempt, in a process of its own; says through ``pipe`` when it begins, and how it ended."""
    sys.path.append(INPUTS["recipes"])
    import datasets
    from datasets import Dataset, Features, Sequence, Value

    if not hasattr(datasets, "Nifti"):
        pipe.send(f"datasets {datasets.__version__} has no Nifti feature (4.4.0 brought it)")
        return
    way = workaround(push_to_hub)
    names, lists = zip(*INPUTS["rows"], strict=True)
    images = [[str(Path(INPUTS["root"], path)) for path in paths] for paths in lists]
    features = Features({"id": Value("string"), "images": Sequence(datasets.Nifti())})
    dataset = Dataset.from_dict({"id": list(names), "images": images}).cast(features)
    if kill_at is not None:
        die_after(kill_at)
    forget_peak()
    before = resident()
    pipe.send("")
    ending = ""
    try:
        way(dataset, REPOSITORY, num_shards, INPUTS["patience"])
    except Exception as error:
        traceback.print_exc()
        ending = f"{type(error).__name__}: {error}"
    pipe.send((ending, before, None if before is None else peak()))


def attempt(number: int) -> str:
    """Runs ``upload`` once; how it ended, empty for well."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    shards = INPUTS["num_shards"][min(number, 1)]
    child = context.Process(target=upload, args=(theirs, shards, None if number else INPUTS["kill_at"]))
    child.start()
    theirs.close()
    try:
        missing = ours.recv()
        if missing:
            unsupported(missing)
        phase("again" if number else "upload")
        ending, before, most = ours.recv()
        measure(rss_before_upload_bytes=before, peak_upload_bytes=most)
    except EOFError:
        ending = ""
    child.join()
    code = child.exitcode or 0
    return ending or (signal.Signals(-code).name if code < 0 else f"exit status {code}" if code else "")


def asked(path: str) -> bytes:
    with urlopen(f"{HUB}{path}") as answer:
        content: bytes = answer.read()
        return content


def stored() -> list[dict[str, Any]]:
    """The Parquet files that a reader finds."""
    try:
        listed = json.loads(asked(f"/api/datasets/{REPOSITORY}/tree/main?recursive=true"))
    except HTTPError:  # the repository was not made yet
        return []
    return [{"path": one["path"], "bytes": one["size"]} for one in listed if one["path"].endswith(".parquet")]


def rows(files: list[dict[str, Any]]) -> list[list[Any]]:
    """Every row of these files: its id and the sha256 of its files."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    found = []
    for file in files:
        content = asked(f"/datasets/{REPOSITORY}/resolve/main/{file['path']}")
        shard = pq.ParquetFile(pa.BufferReader(content))
        for group in range(shard.num_row_groups):
            table = shard.read_row_group(group, columns=["id", "images"])
            for name, images in zip(table["id"].to_pylist(), table["images"].to_pylist(), strict=True):
                hashes = [hashlib.sha256(one["bytes"]).hexdigest() if one["bytes"] else None for one in images]
                found.append([name, hashes])
    return found


def run() -> None:
    started("datasets", "pyarrow", "huggingface-hub")
    measure(source_bytes=INPUTS["source_bytes"])
    endings: list[str] = []
    while len(endings) < ATTEMPTS and (not endings or endings[-1]):
        endings.append(attempt(len(endings)))
        measure(endings=endings)
        if len(endings) == 1 and endings[0]:
            measure(rows_meanwhile=len(rows(stored())))
    phase("verify")
    files = stored()
    measure(stored=files, rows=rows(files))


main(run)
