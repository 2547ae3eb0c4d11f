"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file in one step: a reader sees all of it or what was there before, even after a crash.

    Makes the folder if it is missing. On failure nothing is left behind, and the OSError reaches the caller.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    fresh = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.chmod(0o644)  # mkstemp lets only the owner read
        fresh.replace(path)
    except BaseException:
        with suppress(OSError):  # it is the first error that tells what is wrong
            fresh.unlink(missing_ok=True)
        raise
