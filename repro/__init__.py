"""Reproduce, measure and report bugs of Hugging Face ``datasets`` and PyArrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Lab", "__version__"]

if TYPE_CHECKING:
    from repro.lab import Lab


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext repro`` in a notebook."""
    from repro.cell import load

    load(shell)


def __getattr__(name: str) -> Any:
    """Import the facade only when it is used, so that ``import repro`` stays cheap."""
    if name == "Lab":
        from repro.lab import Lab

        return Lab
    raise AttributeError(f"module 'repro' has no attribute {name!r}")
