# /// script
# requires-python = ">=3.10"
# dependencies = ["datasets==5.2.0", "pyarrow==24.0.0"]
# ///
"""remove_columns("image_id") of a stream forgets the column "image", too; beside another dataset it is gone."""

import sys

from datasets import Dataset, concatenate_datasets

images = Dataset.from_dict({"image": ["a", "b"], "image_id": [1, 2]}).to_iterable_dataset()
labels = Dataset.from_dict({"label": [0, 1]}).to_iterable_dataset()
left = images.remove_columns("image_id")
print("columns:", left.column_names, "with a list:", images.remove_columns(["image_id"]).column_names)
row = next(iter(concatenate_datasets([left, labels], axis=1)))
print("first row beside labels:", row)
sys.exit("image" not in row)
