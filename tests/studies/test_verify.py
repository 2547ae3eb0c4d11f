"""Three answers and their exit status, from real runs of small scripts; and code runs only when told to."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from repro import places, targets
from repro.cli.verify import command
from repro.decide.failure import Failure, Record
from repro.model import Limits, TargetInfo, Unsolvable
from repro.studies import verify as study
from repro.studies.verify import Answer

HEADER = '# /// script\n# dependencies = ["packaging"]\n# ///\nimport packaging, pathlib, sys\n'
LIMITS = Limits(256 << 20, 20.0, 5.0)
FAILURE = Failure("error", 1, None, "opened # files", "")


def issue(folder: Path, body: str, **record: object) -> Path:
    path = folder / "issue.md"
    given = {"bug": "b", "target": "latest", "limits": LIMITS, "failure": FAILURE, **record}
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
    count = f"p = pathlib.Path({str(tmp_path / 'n')!r}); p.open('a').write('x')\nprint('opened 1 files')\n"
    text = issue(tmp_path, f"{count}sys.exit(len(p.read_text()) == 3)", trials=5).read_text("utf-8")
    found = study.verify(text, cache=tmp_path)
    assert (found.answer, found.runs) == (Answer.STILL, 3)
    found = study.verify(text, cache=tmp_path)
    assert (found.answer, found.runs, len((tmp_path / "n").read_text())) == (Answer.FIXED, 5, 8)


def test_an_environment_that_cannot_exist_is_no_answer_about_the_bug(monkeypatch, tmp_path):
    monkeypatch.setattr(targets, "provision", lambda spec, **_: Unsolvable(str(spec), "no such version"))
    found = study.verify(issue(tmp_path, "").read_text("utf-8"), cache=tmp_path)
    assert (found.answer, found.reason, found.answer.status.exit_code) == (Answer.UNTESTABLE, "no such version", 125)


def test_the_script_is_shown_and_runs_only_when_told_to(here, tmp_path):
    mark = tmp_path / "ran"
    path = issue(tmp_path, f"pathlib.Path({str(mark)!r}).touch()")
    said = CliRunner().invoke(command, [str(path)], input="n\n")
    assert "touch()" in said.output and "Run this script?" in said.output
    assert said.exit_code == 1 and not mark.exists(), "aborted"
    CliRunner().invoke(command, [str(path)], input="y\n", standalone_mode=False)
    assert mark.exists()


@pytest.mark.parametrize(("body", "status"), [("pass", 0), ("print('opened 2 files'); sys.exit(1)", 1), ("1 / 0", 125)])
def test_the_exit_status_is_that_of_run(here, tmp_path, body, status):
    done = CliRunner().invoke(command, [str(issue(tmp_path, body)), "--yes", "--json"], standalone_mode=False)
    assert (done.return_value, done.exception) == (status, None)
