"""Embedding a Nifti column must store the bytes of its files (huggingface/datasets#7852)."""

from pathlib import Path

import pytest
from datasets import Dataset, Features, List, Nifti
from datasets.table import embed_table_storage


@pytest.mark.parametrize("listed", [False, True], ids=["plain", "list"])
def test_embedding_stores_the_bytes_and_the_name_of_each_file(tmp_path: Path, listed: bool) -> None:
    """Embedding copies bytes and parses none, so the files need be no scans."""
    files = [tmp_path / f"sub-{number}.nii" for number in range(2)]
    for file in files:
        file.write_bytes(file.name.encode())
    paths = [str(file) for file in files]
    values, feature = ([paths], List(Nifti())) if listed else (paths, Nifti())
    dataset = Dataset.from_dict({"scan": values}).cast(Features({"scan": feature}))

    column = embed_table_storage(dataset.with_format("arrow")[:])["scan"].to_pylist()

    expected = [{"bytes": file.name.encode(), "path": file.name} for file in files]
    assert (column[0] if listed else column) == expected
