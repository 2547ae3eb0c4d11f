"""Declares ``batch-too-large``: a dropped batch that is the only one comes back as rows that nothing was done to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from repro.bugs.declaration import NO_FIX, Bug, CodePlace, Column, Fix, FixKind, Scenario
from repro.model import Limits, Outcome

HERE = Path(__file__).parent


def _scenario(name: str, title: str, size: int, rows: list[Any], *, jobs: int = 1, **more: Any) -> Scenario:
    return Scenario(name, title, inputs={"size": size, "jobs": jobs}, expected={"rows": rows}, **more)


def _rows(outcome: Outcome) -> str:
    found = outcome.measures.get("rows")
    return "" if found is None else " ".join(map(str, found)) or "none"


BUG = Bug(
    slug="batch-too-large",
    title="batch() and map(batched=True) with drop_last_batch=True return the input if it is smaller than one batch",
    summary=(
        "With drop_last_batch=True and fewer rows than batch_size, Dataset.batch() returns the rows unbatched and "
        "Dataset.map(batched=True) returns the rows that the function never saw, instead of none. No error is raised. "
        "With num_proc it happens to each process's part of the rows."
    ),
    expected=(
        "No rows: the last, incomplete batch is dropped, as the documentation of drop_last_batch says, and as it is "
        "when a whole batch comes before it."
    ),
    cause=(
        "In _map_single nothing sets update_data if no batch is run, and what follows takes that for a function that "
        "changes nothing: it hands the input on."
    ),
    cause_at=CodePlace(
        "datasets/arrow_dataset.py",
        after=r"info\.features = writer\._features",
        pattern=r"yield rank, True, shard$",
        permalink="https://github.com/huggingface/datasets/blob/{version}/src/datasets/arrow_dataset.py#L{line}",
    ),
    links={
        "report": "https://github.com/huggingface/datasets/issues/8386",
        "fix, closed": "https://github.com/huggingface/datasets/pull/8456",
    },
    scenarios=(
        _scenario("batch", "batch(5) of four rows", 5, []),
        _scenario("map", "map() in batches of 5, of four rows", 5, []),
        _scenario("processes", "batch(3) of four rows by two processes", 3, [], jobs=2),
        _scenario(
            "last-dropped", "batch(3) of four rows: one batch, and a row is dropped", 3, [[0, 1, 2]], control=True
        ),
        _scenario("map-dropped", "map() in batches of 3, of four rows", 3, [0, -1, -2], control=True),
        _scenario("stream", "batch(5) of four rows, streamed", 5, [], control=True),
    ),
    fixes=(
        NO_FIX,
        Fix(
            "whole-batches",
            FixKind.WORKAROUND,
            HERE / "workarounds" / "whole_batches.py",
            "the rows of whole batches are selected first",
        ),
        Fix("no-rows", FixKind.PATCH, HERE / "patches" / "no_rows.patch", "if every batch is dropped, no row is left"),
    ),
    workaround="whole-batches",
    columns=(Column("rows that came", _rows),),
    folder=HERE,
    default_target="datasets==5.2.0 pyarrow==24.0.0",
    default_limits=Limits(timeout_s=60.0, grace_s=30.0),
)
