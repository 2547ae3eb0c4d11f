"""remove_columns of a stream must remove the named columns and no other."""

import pytest
from datasets import Dataset


@pytest.mark.parametrize("remove", ["image_id", ["image_id"]])
def test_only_the_named_column_is_removed(remove: str | list[str]) -> None:
    rows = {"image": ["a"], "image_id": [1], "id": [2]}
    left = Dataset.from_dict(rows).to_iterable_dataset().remove_columns(remove)
    assert sorted(left.column_names) == ["id", "image"]
    assert list(left) == [{"image": "a", "id": 2}]
