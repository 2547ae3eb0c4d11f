"""A script of the issue counts only if it fails as the bug's own trials do."""

from __future__ import annotations

import pytest

from repro.decide.facts import Facts
from repro.decide.scripts import fits
from repro.evidence.record import Evidence
from repro.model import Outcome, Symptom, Verdict
from tests.render.reported import EMBED, embed, exit_minimal, minimal, race

KILLED = embed("5.1.0", Symptom.OUT_OF_MEMORY, shows=True)
HUNG = race(symptom=Symptom.HANG_AT_EXIT)[0]


def raising(*lines: str, header: bool = True) -> Outcome:
    """A process that an exception ended."""
    head = ("Traceback (most recent call last):", '  File "x.py", line 1, in <module>') if header else ()
    return Outcome(Symptom.ERROR, "exit status 1", exit_code=1, stderr_tail="\n".join([*head, *lines]) + "\n")


def script(outcome: Outcome) -> Evidence:
    verdict = Verdict(outcome.symptom, not outcome.symptom.healthy, "exit status 1")
    return embed("5.1.0", outcome.symptom, shows=True, scenario="minimal", outcome=outcome, verdict=verdict)


def raised(*lines: str) -> Evidence:
    """A trial of a bug whose failure is an exception."""
    return embed("5.1.0", Symptom.ERROR, shows=True, outcome=raising(*lines))


@pytest.mark.parametrize(
    "outcome",
    [
        raising("ImportError: cannot import name 'x'"),
        raising("ModuleNotFoundError: No module named 'datasets'"),
        raising('  File "x.py", line 1', "    def (", "SyntaxError: invalid syntax", header=False),
        raising("IndentationError: unexpected indent", header=False),
        raising("ValueError: no such column"),
        Outcome(Symptom.OK, "exit status 0", exit_code=0),
        Outcome(Symptom.KIT_FAULT, "could not start"),
        Outcome(Symptom.HANG, "still there"),
        Outcome(Symptom.CRASH, "SIGSEGV", signal="SIGSEGV"),
    ],
)
def test_a_script_that_fails_for_another_reason_shows_nothing(outcome):
    assert not fits(script(outcome), [KILLED])


def test_a_script_may_judge_itself_where_it_can_know():
    assert fits(minimal(), [KILLED]), "it counts what it opened, and ends with status 1"
    assert fits(script(raising("AssertionError: read 16 files")), [KILLED])
    assert not fits(minimal(), [HUNG]), "no script can say that it hung, and then end"


def test_an_exception_must_be_one_that_a_trial_raised():
    bug = raised("TypeError: no such argument")
    assert fits(script(raising("TypeError: no such argument")), [bug])
    assert not fits(script(raising("OSError: disk full")), [bug])
    assert not fits(script(raising("ImportError: x")), [raised("ImportError: x")])


def test_an_import_error_that_was_caught_on_the_way_is_not_what_ended_it():
    chain = ("ImportError: no fast path", "", "During handling of the above exception, another exception occurred:", "")
    outcome = raising(*chain, "Traceback (most recent call last):", '  File "x.py", line 2', "TypeError: no")
    assert fits(script(outcome), [raised("TypeError: no")])


def test_of_a_race_a_hang_and_a_crash_are_two_faces_and_an_exit_status_is_none():
    crash = Outcome(Symptom.CRASH_AT_EXIT, "SIGABRT", signal="SIGABRT")
    assert fits(exit_minimal(), [HUNG]) and fits(script(crash), [HUNG])
    assert not fits(exit_minimal(), [KILLED])


def test_without_a_trial_that_shows_the_bug_no_script_does():
    assert not fits(minimal(), [embed("5.1.0", Symptom.OK, shows=False)])


def test_the_newest_fitting_run_in_the_newest_release_is_taken():
    healthy = minimal(verdict=Verdict(Symptom.OK, False, "exit status 0"))
    broken = script(raising("ImportError: x"))
    first, wanted = minimal("5.1.0"), minimal("5.1.0")
    found = Facts.of(EMBED, [KILLED, first, wanted, minimal("4.4.2"), healthy, broken])
    assert found.minimal("minimal.py", "datasets") == wanted
    assert Facts.of(EMBED, [KILLED, healthy, broken]).minimal("minimal.py", "datasets") is None
