"""How near the sampled memory peak comes to the kernel's own, for children of known shape.

``python benchmarks/peaks.py``. Three readings of the same trial are compared: the highest *sample* of the tree's RSS
(every 20 ms), the peak that a report *shows* (the system's own per-process peak where there is one process), and the
*kernel's* peak of the cgroup. The children hold anonymous memory only: the cgroup also counts page cache, which is in
no RSS, and RSS counts the pages of shared libraries, which the cgroup may have charged to whoever read them first.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from measure import Row, table

from repro.model import Limits, Outcome, Request
from repro.trial import caps
from repro.trial.supervise import scratch_folder, supervise
from repro.units import about

AIM = 0.05
HEAD = """
import json, os, sys, time
file = open(sys.argv[2], "a", buffering=1)
say = lambda event, **more: file.write(json.dumps({"event": event, "t": 0.0, **more}) + "\\n")
say("started", versions={})
MIB = 1 << 20
"""
CHILDREN = {
    "512 MiB held for 0.5 s": "data = bytearray(512 * MIB)\ntime.sleep(0.5)\n",
    "512 MiB, in steps of 8 MiB": "data = [(bytearray(8 * MIB), time.sleep(0.01)) for _ in range(64)]\n",
    "a spike of 512 MiB for 50 ms": "data = bytearray(512 * MIB)\ntime.sleep(0.05)\ndel data\ntime.sleep(0.3)\n",
    "three forks of 200 MiB each": (
        "children = []\n"
        "for _ in range(3):\n"
        "    if not (pid := os.fork()):\n"
        "        data = bytearray(200 * MIB)\n"
        "        time.sleep(1)\n"
        "        os._exit(0)\n"
        "    children.append(pid)\n"
        "for pid in children:\n"
        "    os.waitpid(pid, 0)\n"
    ),
}


def observe(body: str) -> Outcome:
    """One supervised trial of a child with this body."""
    with tempfile.TemporaryDirectory() as folder, scratch_folder() as scratch:
        probe = Path(folder) / "probe.py"
        probe.write_text(f"{HEAD}{body}say('done')\n")
        asked = Request("benchmark", "peak", "none", None, {}, {}, "")
        return supervise(asked, sys.executable, probe, Limits(2 << 30, 60.0, 10.0), scratch=scratch)


def run() -> list[Row]:
    """A row for each reading of each child; on a machine without a cgroup only what was sampled."""
    rows = []
    for name, body in CHILDREN.items():
        outcome = observe(body)
        sampled = max((sample.rss_bytes for sample in outcome.timeline), default=0)
        kernel = outcome.peak_kernel_bytes
        readings = (("highest sample", sampled), (f"shown, {outcome.peak_rss_source}", outcome.peak_rss_bytes))
        if kernel is None:
            rows += [Row(f"{name}: {what}", f"{about(value)}; no kernel peak here") for what, value in readings]
            continue
        for what, value in readings:
            off = value / kernel - 1
            text = f"{about(value)} against {about(kernel)}: {off:+.1%}"
            rows.append(Row(f"{name}: {what}", text, f"within {AIM:.0%}", abs(off) <= AIM))
    return rows


def main() -> None:
    place = caps.writable_cgroup()
    print(table(run(), f"Memory peaks ({place[0] if place else 'no cgroup'})"))


if __name__ == "__main__":
    main()
