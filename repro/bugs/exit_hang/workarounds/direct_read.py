"""Read the wanted columns of the whole file: ``pyarrow.parquet.ParquetFile(f).read(columns=[...])``."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

STAGE = "read"


def direct_read(f: Any) -> Iterator[pa.RecordBatch]:
    yield from pq.ParquetFile(f).read(columns=["id", "image"]).to_batches()
