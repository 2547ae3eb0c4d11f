"""Three answers and their exit status, from real runs of small scripts; and code runs only when told to."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from repro import places, targets
from repro.cli.verify import command
from repro.decide.failure import Failure, Record
from repro.model import Limits, Outcome, Symptom, TargetInfo, Unsolvable
from repro.rates import CLEAN_TRIALS
from repro.run import scripts
from repro.signature import Signature
from repro.studies import verify as study
from repro.studies.verify import Answer

HEADER = '# /// script\n# dependencies = ["packaging"]\n# ///\nimport packaging, pathlib, sys\n'
LIMITS = Limits(256 << 20, 20.0, 5.0)
FAILURE = Failure(Signature("error", 1), "opened 7 files")


def issue(folder: Path, body: str, **record: object) -> Path:
    path = folder / "issue.md"
    given = {"bug": "b", "target": "packaging==21.3", "limits": LIMITS, "failure": FAILURE, **record}
    path.write_text(f"```python\n{HEADER}{body}\n```\n{Record(**given).comment()}\n", "utf-8")  # type: ignore[arg-type]
    return path


@pytest.fixture
def here(monkeypatch, tmp_path):
    """The interpreter of the tests as the target: what is asked for is noted, nothing is provisioned."""
    import sys

    asked = []

    def provision(spec, *, cache, requires):
        asked.append((str(spec), requires))
        return TargetInfo(str(spec), Path(sys.executable), "3.11", {"packaging": "24.0"}, "key")

    monkeypatch.setattr(targets, "provision", provision)
    monkeypatch.setattr(places, "cache", lambda: tmp_path)
    return asked


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ("print('opened 7 files'); sys.exit(1)", Answer.STILL),
        ("print('opened 1 file')", Answer.FIXED),
        ("print('opened 8 files'); sys.exit(1)", Answer.DIFFERENT),
        ("print('opened 7 files'); sys.exit(3)", Answer.DIFFERENT),
        ("raise ValueError('other')", Answer.DIFFERENT),
    ],
)
def test_the_answer_compares_the_failure_with_the_recorded_one(here, tmp_path, body, answer):
    found = study.verify(issue(tmp_path, body).read_text("utf-8"), cache=tmp_path)
    assert (found.answer, here) == (answer, [("latest", ("packaging",))])


def test_the_recorded_cap_on_time_holds(here, tmp_path):
    path = issue(tmp_path, "import time; time.sleep(60)", limits=Limits(None, 1.0, 1.0))
    found = study.verify(path.read_text("utf-8"), cache=tmp_path)
    assert found.answer is Answer.DIFFERENT and "hang" in found.reason


def test_a_race_is_run_until_it_fails_and_fixed_only_after_all_its_runs(here, tmp_path):
    count = f"p = pathlib.Path({str(tmp_path / 'n')!r}); p.open('a').write('x')\nprint('opened 7 files')\n"
    text = issue(tmp_path, f"{count}sys.exit(len(p.read_text()) == 3)", trials=5).read_text("utf-8")
    found = study.verify(text, cache=tmp_path)
    assert (found.answer, found.runs) == (Answer.STILL, 3)
    found = study.verify(text, cache=tmp_path)
    assert (found.answer, found.runs, len((tmp_path / "n").read_text())) == (Answer.FIXED, 5, 8)


def test_an_environment_that_cannot_exist_is_no_answer_about_the_bug(monkeypatch, tmp_path):
    monkeypatch.setattr(targets, "provision", lambda spec, **_: Unsolvable(str(spec), "no such version"))
    found = study.verify(issue(tmp_path, "").read_text("utf-8"), cache=tmp_path)
    assert (found.answer, found.reason, found.answer.status.exit_code) == (Answer.UNTESTABLE, "no such version", 125)


@pytest.mark.parametrize(
    ("recorded", "answer"),
    [
        ("packaging==21.3", Answer.FIXED),
        ("packaging==24.0", Answer.HEALTHY),
        ("packaging==25.0", Answer.HEALTHY),
        ("latest", Answer.HEALTHY),
    ],
)
def test_only_in_a_newer_release_is_it_called_fixed(here, tmp_path, recorded, answer):
    found = study.verify(issue(tmp_path, "pass", target=recorded).read_text("utf-8"), cache=tmp_path)
    assert (found.answer, found.answer.status.exit_code) == (answer, 0)
    assert ("fixed" in found.answer.value) is (answer is Answer.FIXED)
    assert (recorded in found.reason) is (answer is Answer.HEALTHY)


def test_a_race_is_called_fixed_only_after_as_many_clean_runs_as_anywhere(here, tmp_path):
    found = study.verify(issue(tmp_path, "pass", trials=2, race=True).read_text("utf-8"), cache=tmp_path)
    assert (found.answer, found.runs) == (Answer.FIXED, CLEAN_TRIALS)


@pytest.mark.parametrize("code", [0, 1, None])
def test_a_fault_of_the_kit_is_no_answer_whatever_the_exit_status(here, tmp_path, monkeypatch, code):
    fault = Outcome(Symptom.KIT_FAULT, "the watcher was killed", exit_code=code)
    monkeypatch.setattr(study, "run_script", lambda *args, **how: fault)
    found = study.verify(issue(tmp_path, "pass").read_text("utf-8"), cache=tmp_path)
    assert (found.answer, found.reason) == (Answer.UNTESTABLE, "the watcher was killed")


def test_a_child_that_is_killed_for_memory_is_a_failure_although_the_script_ends_well(here, tmp_path, monkeypatch):
    """As in ``repro run``: both go by the supervisor, not by the exit status alone."""
    killed = Outcome(Symptom.OUT_OF_MEMORY, "the kernel killed a process of its group", exit_code=0)
    monkeypatch.setattr(scripts, "supervise", lambda *args, **how: killed)
    found = study.verify(issue(tmp_path, "pass").read_text("utf-8"), cache=tmp_path)
    assert found.answer is Answer.DIFFERENT and "out-of-memory" in found.reason


def test_what_a_terminal_would_obey_or_hide_is_shown_as_an_escape(here, tmp_path):
    path = issue(tmp_path, "x = 1  # \x1b[2K\x1b[1A \u202e hidden \u200b\x9b31m\nprint('\\x1b]0;title')")
    said = CliRunner().invoke(command, [str(path)], input="n\n").output
    assert r"# \x1b[2K\x1b[1A \u202e hidden \u200b\x9b31m" in said
    assert not set("\x1b\u202e\u200b\x9b") & set(said)
    said = CliRunner().invoke(command, [str(path), "--yes", "--target", "tiny"], standalone_mode=False).output
    assert "\x1b" not in said


def test_the_script_is_shown_and_runs_only_when_told_to(here, tmp_path):
    mark = tmp_path / "ran"
    path = issue(tmp_path, f"pathlib.Path({str(mark)!r}).touch()")
    said = CliRunner().invoke(command, [str(path)], input="n\n")
    assert "touch()" in said.output and "Run this script?" in said.output
    assert said.exit_code == 1 and not mark.exists(), "aborted"
    CliRunner().invoke(command, [str(path)], input="y\n", standalone_mode=False)
    assert mark.exists()


@pytest.mark.parametrize(("body", "status"), [("pass", 0), ("print('opened 7 files'); sys.exit(1)", 1), ("1 / 0", 125)])
def test_the_exit_status_is_that_of_run(here, tmp_path, body, status):
    done = CliRunner().invoke(command, [str(issue(tmp_path, body)), "--yes", "--json"], standalone_mode=False)
    assert (done.return_value, done.exception) == (status, None)
