"""Checks the notebook sources: fixed opening, one parameters cell, short cells, no stored outputs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MAX_LINES = 10
OPENING = ("What this notebook shows", "What it needs")


def faults(notebook: dict[str, Any]) -> Iterator[str]:
    """Everything that is wrong with one notebook source, a line each."""
    cells = notebook["cells"]
    first = "".join(cells[0]["source"]) if cells else ""
    if not cells or cells[0]["cell_type"] != "markdown" or not all(words in first for words in OPENING):
        yield f"the first cell must be text with {OPENING[0]!r} and {OPENING[1]!r}"
    tagged = [c for c in cells if "parameters" in c["metadata"].get("tags", ())]
    if len(tagged) != 1:
        yield f"there must be one cell tagged parameters, not {len(tagged)}"
    for number, cell in enumerate(cells):
        if cell["cell_type"] != "code":
            continue
        lines = "".join(cell["source"]).splitlines()
        if len(lines) > MAX_LINES and cell not in tagged:
            yield f"cell {number} has {len(lines)} lines: at most {MAX_LINES}; logic belongs in repro/"
        if cell["outputs"] or cell["execution_count"] is not None:
            yield f"cell {number} has stored outputs: run 'make strip'"


def main(folder: Path) -> int:
    """Print every fault; the exit status says whether there was one."""
    found = 0
    for path in sorted(folder.glob("*.ipynb")):
        for fault in faults(json.loads(path.read_text("utf-8"))):
            print(f"{path.name}: {fault}")
            found = 1
    return found


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parent.parent / "notebooks"))
