"""Read all bytes first, then hand Arrow a buffer: ``pyarrow.BufferReader(open(path, "rb").read())``.

For a file that only Python can open (``fsspec``) and that fits in memory.
"""

from pathlib import Path

import pyarrow as pa

STAGE = "open"


def whole_buffer(path: str) -> tuple[pa.NativeFile, None]:
    return pa.BufferReader(Path(path).read_bytes()), None
