"""One thread in Arrow's CPU pool: ``pyarrow.set_cpu_count(1)``."""

import pyarrow as pa

STAGE = "before"


def one_cpu_thread() -> None:
    pa.set_cpu_count(1)
