"""Whole files that users take home; each stands alone and imports nothing of the kit."""

from __future__ import annotations

from pathlib import Path

from repro.errors import unknown

_HERE = Path(__file__).parent


def names() -> list[str]:
    """The recipes, sorted: the files beside this one, with ``-`` for ``_``."""
    return sorted(path.stem.replace("_", "-") for path in _HERE.glob("[!_]*.py"))


def source(name: str) -> str:
    """The text of a recipe; UserError for an unknown name."""
    if name not in (known := names()):
        raise unknown("recipe", name, known)
    return (_HERE / f"{name.replace('-', '_')}.py").read_text("utf-8")
