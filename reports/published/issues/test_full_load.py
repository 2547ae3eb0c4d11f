"""ArrowBasedBuilder must write rows that come one by one before they fill the memory."""

import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from datasets import ArrowBasedBuilder, DatasetInfo, Features, SplitGenerator, Value

ROWS, SIZE = 40, 8 << 20  # 320 MiB


class Rows(ArrowBasedBuilder):
    """Tables of a few large rows, and how much Arrow holds each time another one is asked for."""

    def __init__(self, *, rows_per_table: int, cache_dir: str) -> None:
        self.rows_per_table, self.held = rows_per_table, list[int]()
        super().__init__(cache_dir=cache_dir)

    def _info(self) -> DatasetInfo:
        return DatasetInfo(features=Features({"id": Value("int64"), "image": Value("binary")}))

    def _split_generators(self, dl_manager: object) -> list[SplitGenerator]:
        return [SplitGenerator("train")]

    def _generate_tables(self) -> Iterator[tuple[int, pa.Table]]:
        value = os.urandom(SIZE)
        for start in range(0, ROWS, self.rows_per_table):
            self.held.append(pa.total_allocated_bytes())
            ids = list(range(start, start + self.rows_per_table))
            yield start, pa.table({"id": ids, "image": [value] * len(ids)})


@pytest.mark.parametrize("rows_per_table", [2, 1])
def test_rows_are_written_before_they_fill_the_memory(tmp_path: Path, rows_per_table: int) -> None:
    builder = Rows(rows_per_table=rows_per_table, cache_dir=str(tmp_path))

    builder.download_and_prepare()

    most = max(builder.held) - builder.held[0]
    assert most < ROWS * SIZE / 2, f"{most >> 20} MiB of {ROWS * SIZE >> 20} MiB were held at once"
    assert list(builder.as_dataset("train")["id"]) == list(range(ROWS))
