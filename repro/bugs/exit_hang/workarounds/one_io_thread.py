"""One thread in Arrow's I/O pool: ``pyarrow.set_io_thread_count(1)``."""

import pyarrow as pa

STAGE = "before"


def one_io_thread() -> None:
    pa.set_io_thread_count(1)
