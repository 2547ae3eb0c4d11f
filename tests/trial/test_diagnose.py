"""The diagnostic run under memray, also of a probe that was killed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from repro.model import Limits, Request, Symptom
from repro.trial import diagnose
from repro.trial.supervise import scratch_folder, supervise

BODY = """
import json, os, sys, time
with open(sys.argv[2], "a") as f: f.write('{"event": "started"}\\n')
def hoard():
    return [bytearray(8 << 20) for _ in range(10)]
data = hoard()
time.sleep(0.2)
END
with open(sys.argv[2], "a") as f: f.write('{"event": "done"}\\n')
"""


@pytest.mark.parametrize("end, symptom", [("", Symptom.OK), ("os.kill(os.getpid(), 9)", Symptom.CRASH)])
def test_the_line_that_holds_the_peak_is_named(tmp_path, end, symptom):
    probe = tmp_path / "probe.py"
    probe.write_text(BODY.replace("END", end))
    with scratch_folder() as scratch:
        outcome = supervise(
            Request("b", "s", "none", None, {}, {}, ""),
            sys.executable,
            probe,
            Limits(None, 60, 10),
            scratch=scratch,
            wrapper=diagnose.wrapper(scratch),
            environment=diagnose.ENVIRONMENT,
        )
        page = tmp_path / "flamegraph.html"
        report = diagnose.read_capture(Path(sys.executable), scratch / diagnose.CAPTURE, probe, page)
    assert outcome.symptom is symptom
    assert report.peak_bytes >= 80 << 20
    top = report.allocators[0]
    assert top["bytes"] >= 80 << 20
    assert {"function": "hoard", "file": "probe.py", "line": 5} in [
        {**frame, "line": 5} for frame in top["stack"] if frame["line"] in (5, 6)
    ]
    assert report.series and max(heap for _, _, heap in report.series) >= 80 << 20
    assert report.flamegraph == page and page.stat().st_size > 10_000


def test_a_missing_or_broken_capture_is_a_note(tmp_path):
    assert diagnose.read_capture(Path(sys.executable), tmp_path / "none", tmp_path / "p").note
    (tmp_path / "bad").write_bytes(b"not a capture")
    assert "could not be read" in diagnose.read_capture(Path(sys.executable), tmp_path / "bad", tmp_path / "p").note
