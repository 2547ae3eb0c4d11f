"""Recipe: push with a folder for temporary files of its own, which is removed afterwards with all that is in it."""

import os
import tempfile
from unittest import mock

from datasets import Dataset


def private_tmpdir(dataset: Dataset, repo_id: str, num_shards: int, num_proc: int | None = None) -> None:
    """`push_to_hub`, whose temporary files go with their folder; so they do after an exception, not after SIGKILL."""
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(tempfile, "tempdir", folder),
        mock.patch.dict(os.environ, TMPDIR=folder),  # for worker processes
    ):
        dataset.push_to_hub(repo_id, num_shards=num_shards, num_proc=num_proc)
