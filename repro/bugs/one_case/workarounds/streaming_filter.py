"""Recipe: let `filter` find the case in the stream."""

from typing import Any

from datasets import load_dataset


def streaming_filter(repository: str, columns: list[str], *, id: str, **_: object) -> dict[str, Any]:
    rows = load_dataset(repository, split="train", streaming=True)
    row = next(iter(rows.filter(lambda subject: subject == id, input_columns="subject_id")))
    return {name: row[name] for name in columns}
