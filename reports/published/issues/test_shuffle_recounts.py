"""shuffle() of a stream must change the order of what comes before it, and nothing else."""

from typing import Any

import pytest
from datasets import Dataset, IterableDataset

ROWS = 12


@pytest.fixture(params=[1, 2, 3, 12], ids=lambda shards: f"{shards} shard(s)")
def stream(request: pytest.FixtureRequest) -> IterableDataset:
    return Dataset.from_dict({"n": list(range(ROWS))}).to_iterable_dataset(num_shards=request.param)


def shuffled(stream: IterableDataset) -> list[dict[str, Any]]:
    return list(stream.shuffle(seed=0, buffer_size=ROWS))


def test_a_filter_by_index_keeps_as_many_rows(stream: IterableDataset) -> None:
    kept = stream.filter(lambda row, index: index % 3 == 0, with_indices=True)
    assert len(shuffled(kept)) == ROWS // 3


@pytest.mark.parametrize("size", [2, 4, 12])
def test_as_many_whole_batches_come(stream: IterableDataset, size: int) -> None:
    batches = [row["n"] for row in shuffled(stream.batch(size, drop_last_batch=True))]
    assert [len(batch) for batch in batches] == [size] * (ROWS // size)
    assert sorted(value for batch in batches for value in batch) == list(range(ROWS))


def test_each_index_comes_once(stream: IterableDataset) -> None:
    numbered = stream.map(lambda row, index: {"index": index}, with_indices=True)
    assert sorted(row["index"] for row in shuffled(numbered)) == list(range(ROWS))
