# /// script
# requires-python = ">=3.10"
# dependencies = ["datasets==5.2.0", "pyarrow==24.0.0"]
# ///
"""concatenate_datasets(axis=1) of a shuffled stream and a column made of it pairs values of different rows."""

import sys  # the status

from datasets import Dataset, concatenate_datasets

stream = Dataset.from_dict({"n": list(range(3000))}).to_iterable_dataset(num_shards=4).shuffle(seed=0)
doubled = stream.map(lambda row: {"double": 2 * row["n"]}, remove_columns=["n"])
rows = list(concatenate_datasets([stream, doubled], axis=1))
wrong = sum(row["double"] != 2 * row["n"] for row in rows)
print("the first rows:", rows[:3])
print(f"{wrong} of {len(rows)} rows hold the double of another row")
sys.exit(wrong > 0)
