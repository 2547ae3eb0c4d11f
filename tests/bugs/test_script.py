"""A failing script as a bug: what it needs, what its first failure looks like, and what later runs are called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from repro import bugs
from repro.bugs import script
from repro.bugs.script import Recorded, judge, read_needs
from repro.errors import UserError
from repro.forms import to_json
from repro.lab import Lab
from repro.model import Killer, Outcome, Status, Symptom
from repro.rates import Rate
from repro.run.question import question
from repro.signature import Signature, signature

RAISED = 'Traceback (most recent call last):\n  File "x.py", line 1, in <module>\nValueError: got 34 of 100 rows\n'
FAILED = Outcome(Symptom.ERROR, "exit status 1", exit_code=1, started={"python": "3"}, stderr_tail=RAISED)
FINE = Outcome(Symptom.OK, "done", exit_code=0, done=True, started={"python": "3"}, stdout_tail="answered 41\n")


@pytest.fixture
def crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REPRO_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "crash me.py"
    path.write_text("import pyarrow as pa\nraise ValueError('got 34 of 100 rows')\n")
    return path


def verdict(outcome: Outcome, recorded: Recorded) -> Any:
    return judge("script", outcome, {"recorded": to_json(recorded)})


# What it needs


def test_the_header_says_what_a_script_needs_with_its_pins():
    text = '# /// script\n# dependencies = ["datasets==5.1.0", "numpy < 2"]\n# ///\nimport pandas\n'
    needs = read_needs(text)
    assert (needs.pins, needs.source) == (("datasets==5.1.0", "numpy<2"), "its header")


def test_without_a_header_the_imports_say_it_with_the_versions_installed_here():
    needs = read_needs("import os\nimport pyarrow.parquet as pq\nfrom PIL import Image\nfrom . import mine\n")
    assert [pin.partition("==")[0] for pin in needs.pins] == ["pillow", "pyarrow"]
    assert all("==" in pin for pin in needs.pins)
    assert read_needs("import os\n").pins == ()


def test_a_header_that_cannot_be_read_a_missing_file_and_no_python_are_one_line(crash, tmp_path):
    with pytest.raises(UserError, match="header of the script"):
        read_needs('# /// script\n# dependencies = ["=="]\n# ///\n')
    with pytest.raises(UserError, match="cannot read the script"):
        bugs.load(str(tmp_path / "none.py"))
    crash.write_text("def (:\n")
    with pytest.raises(UserError, match="not valid Python"):
        bugs.load(str(crash))


def test_packages_that_a_target_does_not_name_keep_the_pins_of_the_script(crash):
    crash.write_text('# /// script\n# dependencies = ["datasets==5.1.0", "numpy<2"]\n# ///\n')
    assert question(str(crash)).target == "datasets==5.1.0 numpy<2"
    assert question(str(crash), target="datasets==4.8.5").target == "datasets==4.8.5 numpy<2"
    assert question(str(crash), target="latest").target == "latest"


# What a run is called


def test_status_0_is_absent_the_recorded_failure_present_and_any_other_another_failure():
    recorded = Recorded(signature(FAILED))
    other = Outcome(Symptom.ERROR, "", exit_code=1, started={"p": 1}, stderr_tail=RAISED.replace("34", "35"))
    told = [verdict(one, recorded) for one in (FINE, FAILED, other)]
    assert [Rate.of([one]).status(race=False) for one in told] == [
        Status.ABSENT,
        Status.PRESENT,
        Status.DIFFERENT_FAILURE,
    ]
    assert "35 of 100" in told[2].reason and "34 of 100" in told[2].reason


@pytest.mark.parametrize("raised", ["ImportError", "ModuleNotFoundError"])
def test_a_failed_import_says_nothing_of_the_bug_unless_it_is_the_bug(raised):
    outcome = Outcome(
        Symptom.ERROR, "", exit_code=1, started={"p": 1}, stderr_tail=RAISED.replace("ValueError", raised)
    )
    assert not verdict(outcome, Recorded(signature(FAILED))).informative
    assert verdict(outcome, Recorded(signature(outcome))).is_bug


def test_who_was_killed_by_whom_is_part_of_the_failure():
    kernel = Outcome(Symptom.OUT_OF_MEMORY, "", signal="SIGKILL", killer=Killer.KERNEL, started={"p": 1})
    crashed = Outcome(Symptom.CRASH, "", signal="SIGSEGV", started={"p": 1})
    assert verdict(kernel, Recorded(signature(kernel))).is_bug
    assert not verdict(crashed, Recorded(signature(kernel))).is_bug


def test_of_a_race_a_hang_and_a_crash_at_exit_are_one_failure_and_otherwise_two():
    hang = Outcome(Symptom.HANG_AT_EXIT, "", started={"p": 1}, done=True)
    crash = Outcome(Symptom.CRASH_AT_EXIT, "", signal="SIGABRT", started={"p": 1}, done=True)
    assert verdict(crash, Recorded(signature(hang), race=True)).is_bug
    assert not verdict(crash, Recorded(signature(hang))).is_bug


def test_output_that_matches_the_pattern_is_wrong_although_the_script_ends_well():
    recorded = Recorded(Signature("wrong-output"), wrong_if=r"answered 41")
    told = verdict(FINE, recorded)
    assert (told.symptom, told.is_bug) == (Symptom.WRONG_OUTPUT, True)
    assert verdict(FINE, Recorded(Signature("wrong-output"), wrong_if="answered 40")).symptom is Symptom.OK


# What is kept of it


def test_the_failure_is_kept_with_the_text_of_the_script_and_another_text_is_another_bug(crash):
    first = bugs.load(str(crash))
    script.record(first, Recorded(signature(FAILED), race=True))
    again = bugs.load(str(crash))
    assert again.race and "ValueError: got 34 of 100 rows" in again.title and again.slug == first.slug
    crash.write_text(crash.read_text() + "# edited\n")
    edited = bugs.load(str(crash))
    assert not edited.race and edited.slug != first.slug


def test_the_script_of_the_issue_gets_the_header_that_it_lacks(crash):
    text = (bugs.load(str(crash)).folder / "minimal.py").read_text("utf-8")
    assert text.startswith("# /// script\n") and '"pyarrow==' in text and text.endswith(crash.read_text())


def test_what_a_script_needs_is_said_with_where_it_was_read_not_with_the_header_that_we_gave_its_copy(crash, tmp_path):
    said: list[str] = []
    script.record(bugs.load(str(crash)), Recorded(signature(FAILED)))
    Lab(reports=tmp_path / "reports", quiet=True).scripts.look_at(str(crash), say=said.append)
    assert len(said) == 1 and "from its imports, with the versions installed here" in said[0]


def test_another_pattern_forgets_what_was_recorded_without_it(crash):
    bug = bugs.load(str(crash))
    script.record(bug, Recorded(signature(FAILED)))
    assert script.read_record(script.with_pattern(bug, "oops").folder) == Recorded(wrong_if="oops")
    with pytest.raises(UserError, match="no regular expression"):
        script.with_pattern(bug, "(")


def test_what_lies_beside_a_script_or_is_not_installed_is_never_fetched_from_the_index(tmp_path):
    (tmp_path / "helper.py").write_text("x = 1\n", "utf-8")
    (tmp_path / "crash.py").write_text("from helper import x\n", "utf-8")
    with pytest.raises(UserError, match="helper, which lies beside it"):
        script.load(str(tmp_path / "crash.py"))
    (tmp_path / "crash.py").write_text("import no_such_package_here\n", "utf-8")
    with pytest.raises(UserError, match="no_such_package_here, which is not installed here"):
        script.load(str(tmp_path / "crash.py"))


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfx = 1\r\nif x:\r\n\ty = 2\r\n",
        b"# -*- coding: latin-1 -*-\nx = '\xe9'\n",
        b"#!/bin/sh\n# coding: cp1252\nx = '\x80'\n",
    ],
)
def test_a_script_is_read_as_python_reads_it(tmp_path, content):
    (tmp_path / "crash.py").write_bytes(content)
    bug = script.load(str(tmp_path / "crash.py"))
    copy = (bug.folder / "minimal.py").read_text("utf-8")
    space: dict[str, object] = {}
    exec(compile(copy.encode(), "copy", "exec"), space)
    assert space["x"] in (1, "é", "€")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("import sys\nprint(sys.argv[1], input())", ["input()", "sys.argv"]),
        ("from pathlib import Path\nPath(__file__).parent", ["__file__"]),
        ("import os\nos.environ['A'], os.getenv('B'), os.sep", ["os.environ", "os.getenv"]),
        ("print('sys.argv')", []),
    ],
)
def test_what_of_its_surroundings_a_script_reads_is_found_without_running_it(text, read):
    assert script.looks_around(text) == read


def test_what_another_rule_of_signatures_recorded_is_seen_anew(tmp_path):
    (tmp_path / "crash.py").write_text("raise ValueError('a')\n", "utf-8")
    bug = script.load(str(tmp_path / "crash.py"))
    script.record(bug, script.Recorded(Signature("error", 1, raised="ValueError", message="a")))
    kept = bug.folder / "recorded.json"
    assert script.read_record(bug.folder).signature is not None
    kept.write_text(kept.read_text("utf-8").replace(f'"rule": {script.RULE}', '"rule": 1'), "utf-8")
    assert script.read_record(bug.folder) == script.Recorded()
