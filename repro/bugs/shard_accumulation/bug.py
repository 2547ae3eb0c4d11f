"""Declares ``shard-accumulation``: what push_to_hub keeps of each shard, on the disk and in memory."""

from __future__ import annotations

from pathlib import Path

from repro.bugs.declaration import NO_FIX, Bug, CodePlace, Column, Fix, FixKind, Scenario
from repro.bugs.shard_accumulation.claims import CLAIMS
from repro.bugs.shard_accumulation.oracle import judge
from repro.bugs.shard_accumulation.prepare import PARAMETERS, prepare
from repro.model import Limits, Outcome

HERE = Path(__file__).parent


def _left(outcome: Outcome) -> str:
    pushes = outcome.measures.get("pushes") or ()
    return str(sum(push["left_files"] for push in pushes)) if pushes else ""


BUG = Bug(
    slug="shard-accumulation",
    title="push_to_hub leaves a temporary file of each shard behind",
    summary=(
        "push_to_hub writes each shard to a temporary Parquet file, uploads that, and does not remove it. The files of "
        "all shards lie on the disk together, and stay there when the push is over."
    ),
    expected="After a push no temporary file is left.",
    cause="The file is made with delete=False, and removed only if the upload of that shard raises an exception.",
    cause_at=CodePlace(
        "datasets/arrow_dataset.py",
        after=r"def _push_parquet_shards_to_hub_single",
        pattern=r"NamedTemporaryFile\(.*delete=False\)",
        permalink="https://github.com/huggingface/datasets/blob/{version}/src/datasets/arrow_dataset.py#L{line}",
    ),
    links={
        "shards in memory, withdrawn": "https://github.com/huggingface/datasets/issues/7893",
        "shards go through temporary files": "https://github.com/huggingface/datasets/pull/7979",
        "temporary files are removed": "https://github.com/huggingface/datasets/pull/8030",
    },
    scenarios=(
        Scenario("after-push", "files left after a push of 4 shards"),
        Scenario("after-push-of-two-processes", "files left after a push with num_proc=2"),
        Scenario("after-error", "files left after a push whose third upload the Hub refused", faults=("put:403@2",)),
        Scenario("after-kill", "files left after SIGKILL as the third shard goes up"),
        Scenario("memory", "peak memory of pushes of 4, 16 and 64 shards"),
        Scenario("memory-of-two-processes", "peak memory of pushes of 4, 16 and 64 shards with num_proc=2"),
        Scenario("memory-kept", "peak memory with free_memory=False put into each call of preupload_lfs_files"),
        Scenario("memory-collected", "peak memory with gc.collect() after each shard"),
        Scenario("one-file", "upload_file of one file, and no dataset", control=True),
    ),
    fixes=(
        NO_FIX,
        Fix(
            "private-tmpdir",
            FixKind.WORKAROUND,
            HERE / "workarounds" / "private_tmpdir.py",
            "a folder for temporary files that is removed after the push",
        ),
        Fix(
            "own-loop",
            FixKind.WORKAROUND,
            HERE / "workarounds" / "own_loop.py",
            "a loop of one's own: pandas round-trip, embed, write to Parquet, upload_file",
        ),
        Fix(
            "remove-after-upload",
            FixKind.PATCH,
            HERE / "patches" / "remove_after_upload.patch",
            "remove the file after its upload",
            "huggingface/datasets#8030",
        ),
    ),
    parameters=PARAMETERS,
    prepare=prepare,
    oracle=judge,
    workaround="private-tmpdir",
    hub=True,
    columns=(Column("temporary files left", _left),),
    claims=CLAIMS,
    folder=HERE,
    default_limits=Limits(memory_bytes=2 << 30, timeout_s=600.0, grace_s=30.0),
)
