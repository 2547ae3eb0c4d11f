"""Declares ``embed-sliced-list``: embedding a slice of a list column reads the files of the whole column."""

from __future__ import annotations

from pathlib import Path

from repro.bugs.declaration import (
    NO_FIX,
    Bug,
    CodePlace,
    Column,
    ComparisonPlan,
    Fix,
    FixKind,
    Measured,
    OwnData,
    Scenario,
)
from repro.bugs.embed_sliced_list.claims import CLAIMS
from repro.bugs.embed_sliced_list.gate.oracle import GATE
from repro.bugs.embed_sliced_list.oracle import judge
from repro.bugs.embed_sliced_list.prepare import PARAMETERS, prepare
from repro.errors import UserError
from repro.inputs import bids
from repro.model import Limits, Outcome, Scalar

HERE = Path(__file__).parent
REPORT, OURS = "huggingface/datasets#7894", ""


def _workaround(name: str, title: str, proposed_in: str) -> Fix:
    return Fix(name, FixKind.WORKAROUND, HERE / "workarounds" / f"{name.replace('-', '_')}.py", title, proposed_in)


def _patch(name: str, file: str, title: str, proposed_in: str) -> Fix:
    return Fix(name, FixKind.PATCH, HERE / "patches" / f"{file}.patch", title, proposed_in)


FIXES = (
    NO_FIX,
    _workaround("combine-chunks", "combine_chunks() before embedding", REPORT),
    _workaround("pandas-round-trip", "rebuild the shard from a DataFrame", REPORT),
    _workaround("take", "copy the rows of the shard with take()", OURS),
    _workaround("ipc-round-trip", "write the shard to an IPC stream in memory and read it back", OURS),
    _workaround("concat-columns", "copy each column with pa.concat_arrays", OURS),
    _workaround("flatten-indices", "flatten_indices() before embedding", OURS),
    _workaround("row-by-row", "embed one row at a time", OURS),
    _workaround("direct-embed", "read each file straight into the Arrow buffer of its column", OURS),
    _patch(
        "contiguous-copy",
        "pr7896_guarded_copy",
        "copy a list array if its offset is not 0",
        "huggingface/datasets#7896",
    ),
    _patch("unconditional-copy", "v520_copy", "copy a list array in any case", "huggingface/datasets 5.2.0"),
    _patch("flatten-values", "pr6213_flatten", "flatten() in place of values", "huggingface/datasets#6213"),
    _patch("rebased-offsets", "rebased_offsets", "values[start:stop], and offsets counted from start", OURS),
    _patch("large-binary", "large_binary", "large_binary in place of binary", REPORT),
)


def _shard(size: int) -> dict[str, Scalar]:
    """Three rows, of which the first shard is one: a fix that reads the whole column reads three times as much."""
    if size < 4 << 10:
        raise UserError(f"a shard of {size} bytes holds no four images: give 4KiB or more")
    return {"rows": 3, "files_per_row": 4, "file_size": size // 4}


def _files(outcome: Outcome) -> str:
    """``24 / 3``: how many files were opened for how many that are needed; empty if that was not counted."""
    opened, needed = (outcome.measures.get(name) for name in ("files_opened", "files_needed"))
    killed = " (until it was killed)" if outcome.killer is not None else ""
    return "" if opened is None else f"{opened} / {'?' if needed is None else needed}{killed}"


BUG = Bug(
    slug="embed-sliced-list",
    title="Embedding one shard of a Sequence(Nifti()) column reads the files of every shard",
    summary=(
        "Embedding a shard of a Sequence(Nifti()) column, as push_to_hub() does, reads the files of all rows into "
        "memory, not only those of the shard. With large files the kernel kills the process (SIGKILL, exit status 137) "
        "at 0 % of 'Uploading Shards'."
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
    fixes=FIXES,
    parameters=PARAMETERS,
    prepare=prepare,
    oracle=judge,
    expected="Embedding a shard opens the files of the rows in that shard, and needs memory for those only.",
    cause=(
        "embed_array_storage recurses into array.values of a sliced list array, and Arrow's .values ignores the slice: "
        "the files of all rows are read."
    ),
    cause_at=CodePlace(
        "datasets/table.py",
        after=r"def embed_array_storage",
        pattern=r"_e\(array\.values, feature\.feature\)",
        permalink="https://github.com/huggingface/datasets/blob/{version}/src/datasets/table.py#L{line}",
    ),
    workaround="take",
    asked=("pandas-round-trip", "contiguous-copy"),
    comparison=ComparisonPlan(
        target="datasets==5.1.0 pyarrow==24.0.0",
        newest="datasets==5.2.0 pyarrow==24.0.0",
        shard=_shard,
        scale={"inputs": "arc"},
        measured=Measured("embed", "verify", "bytes_needed", "rss_before_embed_bytes", "peak_embed_bytes"),
        gate=GATE,
    ),
    own_data=OwnData("bids_root", bids.scan),
    small={"rows": 8, "files_per_row": 3, "file_size": 64 << 10},
    columns=(Column("files opened / needed", _files),),
    claims=CLAIMS,
    folder=Path(__file__).parent,
    default_scenario="shard-first",
    default_limits=Limits(memory_bytes=2 << 30, timeout_s=120.0, grace_s=30.0),
)
