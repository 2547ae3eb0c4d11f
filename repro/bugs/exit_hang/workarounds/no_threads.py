"""Decode on the calling thread only: ``use_threads=False``."""

from typing import Any

STAGE = "options"


def no_threads() -> dict[str, dict[str, Any]]:
    return {"to_batches": {"use_threads": False}, "read_table": {"use_threads": False}}
