# /// script
# requires-python = ">=3.10"
# dependencies = ["datasets==5.2.0", "pyarrow==24.0.0"]
# ///
"""After filter(), cast_column() of a streamed dataset changes its features and no value."""

import sys

from datasets import ClassLabel, Dataset

stream = Dataset.from_dict({"label": ["cat", "dog"]}).to_iterable_dataset()
names = ClassLabel(names=["dog", "cat"])
expected = [row["label"] for row in stream.cast_column("label", names)]
cast = stream.filter(lambda row: True).cast_column("label", names)
got = [row["label"] for row in cast]
print("features:", cast.features)
print("without filter:", expected, "after filter:", got)
sys.exit(got != expected)
