# /// script
# requires-python = ">=3.10"
# dependencies = ["datasets==5.2.0", "pyarrow==24.0.0"]
# ///
"""push_to_hub embeds no bytes of a list of files whose feature has decode=False, and raises no error."""

import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow.parquet as pq
from datasets import Dataset, Features, List, Nifti, disable_progress_bars


def first_upload(additions: Any, **_: Any) -> None:
    stored = pq.read_table(additions[0].path_or_fileobj)["scans"][0].as_py()[0]
    print(f"in the file that would be uploaded: bytes {stored['bytes']!r}, path {Path(stored['path']).name!r}")
    sys.exit(stored["bytes"] is None)


disable_progress_bars()
with tempfile.TemporaryDirectory() as folder, patch("datasets.arrow_dataset.HfApi") as api:  # nothing is sent
    path = Path(folder, "sub-01_T1w.nii")
    path.write_bytes(b"any bytes: embedding parses none")
    api().repo_info().id = api().create_repo().repo_id = "me/scans"
    api().preupload_lfs_files = first_upload
    features = Features({"scans": List(Nifti(decode=False))})
    Dataset.from_dict({"scans": [[str(path)]]}, features=features).push_to_hub("me/scans")
