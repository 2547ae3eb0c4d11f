"""The diagnostic run: the same probe under memray, in a run of its own, and what it says, also after a kill."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CAPTURE = "memray.bin"
REPORT_TIMEOUT_S = 300.0

# Arrow's default pool (mimalloc) reserves 1 GiB arenas, which memray would report as the allocation; the system
# pool shows the true sizes. Verdict runs keep the user's pool.
ENVIRONMENT = {"ARROW_DEFAULT_MEMORY_POOL": "system"}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What memray saw.

    Attributes:
        peak_bytes: highest heap use that memray tracked.
        series: ``(seconds, rss_bytes, heap_bytes)``, thinned to some hundred points.
        allocators: the allocations alive at the peak, largest first: ``bytes``, ``count``, ``stack`` (innermost first,
            each ``{"function", "file", "line"}`` with the file relative to its environment).
        flamegraph: the HTML report, or ``None`` if memray could not make it.
        note: what could not be done.
    """

    peak_bytes: int
    series: tuple[tuple[float, int, int], ...] = ()
    allocators: tuple[Mapping[str, Any], ...] = ()
    flamegraph: Path | None = None
    note: str = ""
    environment: Mapping[str, str] = field(default_factory=lambda: dict(ENVIRONMENT))

    def to_json(self) -> dict[str, Any]:
        return {
            "peak_bytes": self.peak_bytes,
            "series": [list(point) for point in self.series],
            "allocators": [dict(a) for a in self.allocators],
            "flamegraph": self.flamegraph.name if self.flamegraph else None,
            "note": self.note,
            "environment": dict(self.environment),
        }


def wrapper(scratch: Path) -> list[str]:
    """What goes between the interpreter and the probe. Never ``--aggregate``: it leaves nothing after a kill."""
    return ["-m", "memray", "run", "--quiet", "--force", "--output", str(scratch / CAPTURE)]


def available(python: Path) -> bool:
    """Whether the target has memray."""
    try:
        return (
            subprocess.run([python, "-c", "import memray"], check=False, capture_output=True, timeout=60).returncode
            == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


# Runs in the target: a capture is read by the memray that wrote it.
_READ = """
import json, os, sys, sysconfig
from memray import FileReader
reader = FileReader(sys.argv[1])
roots = sorted({p for p in sysconfig.get_paths().values()} | {os.path.dirname(sys.argv[2])}, key=len, reverse=True)
def short(name):
    for root in roots:
        if name.startswith(root + os.sep):
            return name[len(root) + 1:]
    return os.path.basename(name)
snapshots = list(reader.get_memory_snapshots())
start = snapshots[0].time if snapshots else 0
step = max(1, -(-len(snapshots) // 300))
series = []
for i in range(0, len(snapshots), step):
    s = max(snapshots[i:i + step], key=lambda x: x.heap)
    series.append([round((s.time - start) / 1000, 3), s.rss, s.heap])
records = sorted(reader.get_high_watermark_allocation_records(merge_threads=True), key=lambda r: -r.size)[:12]
top = []
for r in records:
    stack = []
    for function, file, line in r.stack_trace():
        if "memray" in file.split(os.sep)[-2:-1]: continue
        stack.append({"function": function, "file": short(file), "line": line})
    top.append({"bytes": r.size, "count": r.n_allocations, "stack": stack[:12]})
print(json.dumps({"peak": reader.metadata.peak_memory, "series": series, "top": top}))
"""


def read_capture(python: Path, capture: Path, probe: Path, flamegraph: Path | None = None) -> Diagnosis:
    """Read a capture with the target's own memray; a damaged or missing capture gives a note, never an exception."""
    if not capture.exists() or capture.stat().st_size == 0:
        return Diagnosis(0, note="memray wrote no capture")
    try:
        command = [str(python), "-c", _READ, str(capture), str(probe)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=REPORT_TIMEOUT_S, check=False)
        data = json.loads(result.stdout) if result.returncode == 0 else None
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return Diagnosis(0, note=f"the capture could not be read: {type(error).__name__}")
    if data is None:
        last = result.stderr.strip().splitlines()[-1:] or ["no message"]
        return Diagnosis(0, note=f"the capture could not be read: {last[0]}")
    note = _flamegraph(python, capture, flamegraph) if flamegraph else ""
    return Diagnosis(
        peak_bytes=int(data["peak"]),
        series=tuple((float(t), int(rss), int(heap)) for t, rss, heap in data["series"]),
        allocators=tuple(data["top"]),
        flamegraph=flamegraph if flamegraph and not note else None,
        note=note,
    )


def _flamegraph(python: Path, capture: Path, output: Path) -> str:
    """Make the flamegraph page; returns why it could not be made, or an empty string."""
    command = [str(python), "-m", "memray", "flamegraph", "--force", "--output", str(output), str(capture)]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=REPORT_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"no flamegraph: {type(error).__name__}"
    return "" if result.returncode == 0 else f"no flamegraph: exit status {result.returncode}"
