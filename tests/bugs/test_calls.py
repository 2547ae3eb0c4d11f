"""A mistake of a bug's author is one line with file and line number: never health, and never a fault of the kit."""

import errno
import json
from pathlib import Path

import pytest

from repro import bugs
from repro.bugs import calls
from repro.bugs.declaration import Bug
from repro.errors import EnvironmentFault, UserError, blame
from repro.model import Outcome, Symptom, Verdict

BUG = """
import json, sys
from pathlib import Path
from repro.bugs.declaration import Bug, Prepared, Scenario
from repro.errors import UserError
from repro.model import Symptom, Verdict

def prepare(scenario, parameters, cache):
    {prepare}

def oracle(scenario, outcome, expected):
    {oracle}

BUG = Bug(slug="mine", title="", summary="", scenarios=(Scenario("s", ""),), prepare=prepare, oracle=oracle)
"""
FINE = "return Prepared({'rows': 3}, {'given': [scenario, parameters]})"
OK = "return Verdict(outcome.symptom, expected['bug'], scenario)"
OUTCOME = Outcome(Symptom.OK, "it ended")


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """Loads a bug of the user's own with these bodies."""
    monkeypatch.setenv("REPRO_BUGS", str(tmp_path))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "probe.py").write_text("")

    def load(prepare: str = FINE, oracle: str = OK) -> Bug:
        (tmp_path / "mine" / "bug.py").write_text(BUG.format(prepare=prepare, oracle=oracle))
        return bugs.load("mine")

    return load


def test_what_is_right_is_passed_on(mine, tmp_path):
    bug = mine()
    made = calls.prepare(bug, "s", {"size": 1}, tmp_path)
    assert (made.inputs, made.expected) == ({"rows": 3}, {"given": ["s", {"size": 1}]})
    assert calls.judge(bug, "s", OUTCOME, {"bug": True}) == Verdict(Symptom.OK, True, "s")


@pytest.mark.parametrize(
    ("body", "line", "said"),
    [
        ("return Prepared({'rows': parameters['rows']})", 9, "KeyError: 'rows'"),
        ("json.loads('not\\nJSON')", 9, "JSONDecodeError: Expecting value: line 1 column 1 (char 0)"),
        ("open(cache / 'lost')", 9, "FileNotFoundError: "),
        ("sys.exit(0)", 9, "SystemExit: 0"),
        ("raise ValueError('two\\nlines')", 9, "ValueError: two lines"),
        ("raise AssertionError", 9, "AssertionError"),
        ("return {'rows': 3}", 8, "TypeError: it returns dict, not Prepared"),
        ("return Prepared({'at': cache})", 8, "TypeError: Object of type PosixPath is not JSON serializable"),
        ("return Prepared({'rows': {3}})", 8, "TypeError: Object of type set is not JSON serializable"),
    ],
)
def test_a_prepare_that_fails_is_said_with_its_file_and_line(mine, tmp_path, body, line, said):
    bug = mine(prepare=body)
    with pytest.raises(EnvironmentFault) as raised:
        calls.prepare(bug, "s", {}, tmp_path)
    start = f"the prepare of mine fails, correct it first: {bug.folder / 'bug.py'}:{line}: {said}"
    assert str(raised.value).startswith(start)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("body", "line", "said"),
    [
        ("return Verdict(Symptom.OK, False, 1 / 0)", 12, "ZeroDivisionError: division by zero"),
        ("return expected['count']", 12, "KeyError: 'count'"),
        ("sys.exit('no')", 12, "SystemExit: no"),
        ("pass", 11, "TypeError: it returns NoneType, not Verdict"),
        ("return True", 11, "TypeError: it returns bool, not Verdict"),
    ],
)
def test_an_oracle_that_fails_is_said_with_its_file_and_line(mine, body, line, said):
    bug = mine(oracle=body)
    with pytest.raises(EnvironmentFault) as raised:
        calls.judge(bug, "s", OUTCOME, {})
    assert str(raised.value) == f"the oracle of mine fails, correct it first: {bug.folder / 'bug.py'}:{line}: {said}"


def test_a_mistake_of_the_user_is_no_mistake_of_the_author(mine, tmp_path):
    bug = mine(prepare="raise UserError('rows=0 makes no sense: give rows=1')")
    with pytest.raises(UserError, match=r"^rows=0 makes no sense") as raised:
        calls.prepare(bug, "s", {}, tmp_path)
    assert not isinstance(raised.value, EnvironmentFault)


@pytest.mark.parametrize("number", ["ENOSPC", "EROFS"])
def test_a_full_or_read_only_disk_is_no_mistake_of_the_author(mine, tmp_path, number):
    bug = mine(prepare=f"raise OSError({getattr(errno, number)}, 'so it is')")
    with pytest.raises(OSError, match="so it is"):
        calls.prepare(bug, "s", {}, tmp_path)


def test_an_interrupt_passes(mine, tmp_path):
    bug = mine(prepare="raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        calls.prepare(bug, "s", {}, tmp_path)


def test_blame_names_the_innermost_line_below_the_folder_or_else_the_function():
    try:
        json.loads("{")
    except ValueError as error:
        here, elsewhere = Path(__file__).parent, Path("/nowhere")
        assert error.__traceback__ is not None
        assert blame(error, here).startswith(f"{__file__}:{error.__traceback__.tb_lineno}: JSONDecodeError: ")
        function = test_an_interrupt_passes
        assert blame(error, elsewhere, function).startswith(f"{__file__}:{function.__code__.co_firstlineno}: ")
        assert blame(error, elsewhere).startswith("JSONDecodeError: ")
