"""Small JSON records in the cache: versioned, and written in one step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from repro.files import write_atomic

SCHEMA = 1


def load(file: Path) -> dict[str, Any] | None:
    """The record, or ``None`` if there is none that this version can read: a cache may always be made anew."""
    try:
        kept: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return kept if isinstance(kept, dict) and kept.get("schema") == SCHEMA else None


def save(file: Path, content: Mapping[str, Any]) -> None:
    """Write the record so that a reader sees all of it or none."""
    write_atomic(file, json.dumps({"schema": SCHEMA, **content}, indent=1).encode())
