# /// script
# requires-python = ">=3.10"
# dependencies = ["datasets==5.2.0", "pyarrow==24.0.0"]
# ///
"""The size estimate behind push_to_hub(max_shard_size=…) counts no Nifti file (sparse files: hardly any disk)."""

import sys
import tempfile
from pathlib import Path

from datasets import Dataset, Features, Image, Nifti

FILES, GB = 40, 10**9
with tempfile.TemporaryDirectory() as folder:
    paths = [f"{folder}/sub-{number}_bold.nii" for number in range(FILES)]
    for path in paths:
        with Path(path).open("wb") as file:
            file.truncate(GB)  # only the size of a file counts, and nothing reads it
    for feature in (Image(), Nifti()):
        estimate = Dataset.from_dict({"scan": paths}).cast(Features({"scan": feature}))._estimate_nbytes()
        shards = int(estimate / (GB / 2)) + 1  # as push_to_hub does, with its default of 500 MB
        print(f"{type(feature).__name__}: {FILES} files of 1 GB estimated at {estimate / GB:.3f} GB: {shards} shard(s)")
sys.exit(shards < FILES)
