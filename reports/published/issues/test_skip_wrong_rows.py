"""skip(n) and take(n) of a streamed dataset must not depend on how its rows are cut into Arrow tables."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import IterableDataset, load_dataset

ROWS = 12


@pytest.fixture(params=[1, 2, 3, 12], ids=lambda rows: f"{rows} row(s) a file")
def stream(request: pytest.FixtureRequest, tmp_path: Path) -> IterableDataset:
    for start in range(0, ROWS, request.param):
        table = pa.table({"id": list(range(start, start + request.param))})
        pq.write_table(table, tmp_path / f"{start:02d}.parquet")
    files = sorted(str(path) for path in tmp_path.glob("*.parquet"))
    return load_dataset("parquet", data_files=files, split="train", streaming=True)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5, 6, 11, 12, 13])
def test_skip_gives_the_rows_after_the_first_n(stream: IterableDataset, n: int) -> None:
    every = list(range(ROWS))
    assert [row["id"] for row in stream.skip(n)] == every[n:]
    assert [row["id"] for row in stream.skip(n).take(2)] == every[n : n + 2]
    assert [row["id"] for row in stream.take(n)] == every[:n]


@pytest.mark.parametrize("read", [1, 2, 4])
def test_a_skipped_stream_goes_on_where_it_was_stopped(stream: IterableDataset, read: int) -> None:
    skipped = stream.skip(5)
    rows = iter(skipped)
    first = [next(rows)["id"] for _ in range(read)]
    skipped.load_state_dict(skipped.state_dict())
    assert first + [row["id"] for row in skipped] == list(range(5, ROWS))
