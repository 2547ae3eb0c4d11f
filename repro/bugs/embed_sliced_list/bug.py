"""Declares ``embed-sliced-list``: embedding a slice of a list column reads the files of the whole column."""

from __future__ import annotations

from pathlib import Path

from repro.bugs.embed_sliced_list.claims import CLAIMS
from repro.bugs.embed_sliced_list.oracle import judge
from repro.bugs.embed_sliced_list.prepare import PARAMETERS, prepare
from repro.model import NO_FIX, Bug, Fix, FixKind, Limits, Scenario

FIXES = Path(__file__).parents[2] / "fixes"

BUG = Bug(
    slug="embed-sliced-list",
    title="Embedding one shard of a Sequence(Nifti()) column reads the files of every shard",
    summary=(
        "embed_array_storage recurses into ListArray.values, which ignores the slice that shard() and select() make: "
        "a shard of one row reads every file of the column into memory, until the kernel kills the process (SIGKILL, "
        "exit status 137, at 0 % of 'Uploading Shards'). Plain Nifti() columns are not affected."
    ),
    links={
        "report": "https://github.com/huggingface/datasets/issues/7894",
        "proposed fix": "https://github.com/huggingface/datasets/pull/7896",
        "empty bytes in 4.4.0 and 4.4.1": "https://github.com/huggingface/datasets/issues/7852",
        "ListArray.values": "https://arrow.apache.org/docs/python/generated/pyarrow.ListArray.html",
    },
    scenarios=(
        # No control: it needs every file. On small inputs it is healthy everywhere; at the scale of the report it
        # dies of memory under any cap in any release, which is not this bug: no file is opened that is not needed.
        Scenario("full", "the whole dataset, unsliced: all files are needed"),
        Scenario("shard-first", "the first shard, as in the report: a slice that starts at offset 0"),
        Scenario("shard-middle", "a shard in the middle: a slice with an offset"),
        Scenario("shard-last", "the last shard"),
        Scenario("empty-list-row", "the shard of a row, after the first, whose list is empty"),
        Scenario("select-contiguous", "select(range(…)): a slice"),
        Scenario("select-indices", "select([…]) out of order: one slice a row"),
        Scenario("plain-column", "a shard of the columns that hold one file a row, not lists", control=True),
    ),
    fixes=(
        NO_FIX,
        Fix(
            "combine-chunks",
            FixKind.RECIPE,
            FIXES / "combine_chunks.py",
            "combine_chunks() before embedding",
            "huggingface/datasets#7894",
        ),
        Fix(
            "pandas-round-trip",
            FixKind.RECIPE,
            FIXES / "pandas_round_trip.py",
            "rebuild the shard from a DataFrame",
            "huggingface/datasets#7894",
        ),
        Fix(
            "contiguous-copy",
            FixKind.PATCH,
            FIXES / "pr7896_guarded_copy.patch",
            "copy a list array if its offset is not 0",
            "huggingface/datasets#7896",
        ),
    ),
    parameters=PARAMETERS,
    prepare=prepare,
    oracle=judge,
    expected="Embedding a shard opens the files of the rows in that shard, and needs memory for those only.",
    cause=(
        "embed_array_storage recurses into array.values of a sliced list array, and Arrow's .values ignores the slice: "
        "the files of all rows are read."
    ),
    claims=CLAIMS,
    folder=Path(__file__).parent,
    default_scenario="shard-first",
    default_limits=Limits(memory_bytes=2 << 30, timeout_s=120.0, grace_s=30.0),
)
