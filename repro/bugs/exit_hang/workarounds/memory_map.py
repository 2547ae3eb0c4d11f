"""Map the file with Arrow: ``pyarrow.memory_map(path)``."""

import pyarrow as pa

STAGE = "open"


def memory_map(path: str) -> tuple[pa.NativeFile, None]:
    return pa.memory_map(path), None
