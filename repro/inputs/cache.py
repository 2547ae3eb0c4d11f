"""Inputs are made once: under a lock, in a temporary sibling, and renamed when they are complete."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from repro.errors import UserError
from repro.inputs.manifest import FILE_NAME, Manifest


def build_once(folder: Path, make: Callable[[Path], Manifest]) -> Manifest:
    """The manifest of ``folder``, which ``make`` fills the first time.

    ``make`` gets an empty temporary folder and returns a manifest with that root. Whatever stops it, no half-made input
    stays under the final name, and what a killed builder left is removed by the next one. The empty lock file stays:
    removing it would let two builders hold "the" lock.
    """
    finished = folder / FILE_NAME
    if finished.exists():
        return Manifest.load(finished)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / f".{folder.name}.lock"):
            if not finished.exists():
                _build(folder, make)
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS}:
            raise
        raise UserError(
            f"cannot write inputs in {folder.parent} ({error.strerror}): "
            "set the environment variable REPRO_CACHE to a folder that can be written and has room"
        ) from error
    return Manifest.load(finished)


def _build(folder: Path, make: Callable[[Path], Manifest]) -> None:
    scratch = folder.parent / f".{folder.name}.tmp"
    for stale in (scratch, folder):  # we hold the lock, so nobody is at work in either
        shutil.rmtree(stale, ignore_errors=True)
    scratch.mkdir()
    try:
        make(scratch).save(scratch / FILE_NAME)
        scratch.rename(folder)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
