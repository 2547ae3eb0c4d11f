"""A writer of arrow_cache holds its budget and one row, whatever the rows are: measured in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BUDGET = 2 << 20
WRITER = """
import sys
from pathlib import Path
import numpy as np
from repro.recipes.arrow_cache import Array3D, Sequence, write_cache

def resident(field):
    return int(Path("/proc/self/status").read_text().partition(field + ":")[2].split()[0]) * 1024

kind, size, budget = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
feature, make = {
    "bytes": ("bytes", lambda number: bytes([number % 256]) * size),
    "text": ("string", lambda number: chr(0x4e00 + number % 256) * size),
    "arrays": (Array3D((None, 8), "float32"), lambda number: np.full((size // 32, 8), number, "f4")),
    "transposed": (Array3D((8, None), "float32"), lambda number: np.full((size // 32, 8), number, "f4").T),
    "sequences": (Sequence("float32"), lambda number: np.full(size // 4, number, "f4")),
}[kind]
write_cache(({"x": make(number)} for number in range(2)), {"x": feature}, "cache", budget=1)
Path("/proc/self/clear_refs").write_text("5")
before = resident("VmHWM")
write_cache(({"x": make(number)} for number in range(16 * budget // size)), {"x": feature}, "cache", budget=budget)
print(resident("VmHWM") - before)
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="nothing here tells the peak of a process")
@pytest.mark.parametrize(
    ("kind", "size"),
    [
        ("bytes", 1000),
        ("bytes", 32 << 10),
        ("bytes", 1 << 20),
        ("text", 16 << 10),
        ("arrays", 1 << 10),
        ("transposed", 32 << 10),
        ("sequences", 1000),
    ],
)
def test_a_writer_holds_its_budget_and_one_row(kind, size, tmp_path):
    given = [sys.executable, "-c", WRITER, kind, str(size), str(BUDGET)]
    risen = int(subprocess.run(given, cwd=tmp_path, check=True, capture_output=True, text=True).stdout)
    assert 0 < risen <= 1.1 * BUDGET + 1.1 * size
