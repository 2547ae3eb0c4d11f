"""A shared lock that says: a kit is at work on this reports folder. It goes with its process, however that ends."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import threading
from pathlib import Path

from repro import places
from repro.errors import UserError

FOLDER = "locks"
"""Where the lock files lie, in the cache."""
_held: dict[Path, int] = {}
_LOCK = threading.Lock()


def _file(folder: Path) -> Path:
    return places.cache() / FOLDER / hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]


def hold(folder: Path) -> None:
    """Keep ``folder`` from being cleaned as long as this process lives, where files can be locked."""
    with _LOCK, contextlib.suppress(OSError):
        if folder not in _held:
            path = _file(folder)
            path.parent.mkdir(parents=True, exist_ok=True)
            _held[folder] = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(_held[folder], fcntl.LOCK_SH)


def refuse_if_held(folder: Path) -> None:
    """Raise UserError if another process is at work on ``folder``."""
    with _LOCK:
        own = _held.get(folder)
        try:
            fd = own if own is not None else os.open(_file(folder), os.O_RDWR)
        except OSError:  # nobody ever made a trial for it
            return
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(
                f"a kit is at work on {folder}: wait until it has ended, or end it (an open notebook counts too), "
                "then clean again"
            ) from error
        except OSError:  # a file system without locks
            return
        finally:
            if own is None:
                os.close(fd)
            else:
                with contextlib.suppress(OSError):
                    fcntl.flock(own, fcntl.LOCK_SH)
