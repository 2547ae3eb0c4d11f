"""Declares ``shuffle-misaligns``: columns made of one shuffled stream do not fit together any more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from repro.bugs.declaration import NO_FIX, Bug, CodePlace, Column, Fix, FixKind, Scenario
from repro.model import Limits, Outcome

HERE = Path(__file__).parent
ROWS = 3000


def _scenario(name: str, title: str, *, control: bool = False, rows: int = ROWS, **more: Any) -> Scenario:
    plain = {"source": "memory", "shards": 4, "cut": "none", "side": "map", "order": "before", "buffer_size": 1000}
    return Scenario(name, title, control, inputs=plain | more, expected={"misaligned": 0, "rows": rows})


def _misaligned(outcome: Outcome) -> str:
    """``2970 / 3000``: the rows whose two values are of different rows, of all."""
    found = outcome.measures
    return f"{found['misaligned']} / {found['rows']}" if "misaligned" in found else ""


BUG = Bug(
    slug="shuffle-misaligns",
    title="concatenate_datasets(axis=1) of a shuffled stream and a column made of it pairs values of different rows",
    summary=(
        "A stream with several shards, or one that skip() cut, is shuffled with a seed. Another column is made of it "
        "with stream.map(..., remove_columns=...) or rename_columns and put beside it with "
        "concatenate_datasets([stream, other], axis=1). Most rows then hold values of two different rows: labels no "
        "longer belong to their examples. Each of the two streams gives the same order by itself. No error is raised."
    ),
    expected="In each row both values are of the same row, since both streams shuffle with the same seed.",
    cause=(
        "A shuffled stream has two orders with the same seed: read as tables, its shards take turns table by table "
        "and the buffer is permuted at another number of rows than read row by row. concatenate_datasets reads the "
        "stream row by row, but map() and rename_columns read it as tables, as does iterating over it alone."
    ),
    cause_at=CodePlace(
        "datasets/iterable_dataset.py",
        after=r"^class HorizontallyConcatenatedMultiSourcesExamplesIterable",
        pattern=r"ex_iterators = \[iter\(ex_iterable\) for ex_iterable in self\.ex_iterables\]",
        permalink="https://github.com/huggingface/datasets/blob/{version}/src/datasets/iterable_dataset.py#L{line}",
    ),
    links={"came with": "https://github.com/huggingface/datasets/pull/8407"},
    scenarios=(
        _scenario("map", "a column made with map() beside the four shards it was made of"),
        _scenario("batched-map", "made with map(batched=True)", side="batched map"),
        _scenario("rename", "a renamed column", side="rename"),
        _scenario("parquet", "of three streamed Parquet files", source="parquet", shards=3),
        _scenario("skip", "one shard, of which skip() took the first rows", shards=1, cut="skip", rows=ROWS - 8),
        _scenario("buffer", "one shard and a buffer of 128 rows", shards=1, buffer_size=128),
        _scenario("unshuffled", "not shuffled", order="never", control=True),
        _scenario("one-shard", "one shard", shards=1, control=True),
        _scenario("small-buffer", "a buffer of 10 rows", buffer_size=10, control=True),
        _scenario("shuffled-last", "shuffled when the columns are side by side", order="after", control=True),
        _scenario("one-stream", "the column added with map(), nothing put side by side", side="none", control=True),
    ),
    fixes=(
        NO_FIX,
        Fix(
            "shuffle-last",
            FixKind.WORKAROUND,
            HERE / "workarounds" / "shuffle_last.py",
            "the columns are put side by side first, and shuffled then",
        ),
        Fix(
            "read-alike",
            FixKind.PATCH,
            HERE / "patches" / "read_alike.patch",
            "concatenate_datasets reads both sides as tables where they can be",
        ),
    ),
    workaround="shuffle-last",
    columns=(Column("rows misaligned", _misaligned),),
    folder=HERE,
    default_target="datasets==5.2.0 pyarrow==24.0.0",
    default_limits=Limits(timeout_s=60.0, grace_s=30.0),
)
