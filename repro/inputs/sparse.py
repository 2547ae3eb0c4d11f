"""Proof, before anything large is laid out, that a folder's file system keeps holes and has room.

A file of the cohort is a header and a hole. Where holes are stored as real bytes (FAT, some network and FUSE mounts)
273 GB of them would fill the disk, so the first file is a throw-away one whose allocated blocks are counted.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from repro.errors import UserError

PER_FILE = 16 << 10
"""Disk that one sparse file with its share of folders may take, in bytes (measured: about 7 KiB on ext4)."""

PROBE_SIZE = 16 << 20
ALLOWED = 128 << 10  # one record of the coarsest common sparse file system (ZFS)
ELSEWHERE = "set the environment variable REPRO_CACHE to a folder"


def allocated_bytes(file: Path) -> int:
    """Bytes of disk behind ``file``, as the file system accounts for them."""
    return file.stat().st_blocks * 512  # 512 whatever the block size: POSIX leaves it open, Linux and macOS agree


def free_bytes(folder: Path) -> int:
    """Bytes that may still be written below ``folder``."""
    return shutil.disk_usage(folder).free


def require_free(folder: Path, needed_disk: int, *, free: Callable[[Path], int] = free_bytes) -> None:
    """Raise UserError unless ``needed_disk`` bytes are free on the file system of ``folder``."""
    available = free(folder)
    if available < needed_disk:
        raise UserError(
            f"{folder} has {available / 1e6:.1f} MB free and these inputs need {needed_disk / 1e6:.1f} MB: "
            f"make room, or {ELSEWHERE} on a larger disk"
        )


def require(
    folder: Path,
    needed_disk: int,
    *,
    allocated: Callable[[Path], int] = allocated_bytes,
    free: Callable[[Path], int] = free_bytes,
) -> None:
    """Raise UserError unless ``folder`` (it exists) keeps holes as holes and has ``needed_disk`` bytes free.

    Leaves nothing behind: the file that proves it is 16 MiB apparent and removed at once.
    """
    require_free(folder, needed_disk, free=free)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".sparse-") as probe:
        probe.write(b"\1" * 352)
        try:
            probe.truncate(PROBE_SIZE)
            probe.flush()
            os.fsync(probe.fileno())  # some file systems count blocks only once they are written
            used = allocated(Path(probe.name))
        except OSError:  # a full disk stands for the bytes that a hole took
            used = PROBE_SIZE
    if used > ALLOWED:
        raise UserError(
            f"the file system of {folder} is not sparse ({used} bytes allocated for 352 written in a "
            f"{PROBE_SIZE}-byte file): {ELSEWHERE} on ext4, xfs, btrfs or APFS"
        )
