"""A cast of a stream must change the rows, whatever came before it."""

from collections.abc import Callable
from typing import Any

import pytest
from datasets import ClassLabel, Dataset, Features, Value

STRINGS = Features({"x": Value("string")})


@pytest.mark.parametrize(
    "before",
    [
        lambda stream: stream,
        lambda stream: stream.filter(lambda row: True),
        lambda stream: stream.filter(lambda rows: [True] * len(rows["x"]), batched=True),
        lambda stream: stream.map(lambda row: row, features=STRINGS),
        lambda stream: stream.filter(lambda row: True).skip(0),
    ],
    ids=["nothing", "filter", "filter-batched", "map-features", "filter-skip"],
)
def test_rows_have_the_types_of_the_features(before: Callable[[Any], Any]) -> None:
    stream = before(Dataset.from_dict({"x": ["cat", "dog"]}).to_iterable_dataset())
    feature = ClassLabel(names=["dog", "cat"])
    assert [row["x"] for row in stream.cast_column("x", feature)] == [1, 0]
    assert [row["x"] for row in stream.cast(Features({"x": feature}))] == [1, 0]
