# /// script
# requires-python = ">=3.10"
# dependencies = ["datasets==5.2.0", "pyarrow==26.0.1"]
# ///
"""load_dataset of Parquet files with one row each holds all rows in memory, twice; with two rows a file it does not."""

import os
import sys
import tempfile

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import load_dataset

ROWS, MIB = 32, 4  # memory grows with both, and with large rows the process is killed


def load(rows_per_file: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        for i in range(ROWS // rows_per_file):
            images = [os.urandom(MIB << 20) for _ in range(rows_per_file)]
            pq.write_table(pa.table({"image": images}), f"{folder}/{i:03d}.parquet")
        load_dataset("parquet", data_files=f"{folder}/*.parquet", split="train", cache_dir=f"{folder}/cache")
    peak: int = pa.default_memory_pool().max_memory() >> 20
    print(f"{ROWS * MIB} MiB of data, {rows_per_file} row(s) a file: Arrow's memory peak was {peak} MiB")
    return peak


load(rows_per_file=2)
sys.exit(load(rows_per_file=1) > ROWS * MIB)
