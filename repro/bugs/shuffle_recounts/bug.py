"""Declares ``shuffle-recounts``: shuffle() of a stream undoes a filter by index, and leaves no batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from repro.bugs.declaration import NO_FIX, Bug, CodePlace, Column, Fix, FixKind, Scenario
from repro.model import Limits, Outcome

HERE = Path(__file__).parent


def _scenario(name: str, title: str, what: str, expected: Any, *, shards: int = 8, **more: Any) -> Scenario:
    inputs = {"what": what, "shards": shards, "order": more.pop("order", "after")}
    return Scenario(name, title, inputs=inputs, expected={"found": expected}, **more)


def _found(outcome: Outcome) -> str:
    found = outcome.measures.get("found")
    return "" if found is None else str(found)


BUG = Bug(
    slug="shuffle-recounts",
    title="IterableDataset.shuffle() undoes filter(with_indices=True), batch() and map(with_indices=True) before it",
    summary=(
        "shuffle() of a streamed dataset with several shards does not only change the order of the rows. What counts "
        "or groups rows before it starts again in each of up to ten shards: a filter by index keeps other and more "
        "rows, batch(drop_last_batch=True) loses rows, and the index that map() is given is no longer that of the "
        "dataset. No error is raised."
    ),
    expected="The same rows, batches and indices as without shuffle(), in another order.",
    cause=(
        "InterleavedShardsExamplesIterable makes a copy of the whole chain of operations for each shard, so each copy "
        "counts from zero and fills its own batches; the rows should be interleaved before they are counted."
    ),
    cause_at=CodePlace(
        "datasets/iterable_dataset.py",
        after=r"^class InterleavedShardsExamplesIterable",
        pattern=r"self\.ex_iterable\.shard_data_sources\(num_shards, index\)",
        permalink="https://github.com/huggingface/datasets/blob/{version}/src/datasets/iterable_dataset.py#L{line}",
    ),
    links={"came with": "https://github.com/huggingface/datasets/pull/8194"},
    scenarios=(
        _scenario("filter", "the number of rows of a filter that keeps every second one", "filter", 4),
        _scenario("batch", "the number of batches of two rows", "batch", 4),
        _scenario("indices", "the indices that map() is given", "indices", list(range(8))),
        _scenario("two-shards", "batches of eight rows, of two shards of four rows", "batch", 1, shards=2),
        _scenario("filter-unshuffled", "the filter, not shuffled", "filter", 4, order="never", control=True),
        _scenario("filter-one-shard", "the filter, of one shard", "filter", 4, shards=1, control=True),
        _scenario("batch-one-shard", "the batches, of one shard", "batch", 4, shards=1, control=True),
        _scenario("shuffled-first", "shuffled before the filter", "filter", 4, order="before", control=True),
        _scenario("rows", "a filter by value", "value", 4, control=True),
    ),
    fixes=(
        NO_FIX,
        Fix(
            "one-input",
            FixKind.WORKAROUND,
            HERE / "workarounds" / "one_input.py",
            "shuffle(max_buffer_input_shards=1)",
        ),
        Fix(
            "no-interleaving",
            FixKind.PATCH,
            HERE / "patches" / "no_interleaving.patch",
            "shards are not interleaved after an operation that counts or groups rows",
        ),
    ),
    workaround="one-input",
    columns=(Column("what came", _found),),
    folder=HERE,
    default_target="datasets==5.2.0 pyarrow==24.0.0",
    default_limits=Limits(timeout_s=60.0, grace_s=30.0),
)
