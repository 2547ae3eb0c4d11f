# /// script
# requires-python = ">=3.10"
# dependencies = ["datasets==4.8.5"]
# ///
"""skip(n) of a streamed dataset gives rows that it should have skipped, without an error."""

import sys

from datasets import Dataset

wrong = False
for tables in (1, 2, 8):  # the same eight rows, as so many Arrow tables; a Parquet file or row group is one
    stream = Dataset.from_dict({"id": list(range(8))}).to_iterable_dataset(num_shards=tables)
    for n in (1, 3, 4, 8):
        ids = [row["id"] for row in stream.skip(n)]
        print(f"{tables} table(s), skip({n}): {ids}")
        wrong |= ids != list(range(n, 8))
sys.exit(wrong)
