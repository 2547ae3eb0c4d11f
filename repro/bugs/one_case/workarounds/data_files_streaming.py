"""Recipe: stream the needed columns of the one file."""

from typing import Any

from datasets import load_dataset


def data_files_streaming(repository: str, columns: list[str], *, file: str, **_: object) -> dict[str, Any]:
    row = next(iter(load_dataset(repository, data_files=file, split="train", streaming=True, columns=columns)))
    return {name: row[name] for name in columns}
