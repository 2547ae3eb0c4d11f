"""Where the kit keeps what it makes: one cache folder and one reports folder."""

from __future__ import annotations

import os
from pathlib import Path

APP = "datasets-repro"


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
