"""Files that are on the disk when a call returns, and replaced in one step."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path


def replace_file(path: Path, text: str) -> None:
    """Replace a file in one step, on the disk when this returns."""
    new = path.with_name(f".{path.name}.new")
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        os.write(file, text.encode())
        sync(file)
    finally:
        os.close(file)
    sync_folder(path.parent)  # the names of the shards too
    new.replace(path)
    sync_folder(path.parent)


def sync(file: int) -> None:
    if hasattr(fcntl, "F_FULLFSYNC"):  # macOS: fsync leaves it in the drive
        with contextlib.suppress(OSError):
            fcntl.fcntl(file, fcntl.F_FULLFSYNC)
            return
    os.fsync(file)


def sync_folder(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
