"""Runs one test file with the pytest of the target, and reports how many tests passed, failed and were skipped.

Run as ``python run_pytest.py REQUEST.json EVENTS.jsonl``; ``inputs.test`` is the file. Like any probe it imports
nothing of the kit. Events: ``started``, ``measure`` (``passed``, ``failed``, ``skipped``; ``status`` is pytest's own)
and ``done``.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

START = time.monotonic()


class Count:
    """A pytest plugin that counts tests by how they ended; an error in a fixture is a failure."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.seen[report.outcome] += 1


def main() -> None:
    request = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    test = Path(request["inputs"]["test"])
    with Path(sys.argv[2]).open("a", encoding="utf-8") as events:

        def emit(**event: Any) -> None:
            events.write(json.dumps({"t": round(time.monotonic() - START, 4), **event}) + "\n")
            events.flush()

        emit(event="started", python=sys.version.split()[0], versions={"pytest": pytest.__version__}, files={})
        count = Count()
        options = [
            "-q",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            str(test.parent),
            "-c",
            "/dev/null",
            "--tb=short",
            "--maxfail=3",
        ]
        status = int(pytest.main([*options, str(test)], plugins=[count]))
        counts = {name: count.seen[name] for name in ("passed", "failed", "skipped")}
        emit(event="measure", measures={**counts, "status": status})
        emit(event="done")


if __name__ == "__main__":
    main()
