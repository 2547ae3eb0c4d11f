# /// script
# requires-python = ">=3.10"
# dependencies = ["datasets==5.2.0", "pyarrow==24.0.0"]
# ///
"""With drop_last_batch=True and fewer rows than a batch, batch() and map() return the input instead of no rows."""

import sys

from datasets import Dataset

rows = Dataset.from_dict({"n": [0, 1, 2, 3]})
batched = rows.batch(5, drop_last_batch=True)["n"][:]
mapped = rows.map(lambda part: {"n": [-n for n in part["n"]]}, batched=True, batch_size=5, drop_last_batch=True)["n"][:]
print("batch(5):", batched, "map in batches of 5:", mapped)
print("batch(3):", rows.batch(3, drop_last_batch=True)["n"][:])
sys.exit(bool(batched or mapped))
