# /// script
# requires-python = ">=3.10"
# dependencies = ["datasets==5.2.0", "pyarrow==26.0.1"]
# ///
"""Embedding one row whose files hold more than 2 GiB together raises (sparse files; it takes 4.4 GiB of memory)."""

import tempfile
from pathlib import Path

from datasets import Dataset, Features, Nifti, Sequence
from datasets.table import embed_table_storage

FILES, SIZE = 3, 720 * 2**20
with tempfile.TemporaryDirectory() as folder:
    paths = [f"{folder}/run-{number}_bold.nii" for number in range(FILES)]
    for path in paths:
        with Path(path).open("wb") as file:
            file.truncate(SIZE)
    ds = Dataset.from_dict({"bold": [paths]}).cast(Features({"bold": Sequence(Nifti())}))
    print(f"embedding {FILES} files, {FILES * SIZE} bytes together", flush=True)
    embed_table_storage(ds.with_format("arrow")[:])
