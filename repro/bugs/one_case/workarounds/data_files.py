"""Recipe: `load_dataset` of the one file."""

from typing import Any

from datasets import load_dataset


def data_files(repository: str, columns: list[str], *, file: str, **_: object) -> dict[str, Any]:
    row = load_dataset(repository, data_files=file, split="train")[0]
    return {name: row[name] for name in columns}
