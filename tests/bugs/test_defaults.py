"""A bug that declares constants needs no code: its inputs, its verdict, its packages and its probe follow from them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro import bugs
from repro.bugs import calls
from repro.bugs.declaration import RUN_SCRIPT, Bug, Scenario
from repro.model import Killer, Outcome, Status, Symptom, Verdict
from repro.rates import Rate
from repro.run.key import sources_key
from repro.run.question import question
from repro.signature import Signature

BUG = Bug(
    slug="made-up",
    title="",
    summary="",
    needs=("tiny",),
    scenarios=(
        Scenario("wide", "what fails", inputs={"rows": 3}, expected={"rows": 3, "names": ("a", "b")}),
        Scenario("plain", "a control", control=True, needs=("more",), expected={"rows": 3}),
    ),
)
RAISED = 'Traceback (most recent call last):\n  File "x.py", line 1, in <module>\n{}\n'


def ended(symptom: Symptom = Symptom.OK, stderr: str = "", **more: Any) -> Outcome:
    return Outcome(symptom, "how it ended", started={"python": "3"}, stderr_tail=stderr, **more)


def judged(outcome: Outcome, scenario: str = "wide", expected: Any = None, **declared: Any) -> Verdict:
    bug = replace(BUG, **declared)
    wanted = next(one.expected for one in bug.scenarios if one.name == scenario) if expected is None else expected
    return calls.judge(bug, scenario, outcome, wanted)


def status(verdict: Verdict) -> Status:
    return Rate.of([verdict]).status(race=False)


# The inputs


def test_inputs_and_expectation_are_those_of_the_scenario(tmp_path):
    (tmp_path / "probe.py").write_text("")
    made = calls.prepare(replace(BUG, folder=tmp_path), "wide", {}, tmp_path)
    assert (made.inputs, made.expected) == ({"rows": 3}, {"rows": 3, "names": ("a", "b")})


# The verdict


def test_measures_as_expected_are_healthy_and_a_tuple_is_the_list_that_came_back():
    verdict = judged(ended(measures={"rows": 3, "names": ["a", "b"], "besides": 1}))
    assert (status(verdict), verdict.reason) == (Status.ABSENT, "rows is 3, names is ('a', 'b')")


def test_a_measure_that_differs_is_named_with_what_was_expected():
    verdict = judged(ended(measures={"rows": 2, "names": ["a"]}))
    assert (status(verdict), verdict.symptom) == (Status.PRESENT, Symptom.WRONG_OUTPUT)
    assert verdict.reason == "rows is 2, expected 3 (and 1 more)"


@given(st.dictionaries(st.sampled_from(["rows", "names"]), st.integers(0, 3) | st.booleans()))
def test_it_is_healthy_exactly_if_every_measure_is_as_expected(measures):
    expected = {"rows": 1, "names": True}
    verdict = judged(ended(measures=measures), expected=expected)
    same = {name: (type(value), value) for name, value in measures.items()} == {"rows": (int, 1), "names": (bool, True)}
    assert (verdict.symptom is Symptom.OK) == same
    assert (verdict.symptom is Symptom.KIT_FAULT) == (set(measures) != set(expected)), "a probe that keeps silent"


def test_a_control_never_shows_the_bug():
    assert status(judged(ended(measures={"rows": 2}), "plain")) is Status.DIFFERENT_FAILURE
    assert status(judged(ended(Symptom.HANG), "plain", failure=Symptom.HANG)) is Status.DIFFERENT_FAILURE


@pytest.mark.parametrize("symptom", [Symptom.HANG, Symptom.OUT_OF_MEMORY, Symptom.CRASH_AT_EXIT])
def test_a_declared_symptom_is_the_bug_whoever_killed_it_and_any_other_end_is_another_failure(symptom):
    for killer in (None, Killer.KERNEL, Killer.WATCHDOG):
        assert status(judged(ended(symptom, killer=killer), failure=symptom)) is Status.PRESENT
    other = judged(ended(Symptom.ERROR, RAISED.format("KeyError: 'x'"), exit_code=1), failure=symptom)
    assert (status(other), other.reason) == (Status.DIFFERENT_FAILURE, f"error (KeyError: 'x'), not {symptom}")
    assert status(judged(ended(measures={"rows": 2, "names": []}), failure=symptom)) is Status.DIFFERENT_FAILURE


def test_a_declared_signature_is_that_exception_and_no_other():
    known = Signature("error", 1, raised="TypeError", message="no 3")
    for raised, wanted in (("TypeError: no 3", Status.PRESENT), ("TypeError: no 4", Status.DIFFERENT_FAILURE)):
        assert status(judged(ended(Symptom.ERROR, RAISED.format(raised), exit_code=1), failure=known)) is wanted


def test_of_a_race_a_hang_and_a_crash_are_one_failure():
    seen = ended(Symptom.CRASH_AT_EXIT, signal="SIGABRT")
    assert judged(seen, failure=Symptom.HANG_AT_EXIT, race=True).is_bug
    assert not judged(seen, failure=Symptom.HANG_AT_EXIT).is_bug


def test_a_failed_import_says_nothing_unless_it_is_the_bug():
    seen = ended(Symptom.ERROR, RAISED.format("ImportError: no late"), exit_code=1)
    assert status(judged(seen)) is Status.UNTESTABLE
    assert status(judged(seen, failure=Symptom.ERROR)) is Status.PRESENT


def test_output_that_matches_the_pattern_is_wrong():
    seen = ended(stdout_tail="answered 41\n")
    assert status(judged(seen, expected={}, wrong_if="answered 4[01]")) is Status.PRESENT
    assert status(judged(seen, expected={}, wrong_if="answered 40")) is Status.ABSENT


def test_what_is_too_much_may_be_called_excess_reading():
    assert judged(ended(measures={"rows": 9, "names": []}), failure=Symptom.EXCESS_READ).symptom is Symptom.EXCESS_READ


# What follows besides


def test_the_first_scenario_is_the_default_and_a_bug_without_any_is_refused():
    assert BUG.default_scenario == "wide"
    with pytest.raises(ValueError, match="at least one scenario"):
        replace(BUG, scenarios=())


def test_packages_are_said_once_and_a_scenario_adds_its_own(fake):
    (fake.root / "bugs" / "mine").mkdir()
    (fake.root / "bugs" / "mine" / "minimal.py").write_text("")
    (fake.root / "bugs" / "mine" / "bug.py").write_text(
        "from repro.bugs.declaration import *\nBUG = Bug(slug='mine', title='', summary='', needs=('tiny',),\n"
        "  scenarios=(Scenario('a', ''), Scenario('b', '', needs=('more',))))\n"
    )
    assert [question("mine", scenario=name).needs for name in "ab"] == [("tiny",), ("tiny", "more")]
    assert BUG.all_needs == ("tiny", "more")
    fake.runner.target(question("mine", scenario="b"))
    assert fake.asked[-1][1]["requires"] == ("tiny", "more")


# minimal.py as the probe

SCRIPT_BUG = """
from repro.bugs.declaration import Bug, Scenario
from repro.model import Limits, Symptom
BUG = Bug(slug="mine", title="", summary="", needs=(), scenarios=(Scenario("script", ""),), failure={failure},
          default_limits=Limits({memory}, {timeout}, 5.0))
"""


def script_bug(parent: Path, script: str, failure: str, memory: int | None = None, timeout: float = 20.0) -> Path:
    folder = parent / "mine"
    folder.mkdir(exist_ok=True)
    (folder / "bug.py").write_text(SCRIPT_BUG.format(failure=failure, memory=memory, timeout=timeout))
    (folder / "minimal.py").write_text(script)
    return folder


@pytest.mark.parametrize(
    ("script", "failure", "limits", "wanted"),
    [
        ("import time\ntime.sleep(60)", "Symptom.HANG", {"timeout": 1.0}, Status.PRESENT),
        ("held = []\nwhile True: held.append(b'x' * (4 << 20))", "Symptom.OUT_OF_MEMORY", {"memory": 1 << 27},
         Status.PRESENT),
        ("print('fine')", "Symptom.HANG", {}, Status.ABSENT),
        ("import sys\nsys.exit(3)", "Symptom.HANG", {}, Status.DIFFERENT_FAILURE),
        ("import no_such_module", "Symptom.HANG", {}, Status.UNTESTABLE),
        ("import os, signal\nprint('last')\nos.kill(os.getpid(), signal.SIGSEGV)", "Symptom.CRASH", {}, Status.PRESENT),
    ],
)  # fmt: skip
def test_a_bug_of_a_declaration_and_a_script_is_run_as_any_other(fake, script, failure, limits, wanted):
    folder = script_bug(fake.root / "bugs", script, failure, **limits)
    trial = fake.runner.trial(question("mine"))
    assert status(trial.verdict) is wanted, trial.verdict
    assert bugs.load("mine").probe == RUN_SCRIPT
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == ["bug.py", "minimal.py"]


def test_what_decides_is_part_of_the_key_though_nobody_wrote_code(tmp_path, monkeypatch):
    monkeypatch.setenv("REPRO_BUGS", str(tmp_path))
    keys = []
    for script, failure in (("1", "Symptom.HANG"), ("2", "Symptom.HANG"), ("2", "Symptom.CRASH")):
        script_bug(tmp_path, script, failure)
        keys.append(sources_key(bugs.load("mine")))
    assert len(set(keys)) == 3
    bug = bugs.load("mine")
    keys += [sources_key(replace(bug, race=True)), sources_key(replace(bug, wrong_if="x"))]
    keys.append(sources_key(replace(bug, scenarios=(Scenario("script", "", control=True),))))
    keys.append(sources_key(replace(bug, failure=Signature("crash"))))
    assert len(set(keys)) == 7
    assert sources_key(replace(bug, title="other words")) == keys[2]
