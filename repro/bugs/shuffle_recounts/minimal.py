# /// script
# requires-python = ">=3.10"
# dependencies = ["datasets==5.2.0", "pyarrow==24.0.0"]
# ///
"""shuffle() of a sharded stream restarts what counts rows before it: filter(with_indices=True), batch(), map()."""

import sys  # the status

from datasets import Dataset

stream = Dataset.from_dict({"n": list(range(8))}).to_iterable_dataset(num_shards=8)
even = stream.filter(lambda row, i: i % 2 == 0, with_indices=True)
pairs = stream.batch(2, drop_last_batch=True)
numbered = stream.map(lambda row, i: {"i": i}, with_indices=True)
before = sorted(row["n"] for row in even), len(list(pairs)), sorted(row["i"] for row in numbered)
even, pairs, numbered = (one.shuffle(seed=0, buffer_size=8) for one in (even, pairs, numbered))
after = sorted(row["n"] for row in even), len(list(pairs)), sorted(row["i"] for row in numbered)
print("rows kept, batches, indices")
print("before shuffle:", before)
print("after shuffle: ", after)
sys.exit(before != after)
