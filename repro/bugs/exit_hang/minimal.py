# /// script
# requires-python = ">=3.11"
# dependencies = ["pyarrow==26.0.1"]
# ///
"""The last line is printed, then the process hangs, aborts or segfaults (most runs; run it a few times)."""

import os
import tempfile
from collections.abc import Iterator
from typing import IO

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq


def batches(f: IO[bytes]) -> Iterator[pa.RecordBatch]:
    fragment = ds.ParquetFileFormat().make_fragment(f)
    yield from fragment.to_batches(batch_readahead=0, fragment_readahead=0)


f = tempfile.TemporaryFile()  # noqa: SIM115
table = pa.table({"image": [os.urandom(1 << 19) for _ in range(96)]})
pq.write_table(table, f, row_group_size=16, compression="none", use_dictionary=False)
f.seek(0)
it = batches(f)
print(next(it).num_rows, "rows read with pyarrow", pa.__version__)
print("last line of the script", flush=True)
