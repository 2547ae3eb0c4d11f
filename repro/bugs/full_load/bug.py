"""Declares ``full-load``: load_dataset holds Parquet files of one row in memory, and then copies them."""

from __future__ import annotations

from pathlib import Path

from repro.bugs.declaration import NO_FIX, Bug, CodePlace, Column, Fix, FixKind, Scenario
from repro.bugs.full_load.claims import CLAIMS
from repro.bugs.full_load.oracle import held, judge
from repro.bugs.full_load.prepare import PARAMETERS, prepare
from repro.model import Limits, Outcome

HERE = Path(__file__).parent


def _workaround(name: str, title: str) -> Fix:
    return Fix(name, FixKind.WORKAROUND, HERE / "workarounds" / f"{name.replace('-', '_')}.py", title)


def _patch(name: str, title: str) -> Fix:
    return Fix(name, FixKind.PATCH, HERE / "patches" / f"{name.replace('-', '_')}.patch", title)


def _held(outcome: Outcome) -> str:
    """``0.12``: growth of memory as a multiple of the data; empty if the run did not get so far."""
    share = held(outcome.measures)
    return "" if share is None else f"{share:.2f}"


def _batches(outcome: Outcome) -> str:
    return str(outcome.measures.get("record_batches", ""))


BUG = Bug(
    slug="full-load",
    title="load_dataset() holds Parquet files of one row in memory, at twice their size",
    summary=(
        "load_dataset() keeps rows that come one by one, from Parquet files (or row groups) of one row, in memory "
        "until a whole writer batch is there: 1,000 rows by default, 100 with plain binary, image or audio columns. "
        "Then all of them are copied once more. With large rows, as medical images have, the process is killed for "
        "memory."
    ),
    expected="It needs memory for a few rows, as it does for the same rows with two a file.",
    cause=(
        "ArrowBasedBuilder sends each table of one row through ArrowWriter.write_row, which counts rows and not bytes: "
        "current_rows holds up to writer_batch_size of them, then write_rows_on_file joins them into one copy."
    ),
    cause_at=CodePlace(
        "datasets/builder.py",
        after=r"^class ArrowBasedBuilder",
        pattern=r"writer\.write_row\(table\)",
        permalink="https://github.com/huggingface/datasets/blob/{version}/src/datasets/builder.py#L{line}",
    ),
    links={
        "row path of the Arrow builder": "https://github.com/huggingface/datasets/pull/8113",
        "batch size of Parquet after its row groups, for rows of 10 MB": "https://github.com/huggingface/datasets/pull/6701",
        "writer_batch_size of Arrow builders": "https://github.com/huggingface/datasets/pull/5565",
    },
    scenarios=(
        Scenario("one-row-files", "Parquet files of one row with binary columns"),
        Scenario("nifti", "Parquet files of one row with Nifti() columns"),
        Scenario("one-row-groups", "Parquet files of ten rows, in row groups of one"),
        Scenario("repository", "a repository of such files, on a loopback Hub"),
        Scenario("two-row-files", "the same rows, two a file", control=True),
        Scenario("streaming", "the same files, streamed", control=True),
    ),
    fixes=(
        NO_FIX,
        _workaround("writer-batch-size", "load_dataset(…, writer_batch_size=1)"),
        _workaround("default-batch-size", "datasets.config.DEFAULT_MAX_BATCH_SIZE = 1"),
        _workaround("binary-batch-size", "datasets.config.ARROW_RECORD_BATCH_SIZE_FOR_BINARY_DATASETS = 1 as well"),
        _workaround("system-allocator", "the system's allocator for Arrow (ARROW_DEFAULT_MEMORY_POOL=system)"),
        _patch("bounded-bytes", "write the rows as soon as they have datasets.config.MAX_ROW_GROUP_SIZE together"),
        _patch("row-at-once", "write a table of one row at once, as up to 4.8.4"),
    ),
    parameters=PARAMETERS,
    prepare=prepare,
    oracle=judge,
    workaround="writer-batch-size",
    columns=(Column("memory growth / data", _held), Column("record batches", _batches)),
    claims=CLAIMS,
    folder=HERE,
    # 447 MiB of data; importing takes 150 to 220 MiB, and a healthy release grows by less than 100 MiB.
    default_limits=Limits(memory_bytes=512 << 20, timeout_s=120.0, grace_s=30.0),
    hub=True,
)
