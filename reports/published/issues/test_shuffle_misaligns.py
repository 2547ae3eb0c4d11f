"""What is made of one shuffled stream must fit together: the same seed is the same order, however the rows are read."""

from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset, IterableDataset, concatenate_datasets, load_dataset

ROWS = 300
MADE = {
    "map": lambda stream: stream.map(lambda row: {"m": row["n"]}, remove_columns=["n"]),
    "batched map": lambda stream: stream.map(lambda rows: {"m": rows["n"]}, batched=True, remove_columns=["n"]),
    "renamed": lambda stream: stream.rename_columns({"n": "m"}),
}


def pairs(stream: IterableDataset, make: Any) -> list[tuple[int, int]]:
    return [(row["n"], row["m"]) for row in concatenate_datasets([stream, make(stream)], axis=1)]


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
@pytest.mark.parametrize("buffer_size", [1, 10, 25, 100, 1000])
@pytest.mark.parametrize("shards", [1, 4])
def test_both_columns_of_a_row_are_of_the_same_row(shards: int, buffer_size: int, make: Any) -> None:
    whole = Dataset.from_dict({"n": list(range(ROWS))}).to_iterable_dataset(num_shards=shards)
    for stream, numbers in ((whole, range(ROWS)), (whole.skip(7), range(7, ROWS)), (whole.take(50), range(50))):
        found = pairs(stream.shuffle(seed=0, buffer_size=buffer_size), make)
        assert all(one == other for one, other in found)
        assert sorted(one for one, _ in found) == list(numbers)


def test_both_columns_of_streamed_files_are_of_the_same_row(tmp_path: Path) -> None:
    files = [str(tmp_path / f"{index}.parquet") for index in range(3)]
    for index, file in enumerate(files):
        Dataset.from_dict({"n": list(range(100 * index, 100 * index + 100))}).to_parquet(file)
    stream = load_dataset("parquet", data_files=files, split="train", streaming=True)
    found = pairs(stream.shuffle(seed=0, buffer_size=128), MADE["map"])
    assert all(one == other for one, other in found) and len(found) == ROWS
