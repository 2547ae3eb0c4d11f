"""Recipe: a map() that changes nothing between filter() and cast_column() of a streamed dataset."""

from typing import Any


def map_between(dataset: Any) -> Any:
    """`dataset` with the same rows; cast this one."""
    features = dataset.features
    return dataset.map(lambda row: row).cast(features) if features else dataset
