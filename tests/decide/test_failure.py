"""What an issue text records of a failure, and when a later failure is the same. No script is run here."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.decide.failure import Failure, Record, read, requirements, same
from repro.errors import UserError
from repro.model import Limits, Outcome, Symptom

SCRIPT = '# /// script\n# dependencies = ["datasets==5.1.0", "pyarrow"]\n# ///\nprint("opened 3 files")\n'
FAILURE = Failure("error", 1, None, "opened # files", "")
RECORD = Record("some-bug", "datasets==5.1.0", Limits(1 << 30, 60.0, 5.0), FAILURE)


def text(record: Record = RECORD, script: str = SCRIPT) -> str:
    return f"# Title\n\n```python\n{script}```\n\n{record.comment()}\n"


_records = st.builds(
    Record,
    bug=st.text(),
    target=st.text(),
    limits=st.builds(Limits, st.none() | st.integers(1, 2**40), st.floats(0.1, 1e6), st.floats(0.1, 1e6)),
    failure=st.builds(Failure, st.text(), st.none() | st.integers(), st.none() | st.text(), st.text(), st.text()),
    trials=st.integers(1, 99),
    race=st.booleans(),
)


@given(_records)
def test_a_record_survives_its_html_comment_whatever_it_holds(record):
    comment = record.comment()
    assert "--" not in comment[4:-3] and ">" not in comment[:-3], "nothing inside ends the comment early"
    assert read(text(record)) == (SCRIPT, record)


@given(st.text(), st.text(), st.binary(max_size=200).map(lambda b: b.decode("latin-1")))
def test_garbage_is_refused_in_one_line_and_never_otherwise(before, inside, after):
    for garbage in (before, f"{before}<!-- datasets-repro {{{inside}}} -->{after}"):
        with pytest.raises(UserError) as error:
            read(garbage)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"schema": 2}, "schema 2"),
        ({"trials": 0}, "damaged"),
        ({"limits": {"memory_bytes": -1, "timeout_s": 1, "grace_s": 1}}, "damaged"),
        ({"target": None}, "damaged"),
        ({"failure": None}, "damaged"),
    ],
)
def test_a_record_that_was_tampered_with_is_refused(change, says):
    form = json.loads(RECORD.comment().removeprefix("<!-- datasets-repro ").removesuffix(" -->"))
    damaged = f"```python\n{SCRIPT}```\n<!-- datasets-repro {json.dumps(form | change)} -->"
    with pytest.raises(UserError, match=says):
        read(damaged)


def test_the_script_is_the_block_with_the_header_not_any_other():
    other = "```python\nprint('the cause')\n```\n\n"
    assert read(other + text())[0] == SCRIPT
    with pytest.raises(UserError, match="no ```python block"):
        read(other + RECORD.comment())


def test_requirements_come_from_the_header_without_their_versions():
    assert requirements(SCRIPT) == ("datasets", "pyarrow")
    with pytest.raises(UserError, match="header"):
        requirements("print()")
    with pytest.raises(UserError, match="correct its dependencies"):
        requirements('# /// script\n# dependencies = ["=="]\n# ///\n')


def outcome(
    stdout: str = "opened 3 files\n", stderr: str = "", symptom: Symptom = Symptom.ERROR, code: int | None = 1
) -> Outcome:
    return Outcome(symptom, "", exit_code=code, stdout_tail=stdout, stderr_tail=stderr)


def test_numbers_do_not_matter_but_words_exit_status_and_exception_do():
    assert same(RECORD, Failure.of(outcome("warming up\nopened 300 files\n\n")))
    assert not same(RECORD, Failure.of(outcome("opened no files\n")))
    assert not same(RECORD, Failure.of(outcome(code=2)))
    raised = Failure.of(
        outcome(stderr="Traceback (most recent call last):\npyarrow.lib.ArrowInvalid: x\nValueError: 3")
    )
    assert raised.raised == "ValueError" and not same(RECORD, raised)


def test_of_a_race_a_hang_and_a_crash_are_the_same_failure_and_an_error_is_not():
    hang = Failure.of(outcome(symptom=Symptom.HANG, code=None))
    crash = Failure.of(outcome(symptom=Symptom.CRASH, code=None))
    race = Record("b", "latest", RECORD.limits, hang, 20, race=True)
    assert same(race, crash)
    assert not same(Record("b", "latest", RECORD.limits, hang, 20), crash)
    assert not same(race, Failure.of(outcome()))
