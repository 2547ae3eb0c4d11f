"""Where the kit keeps what it makes: one cache folder and one reports folder."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from repro.errors import EnvironmentFault

APP = "datasets-repro"


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


def checkout() -> Path | None:
    """The kit's own checkout, or ``None`` if it was installed from a wheel."""
    root = Path(__file__).resolve().parent.parent
    return root if (root / "pyproject.toml").exists() else None


def cache() -> Path:
    """Inputs and target environments: ``REPRO_CACHE``, else the platform's cache folder."""
    named = os.environ.get("REPRO_CACHE")
    if named:
        return Path(named).expanduser().absolute()
    from platformdirs import user_cache_path

    return user_cache_path(APP)


def reports() -> Path:
    """Evidence and rendered reports: ``REPRO_REPORTS``, else ``reports/`` of the checkout or of the current folder."""
    named = os.environ.get("REPRO_REPORTS")
    if named:
        return Path(named).expanduser().absolute()
    return (checkout() or Path.cwd()) / "reports"


def notebooks() -> Path:
    """The folder with the notebook sources."""
    return (checkout() or Path.cwd()) / "notebooks"


@contextmanager
def writable(folder: Path, variable: str) -> Iterator[None]:
    """Turn the OSError of a folder that is full or cannot be written into one line that names it and the way out.

    Errors about files elsewhere pass as they are.
    """
    try:
        yield
    except OSError as error:
        about = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes | Path) else None
        ours = error.errno in _FULL if about is None else about.is_relative_to(folder) or folder.is_relative_to(about)
        if not ours:
            raise
        raise EnvironmentFault(
            f"cannot write in {folder} ({error.strerror}): make room there or name another folder with {variable}"
        ) from error
