"""A process that read Parquet through a Python file object must be able to end (apache/arrow#45214)."""

import subprocess
import sys
import textwrap

import pytest

RUNS, PATIENCE_S = 20, 30  # it is a race; the first run that hangs or crashes ends the test
SCRIPT = textwrap.dedent(
    """
    import os, tempfile
    import pyarrow as pa, pyarrow.dataset as ds, pyarrow.parquet as pq

    def fragment(f):
        yield from ds.ParquetFileFormat().make_fragment(f).to_batches(batch_readahead=0, fragment_readahead=0)

    def parquet_file(f):
        yield from pq.ParquetFile(f).iter_batches(batch_size=10)

    f = tempfile.TemporaryFile()
    table = pa.table({"image": [os.urandom(1 << 19) for _ in range(96)]})
    pq.write_table(table, f, row_group_size=16, compression="none", use_dictionary=False)
    f.seek(0)
    it = WAY(f)
    next(it)
    print("last line", flush=True)
    """
)


@pytest.mark.parametrize("way", ["fragment", "parquet_file"])  # the second is the workaround: it should always pass
def test_the_process_ends_by_itself_although_an_iterator_is_alive(way: str) -> None:
    for run in range(RUNS):
        command = [sys.executable, "-c", SCRIPT.replace("WAY", way)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            pytest.fail(f"run {run}: the process did not end within {PATIENCE_S} s of its start")
        assert done.stdout.strip() == "last line"
        assert done.returncode == 0, done.stderr[-2000:]
