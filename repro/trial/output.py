"""Files that a probe writes: made before it starts, and read only through the descriptors held since then."""

from __future__ import annotations

import os
from pathlib import Path

TAIL_BYTES = 64 << 10
FLOOD_BYTES = 16 << 20


class HeldFile:
    """A new file, open for reading and appending. Whatever the probe puts in its place is never opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW
        self.fd = os.open(path, flags, 0o600)

    @property
    def size(self) -> int:
        return os.fstat(self.fd).st_size

    @property
    def replaced(self) -> bool:
        """Whether the name now leads to something else."""
        try:
            there, held = self.path.stat(follow_symlinks=False), os.fstat(self.fd)
        except OSError:
            return True
        return (there.st_dev, there.st_ino) != (held.st_dev, held.st_ino)

    def read(self, offset: int, count: int) -> bytes:
        return os.pread(self.fd, count, offset)

    def close(self) -> None:
        os.close(self.fd)


class Output(HeldFile):
    """One output stream. A flood is cut down in place to bound the disk use; the tail is kept.

    The file is in append mode: after truncation the child goes on at the new end instead of leaving a hole.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._gone = 0
        self._saved = b""

    @property
    def flooded(self) -> bool:
        return self.size > FLOOD_BYTES

    def trim(self) -> None:
        """Drop all but the tail. The writer must be paused: what it wrote meanwhile would be lost."""
        size = self.size
        self._saved = self.read(max(0, size - TAIL_BYTES), TAIL_BYTES)
        self._gone += size
        os.ftruncate(self.fd, 0)

    def tail(self) -> str:
        """The last 64 KiB as text, after a note of how much was written before them."""
        size = self.size
        data = (self._saved + self.read(max(0, size - TAIL_BYTES), TAIL_BYTES))[-TAIL_BYTES:]
        dropped = self._gone + size - len(data)
        note = f"[{dropped} bytes of output dropped]\n" if dropped else ""
        return note + data.decode("utf-8", "replace")
