# /// script
# requires-python = ">=3.11"
# dependencies = ["datasets==5.2.0", "pyarrow==26.0.1"]
# ///
"""The last line is printed, then the process hangs, aborts or segfaults (most runs; run it a few times)."""

import os
import tempfile

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import load_dataset

with tempfile.TemporaryDirectory() as folder:
    table = pa.table({"image": [os.urandom(1 << 19) for _ in range(96)]})
    pq.write_table(table, f"{folder}/a.parquet", row_group_size=16, compression="none", use_dictionary=False)
    dataset = load_dataset("parquet", data_files=f"{folder}/a.parquet", split="train", streaming=True)
    it = iter(dataset)
    row = next(it)
print("last line of the script", flush=True)
