"""Recipe: give remove_columns of a streamed dataset a list, for one column too."""

from typing import Any


def as_list(dataset: Any, columns: str | list[str]) -> Any:
    """`dataset` without these columns."""
    return dataset.remove_columns([columns] if isinstance(columns, str) else columns)
