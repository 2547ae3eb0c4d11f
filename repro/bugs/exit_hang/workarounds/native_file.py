"""Open the file with Arrow, not with Python: ``pyarrow.OSFile(path)``."""

import pyarrow as pa

STAGE = "open"


def native_file(path: str) -> tuple[pa.NativeFile, None]:
    return pa.OSFile(path), None
