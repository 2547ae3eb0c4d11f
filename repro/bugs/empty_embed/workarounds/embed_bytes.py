"""Recipe: put the bytes of the files into the table before the upload (huggingface/datasets#7852)."""

from pathlib import Path
from typing import Any

import pyarrow as pa
from datasets import Dataset


def embed_bytes(dataset: Dataset) -> Dataset:
    """`dataset` with the bytes of every local file of its file columns, in lists and structs too; one row in memory.

    Upload the result in place of `dataset`. Raises FileNotFoundError for a file that is not on this machine.
    """

    def read(value: Any) -> Any:
        if isinstance(value, list):
            return [read(one) for one in value]
        if not isinstance(value, dict):
            return value
        if set(value) != {"bytes", "path"}:
            return {name: read(one) for name, one in value.items()}
        if value["bytes"] is not None or value["path"] is None:
            return value
        return {"bytes": Path(value["path"]).read_bytes(), "path": Path(value["path"]).name}

    def fill(table: pa.Table) -> pa.Table:
        return pa.Table.from_pylist([read(row) for row in table.to_pylist()], schema=table.schema)

    filled = dataset.with_format("arrow").map(fill, batched=True, batch_size=1, features=dataset.features)
    return filled.with_format(**dataset.format)
