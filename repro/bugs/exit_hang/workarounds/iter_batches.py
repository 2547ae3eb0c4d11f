"""Use the older reader: ``pyarrow.parquet.ParquetFile(f).iter_batches(batch_size=10)`` in place of a fragment.

The batch size matters: with the default of 65,536 rows the first batch of a small file is the whole file.
"""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

STAGE = "read"


def iter_batches(f: Any) -> Iterator[pa.RecordBatch]:
    yield from pq.ParquetFile(f).iter_batches(batch_size=10)
