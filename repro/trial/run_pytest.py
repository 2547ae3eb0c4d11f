"""Runs one test file with the pytest of the target, and reports how many tests passed, failed and were skipped.

Run as ``python run_pytest.py REQUEST.json EVENTS.jsonl``; ``inputs.test`` is the file. Like any probe it imports
nothing of the kit. Events: ``started``, ``measure`` (``passed``, ``failed``, ``skipped``; ``status`` is pytest's own)
and ``done``.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import probe_tools
import pytest


class Count:
    """A pytest plugin that counts tests by how they ended; an error in a fixture is a failure."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.seen[report.outcome] += 1


def run() -> None:
    test = Path(probe_tools.INPUTS["test"])
    sys.path[0] = str(test.parent)  # not the folder of this file, whose neighbours are no test's business
    probe_tools.started("pytest")
    count = Count()
    alone = ["-p", "no:cacheprovider", "--rootdir", str(test.parent), "-c", "/dev/null"]
    status = int(pytest.main(["-q", *alone, "--tb=short", "--maxfail=3", str(test)], plugins=[count]))
    probe_tools.measure(**{name: count.seen[name] for name in ("passed", "failed", "skipped")}, status=status)


probe_tools.main(run)
