# /// script
# requires-python = ">=3.10"
# dependencies = ["datasets==4.4.1", "pyarrow==22.0.0"]
# ///
"""Embedding a Nifti column, as push_to_hub does, embeds no bytes and raises no error."""

import sys
import tempfile
from pathlib import Path

from datasets import Dataset, Features, Nifti
from datasets.table import embed_table_storage

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "sub-01_T1w.nii")
    path.write_bytes(b"any bytes: embedding parses none")
    dataset = Dataset.from_dict({"scan": [str(path)]}).cast(Features({"scan": Nifti()}))
    stored = embed_table_storage(dataset.with_format("arrow")[:])["scan"][0].as_py()
print(f"{path.name}: bytes {stored['bytes']!r}; path kept in full: {stored['path'] == str(path)}")
sys.exit(stored["bytes"] is None)
