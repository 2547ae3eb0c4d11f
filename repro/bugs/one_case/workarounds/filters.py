"""Recipe: stream with `filters=`, which pyarrow applies to each file."""

from typing import Any

from datasets import load_dataset


def filters(repository: str, columns: list[str], *, id: str, **_: object) -> dict[str, Any]:
    rows = load_dataset(repository, split="train", streaming=True, filters=[("subject_id", "==", id)])
    row = next(iter(rows))
    return {name: row[name] for name in columns}
