"""The size estimate must count external files, whatever feature holds them (huggingface/datasets#5386)."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from datasets import Dataset, Features, Image, LargeList, List, Nifti, Pdf

ROWS, SIZE = 8, 100_000


@pytest.fixture
def paths(tmp_path: Path) -> list[str]:
    """Two files a row. The estimate asks for their sizes only, so they need be no images."""
    files = [tmp_path / f"{number}.bin" for number in range(2 * ROWS)]
    for file in files:
        file.write_bytes(bytes(SIZE))
    return [str(file) for file in files]


def dataset_of(values: Any, feature: Any) -> Dataset:
    """Made from Arrow, as encoding an image would need the library that decodes it."""
    schema = Features({"file": feature}).arrow_schema
    return Dataset(pa.Table.from_arrays([pa.array(values, schema.field("file").type)], schema=schema))


@pytest.mark.parametrize("feature", [Image(), Nifti(), Pdf()], ids=["image", "nifti", "pdf"])
@pytest.mark.parametrize("nesting", ["plain", "struct", "list", "large-list", "fixed-list"])
def test_the_estimate_counts_external_files(paths: list[str], feature: Any, nesting: str) -> None:
    stored = [{"bytes": None, "path": path} for path in paths]
    pairs = [stored[at : at + 2] for at in range(0, len(stored), 2)]
    column, kind = {
        "plain": (stored, feature),
        "struct": ([{"inner": one} for one in stored], {"inner": feature}),
        "list": (pairs, List(feature)),
        "large-list": (pairs, LargeList(feature)),
        "fixed-list": (pairs, List(feature, length=2)),
    }[nesting]
    true_size = len(paths) * SIZE

    assert true_size * 0.9 < dataset_of(column, kind)._estimate_nbytes() < true_size * 1.1


def test_rows_picked_by_index_are_counted_alone(paths: list[str]) -> None:
    dataset = dataset_of([{"bytes": None, "path": path} for path in paths], Nifti()).select([5, 1])

    assert 2 * SIZE * 0.9 < dataset._estimate_nbytes() < 2 * SIZE * 1.1


def test_bytes_in_the_table_are_counted_once() -> None:
    values = [{"bytes": bytes(SIZE), "path": "scan.nii"}] * ROWS
    dataset = dataset_of(values, Nifti())

    assert ROWS * SIZE * 0.9 < dataset._estimate_nbytes() < ROWS * SIZE * 1.1
