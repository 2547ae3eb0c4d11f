"""Recipe: `HfFileSystem` without a cache, and pyarrow."""

from typing import Any

import pyarrow.parquet as pq
from huggingface_hub import HfFileSystem


def cache_none(repository: str, columns: list[str], *, file: str, **_: object) -> dict[str, Any]:
    with HfFileSystem().open(f"datasets/{repository}/{file}", cache_type="none") as content:
        table = pq.ParquetFile(content).read(columns=columns)
    return {name: table[name][0].as_buffer() for name in columns}
