"""The tools of a probe: with the kit and without it, in every Python that a target may have."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from repro.model import Limits, Request, Symptom
from repro.targets import interpreters
from repro.trial.supervise import TOOLS, scratch_folder, supervise
from tests.conftest import alone

PYTHONS = sorted({str(one.path) for one in interpreters.installed()} | {sys.executable})
REQUEST = {"scenario": "any", "fix_path": None, "inputs": {"rows": 3}}
WHOLE = """
import os, sys
before = set(sys.modules)
import probe_tools
from probe_tools import *
assert not {"datasets", "pyarrow", "repro"} & set(sys.modules)
from probe_tools import INPUTS, SCENARIO, done, measure, phase, started, on_open, peak, resident, workaround
import json as made_up
started("json", "no-such-package", "pip")
phase("work")
on_open(os.path.dirname(os.path.abspath(__file__)), lambda path: measure(last=os.path.basename(path)))
open("seen.txt", "w").close()
open(os.devnull).close()
measure(rows=INPUTS["rows"], scenario=SCENARIO, resident=resident(), peak=peak(), fix=workaround(len).__name__)
done()
"""


def told(folder: Path, body: str, *, python: str = sys.executable, **request: Any) -> tuple[list[dict[str, Any]], Any]:
    """Runs a probe in a folder that holds it and its tools, with nothing of the kit on the path."""
    made = folder / "made"
    made.mkdir()
    (made / "probe.py").write_text(body)
    (folder / "work").mkdir()
    (folder / "work" / "request.json").write_text(json.dumps({**REQUEST, **request}))
    probe = alone(made / "probe.py", folder / "work")
    command = [python, "-E", str(probe), "request.json", "events.jsonl"]
    ended = subprocess.run(command, cwd=folder / "work", capture_output=True, text=True, check=False, timeout=60)
    events = folder / "work" / "events.jsonl"
    return [json.loads(line) for line in events.read_text().splitlines()] if events.exists() else [], ended


def measures(events: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: value for event in events for name, value in event.get("measures", {}).items()}


@pytest.mark.parametrize("python", PYTHONS, ids=lambda path: Path(path).parents[1].name)
def test_a_probe_runs_without_the_kit_in_every_python_here(tmp_path, python):
    events, ended = told(tmp_path, WHOLE, python=python)
    assert ended.returncode == 0, ended.stderr
    assert [event["event"] for event in events] == ["started", "phase", "measure", "measure", "done"]
    assert [event["t"] for event in events] == sorted(event["t"] for event in events)
    seen = measures(events)
    assert (seen["last"], seen["rows"], seen["scenario"], seen["fix"]) == ("seen.txt", 3, "any", "len")
    assert "no-such-package" not in events[0]["versions"]
    assert Path(events[0]["files"]["json"]).name == "__init__.py"
    held = seen["resident"] or seen["peak"]
    assert 1 << 20 < held <= seen["peak"] < 1 << 30, "bytes, in whatever the system counts"


def test_there_is_a_python_older_than_the_kits_own_to_try_it_in():
    if len(PYTHONS) == 1:
        pytest.skip("no other interpreter is installed here")
    assert any(one.version.startswith("3.9.") for one in interpreters.installed())


def test_the_units_of_the_peak_are_those_of_the_platform(tmp_path):
    body = """
import resource, sys, probe_tools
probe_tools._status = lambda line: None
resource.getrusage = lambda who: type("Usage", (), {"ru_maxrss": 7000})
for platform in ("linux", "darwin"):
    sys.platform = platform
    probe_tools.measure(**{platform: probe_tools.peak()})
sys.modules["resource"] = None
probe_tools.measure(win32=probe_tools.peak())
"""
    assert measures(told(tmp_path, body)[0]) == {"linux": 7000 << 10, "darwin": 7000, "win32": None}


@pytest.mark.skipif(sys.platform != "linux", reason="only /proc forgets a peak")
def test_a_peak_is_the_processs_own_and_can_be_forgotten(tmp_path):
    """``ru_maxrss`` would begin with what the parent held, which here is far more than the probe."""
    body = """
import probe_tools
def hoard(): b"xy" * int("67108864")
hoard(); probe_tools.measure(high=probe_tools.peak())
probe_tools.forget_peak(); probe_tools.measure(low=probe_tools.peak())
"""
    held = b"x" * (1 << 28)
    seen = measures(told(tmp_path, body)[0])
    assert seen["low"] + (1 << 26) < seen["high"] < len(held)


def test_a_worker_that_imports_the_probe_again_runs_nothing_and_is_done_with_nothing(tmp_path):
    body = """
import multiprocessing
from probe_tools import main, measure, started

def double(n):
    return 2 * n

def run():
    started()
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        measure(doubled=pool.map(double, [1, 2, 3]))

main(run)
"""
    events, ended = told(tmp_path, body)
    assert [event["event"] for event in events] == ["started", "measure", "done"], ended.stderr
    assert measures(events) == {"doubled": [2, 4, 6]}


def test_what_is_not_there_ends_the_probe_without_done(tmp_path):
    events, ended = told(tmp_path, "from probe_tools import *\nunsupported('no Nifti')\ndone()\n")
    assert [event["event"] for event in events] == ["unsupported"] and ended.returncode == 0


def test_a_workaround_is_the_function_named_like_its_file_and_a_patch_is_none(tmp_path):
    (tmp_path / "mine.py").write_text("STAGE = 'end'\ndef helper(): return 41\ndef mine(): return helper() + 1\n")
    body = """
from probe_tools import measure, workaround
found = workaround(print)
measure(answer=found(), stage=getattr(found, "__globals__", {}).get("STAGE"))
"""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert measures(told(tmp_path / "a", body, fix_path=str(tmp_path / "mine.py"))[0]) == {"answer": 42, "stage": "end"}
    assert measures(told(tmp_path / "b", body, fix_path="their.patch")[0]) == {"answer": None, "stage": None}


def test_no_event_is_lost_in_a_kill(tmp_path):
    body = (
        "import os, signal\nfrom probe_tools import *\nstarted()\nmeasure(n=1)\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert [event["event"] for event in told(tmp_path, body)[0]] == ["started", "measure"]


def test_without_a_request_it_says_how_it_is_run(tmp_path):
    ended = subprocess.run([sys.executable, TOOLS], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (1, "usage: python probe_tools.py REQUEST.json EVENTS.jsonl\n")


# With the kit


def test_the_kit_lays_the_tools_where_a_probe_finds_them(run):
    body = "from probe_tools import *\nstarted()\nimport probe_tools\nmeasure(at=probe_tools.__file__)\ndone()\n"
    outcome = run(body, prelude="")
    assert outcome.symptom is Symptom.OK, outcome.stderr_tail
    assert Path(outcome.measures["at"]).parent != TOOLS.parent, "a copy, which no probe can spoil for others"


def test_a_worker_of_a_probe_finds_them_too(run):
    body = """
    import multiprocessing
    from probe_tools import main, measure, started

    def say(n):
        measure(**{f"worker_{n}": n})

    def run():
        started()
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            pool.map(say, [1, 2])

    main(run)
    """
    outcome = run(body, prelude="")
    assert (outcome.symptom, dict(outcome.measures)) == (Symptom.OK, {"worker_1": 1, "worker_2": 2})


def test_a_script_is_run_as_if_the_tools_were_not_there(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import os, sys\nprint('PYTHONPATH' in os.environ, os.environ['HOME'] in sys.path, sys.argv)\n")
    request = Request("made-up", "script", "none", None, {}, {"script": str(script), "packages": []}, "")
    with scratch_folder() as scratch:
        outcome = supervise(request, sys.executable, TOOLS.with_name("run_script.py"), Limits(), scratch=scratch)
    assert (outcome.symptom, outcome.stdout_tail) == (Symptom.OK, f"False False {[str(script)]}\n")
