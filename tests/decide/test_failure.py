"""What an issue text records of a failure, and when a later failure is the same. No script is run here."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.decide.failure import LEAST_CAP, LONGEST_S, MOST_TRIALS, Failure, Record, is_newer, read, requirements, same
from repro.errors import UserError
from repro.model import Killer, Limits, Outcome, Symptom
from repro.rates import CLEAN_TRIALS
from repro.signature import Signature

SCRIPT = '# /// script\n# dependencies = ["datasets==5.1.0", "pyarrow"]\n# ///\nprint("opened 34 of 100 files")\n'
FAILURE = Failure(Signature("error", 1), "opened 34 of 100 files")
RECORD = Record("some-bug", "datasets==5.1.0", Limits(1 << 30, 60.0, 5.0), FAILURE)


def text(record: Record = RECORD, script: str = SCRIPT) -> str:
    return f"# Title\n\n```python\n{script}```\n\n{record.comment()}\n"


_records = st.builds(
    Record,
    bug=st.text(),
    target=st.text(),
    limits=st.builds(
        Limits, st.none() | st.integers(LEAST_CAP, 2**40), st.floats(0.1, LONGEST_S), st.floats(0.1, LONGEST_S)
    ),
    failure=st.builds(
        Failure,
        st.builds(Signature, st.text(), st.none() | st.integers(), st.none() | st.text(), st.none() | st.text()),
        st.text(),
    ),
    trials=st.integers(1, 99),
    race=st.booleans(),
)


@given(_records)
def test_a_record_survives_its_html_comment_whatever_it_holds(record):
    comment = record.comment()
    assert "--" not in comment[4:-3] and ">" not in comment[:-3], "nothing inside ends the comment early"
    assert read(text(record)) == (SCRIPT, record)


def test_of_several_records_the_last_counts_since_a_text_may_quote_another():
    later = replace(RECORD, bug="another-bug")
    assert read(text() + text(later)) == (SCRIPT, later)


@given(st.text(), st.text(), st.binary(max_size=200).map(lambda b: b.decode("latin-1")))
def test_garbage_is_refused_in_one_line_and_never_otherwise(before, inside, after):
    for garbage in (before, f"{before}<!-- datasets-repro {{{inside}}} -->{after}"):
        with pytest.raises(UserError) as error:
            read(garbage)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"schema": 1}, "schema 1, this kit reads 2: write the text anew"),
        ({"schema": 3}, "schema 3"),
        ({"trials": 0}, "damaged"),
        ({"limits": {"memory_bytes": -1, "timeout_s": 1, "grace_s": 1}}, "damaged"),
        ({"target": None}, "damaged"),
        ({"failure": None}, "damaged"),
        ({"failure": {"symptom": "error", "exit_code": 1, "signal": None, "said": "x", "raised": ""}}, "damaged"),
        ({"limits": {"memory_bytes": None, "timeout_s": float("nan"), "grace_s": 1}}, "damaged"),
        ({"limits": {"memory_bytes": 0.5, "timeout_s": 1, "grace_s": 1}}, "damaged"),
        ({"trials": "many"}, "damaged"),
        ({"trials": 1.5}, "damaged"),
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
    stdout: str = "opened 34 of 100 files\n", stderr: str = "", symptom: Symptom = Symptom.ERROR, code: int | None = 1
) -> Outcome:
    return Outcome(symptom, "", exit_code=code, stdout_tail=stdout, stderr_tail=stderr)


def test_numbers_exit_status_and_exception_matter_and_what_changes_from_run_to_run_does_not():
    assert same(RECORD, Failure.of(outcome("warming up\nopened 34 of 100 files\n\n")))
    assert not same(RECORD, Failure.of(outcome("opened 100 of 100 files\n"))), "34 of 100 is the finding"
    assert not same(RECORD, Failure.of(outcome("opened no files\n")))
    assert not same(RECORD, Failure.of(outcome(code=2)))
    raised = Failure.of(
        outcome(
            stderr="Traceback (most recent call last):\n  File x\nKeyError: 1\n\n"
            "Traceback (most recent call last):\n  File x\nValueError: 3 at 0x7f00\n"
        )
    )
    assert (raised.signature.raised, raised.signature.message) == ("ValueError", "3 at 0x…")
    assert not same(RECORD, raised)
    timed = Record("b", "latest", RECORD.limits, Failure.of(outcome("lost 7 rows after 3.2 s in /tmp/x/y\n")))
    assert same(timed, Failure.of(outcome("lost 7 rows after 12 s in /var/tmp/z\n")))
    assert not same(timed, Failure.of(outcome("lost 8 rows after 3.2 s in /tmp/x/y\n")))


def test_who_enforced_a_cap_does_not_matter_but_that_it_was_reached_does():
    kernel = Outcome(Symptom.OUT_OF_MEMORY, "", signal="SIGKILL", killer=Killer.KERNEL)
    watchdog = Outcome(Symptom.OUT_OF_MEMORY, "", exit_code=0, killer=Killer.WATCHDOG)
    record = Record("b", "latest", RECORD.limits, Failure.of(kernel))
    assert same(record, Failure.of(watchdog))
    assert not same(record, Failure.of(Outcome(Symptom.CRASH, "", signal="SIGKILL", killer=Killer.UNKNOWN)))


def test_of_a_race_a_hang_and_a_crash_are_the_same_failure_if_it_had_come_as_far_and_an_error_is_not():
    hang = Failure.of(outcome(symptom=Symptom.HANG, code=None))
    crash = Failure.of(outcome(symptom=Symptom.CRASH, code=None))
    race = Record("b", "latest", RECORD.limits, hang, 20, race=True)
    assert same(race, crash)
    assert not same(race, Failure.of(outcome("before the last line", symptom=Symptom.CRASH, code=None)))
    assert not same(Record("b", "latest", RECORD.limits, hang, 20), crash)
    assert not same(race, Failure.of(outcome()))


def test_a_race_is_healthy_by_the_same_rule_as_everywhere():
    assert Record("b", "latest", RECORD.limits, FAILURE, 20, race=True).runs == CLEAN_TRIALS
    assert Record("b", "latest", RECORD.limits, FAILURE, 50, race=True).runs == 50
    assert RECORD.runs == 1


@pytest.mark.parametrize(
    ("recorded", "packages", "newer"),
    [
        ("datasets==5.1.0 pyarrow==24.0.0", {"datasets": "5.2.0", "pyarrow": "24.0.0"}, True),
        ("datasets==5.1.0 pyarrow==24.0.0", {"datasets": "5.10.0", "pyarrow": "26.0.1"}, True),
        ("datasets==5.1.0 pyarrow==24.0.0", {"datasets": "5.1.0", "pyarrow": "24.0.0"}, False),
        ("datasets==5.1.0 pyarrow==24.0.0", {"datasets": "4.9.0", "pyarrow": "24.0.0"}, False),
        ("datasets==5.1.0 pyarrow==24.0.0", {"datasets": "5.2.0", "pyarrow": "22.0.0"}, False),
        ("datasets==5.1.0", {"pyarrow": "24.0.0"}, False),
        ("huggingface_hub==0.30.0 python==3.11", {"huggingface-hub": "0.31.0"}, True),
        ("python==3.11 datasets==5.1.0", {"datasets": "5.1.0", "python": "3.12.1"}, False),
        ("latest", {"datasets": "5.2.0"}, False),
        ("./checkout", {"datasets": "5.2.0"}, False),
        ("datasets==nonsense", {"datasets": "5.2.0"}, False),
    ],
)
def test_only_a_newer_release_can_be_called_fixed(recorded, packages, newer):
    assert is_newer(Record("b", recorded, RECORD.limits, FAILURE), packages) is newer


# Texts from anyone


def test_what_a_text_asks_of_the_machine_is_cut_down():
    greedy = Record("b", "latest", Limits(1, 1e9, 1e9), FAILURE, 10**9)
    _, record = read(text(greedy))
    assert record.limits == Limits(LEAST_CAP, LONGEST_S, LONGEST_S)
    assert (record.trials, LEAST_CAP, LONGEST_S, MOST_TRIALS) == (MOST_TRIALS, 32 << 20, 3600.0, 1000)


@pytest.mark.parametrize(
    "piece",
    [
        "```python\n",
        "````python\n```python\n",
        "<!-- datasets-repro {",
        "# /// script\n",
        "```python\n# /// script\n```\n",
        "# ///\n",
        '<!-- datasets-repro {"a": "',
    ],
)
def test_the_time_to_read_a_text_grows_with_its_length_and_no_faster(piece):
    """A text twice as long may take some times as long, not four; at the length tried, squares would take minutes."""

    def seconds(times: int) -> float:
        long = f"{text()}{piece * times}"
        began = time.process_time()
        with contextlib.suppress(UserError):
            read(f"{long}\n{RECORD.comment()}\n")
        with contextlib.suppress(UserError):
            requirements(piece * times)
        return time.process_time() - began

    few, many = (min(seconds(times) for _ in range(3)) for times in (2_500, 40_000))
    assert many < 100 * few + 0.5, "16 times the length; squares would take 256 times as long"


def test_a_text_nested_without_end_is_refused():
    with pytest.raises(UserError, match="damaged"):
        read(f'<!-- datasets-repro {{"schema": {"[" * 100_000}}} -->')


def test_an_unclosed_block_is_no_script_and_of_several_the_first_with_a_header_is():
    assert read(f"{text()}\n```python\nnever closed")[0] == SCRIPT
    assert read(text().replace("```python", "````python").replace("```\n\n", "````\n\n"))[0] == SCRIPT
    second = SCRIPT.replace("34", "35")
    assert read(f"```python\n{SCRIPT}```\n```python\n{second}```\n{RECORD.comment()}")[0] == SCRIPT


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ('# /// script\n# dependencies = [\n#   "a",\n#\n#   "b>=1",\n# ]\n# ///\n', ("a", "b")),
        ('# other\n# /// script\n# dependencies = ["a"]\n# ///\n# after\n', ("a",)),
        ("# /// script\n# requires-python = '>=3.11'\n# ///\n", ()),
    ],
)
def test_the_header_is_read_as_its_standard_says(header, found):
    assert requirements(header) == found
