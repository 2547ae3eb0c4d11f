"""Embedding a slice of a list column must read the files of that slice only (huggingface/datasets#7894)."""

import sys
from pathlib import Path

import pytest
from datasets import Dataset, Features, Nifti, Sequence
from datasets.table import embed_table_storage

ROWS, FILES = 4, 2
opened: list[str] = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)


@pytest.fixture
def dataset(tmp_path: Path) -> tuple[Dataset, list[list[str]]]:
    """Rows of two files each; every file differs. Embedding copies bytes and parses none, so they need be no scans."""
    rows = []
    for row in range(ROWS):
        paths = [str(tmp_path / f"sub-{row}_run-{run}.nii") for run in range(FILES)]
        for run, path in enumerate(paths):
            Path(path).write_bytes(f"row {row}, run {run}".encode())
        rows.append(paths)
    return Dataset.from_dict({"bold": rows}).cast(Features({"bold": Sequence(Nifti())})), rows


@pytest.mark.parametrize("index", [0, 1, ROWS - 1], ids=["first", "middle", "last"])
def test_embedding_a_shard_opens_the_files_of_its_rows_only(
    dataset: tuple[Dataset, list[list[str]]], index: int
) -> None:
    ds, rows = dataset
    shard = ds.shard(num_shards=ROWS, index=index, contiguous=True).with_format("arrow")[:]
    opened.clear()

    embedded = embed_table_storage(shard)

    every = {path for row in rows for path in row}
    assert sorted(path for path in opened if path in every) == sorted(rows[index])
    expected = [Path(path).read_bytes() for path in rows[index]]
    assert [value["bytes"] for value in embedded["bold"].to_pylist()[0]] == expected
