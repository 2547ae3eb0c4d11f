"""Finds out what the failure of a script looks like, before anybody asks where it shows."""

from __future__ import annotations

from collections.abc import Callable

from repro import bugs
from repro.bugs.declaration import Bug
from repro.bugs.script import Recorded, is_script, read_record, record
from repro.errors import UserError
from repro.model import Outcome, Symptom, Unsolvable
from repro.run.question import Question
from repro.run.runner import Runner, judge
from repro.signature import Signature, signature

TRIES, REPEATS = 3, 4
"""Runs until the first failure, and more after it: one that passes among them makes it a race."""


def needs_record(bug: Bug) -> bool:
    """Whether it is a script whose failure nobody has seen yet."""
    return is_script(bug.typed) and read_record(bug.folder).signature is None


def record_failure(
    runner: Runner, question: Question, say: Callable[[str], object] = len, tries: int = TRIES
) -> Bug | None:
    """Runs a script until it fails and keeps how; the bug that it is from now on. ``None`` if it never failed.

    ``runner`` is one for this alone: what a runner knows of the script is about to change.

    Raises:
        UserError: there is no such environment, or the script cannot even import what it needs there.
    """
    target = runner.target(question)
    if isinstance(target, Unsolvable):
        raise UserError(f"{question.bug.typed}: no environment {question.target!r}: {target.reason}")
    known = read_record(question.bug.folder)
    for number in range(1, tries + 1):
        outcome, _ = runner.observe(question, target)
        say(f"run {number} of {question.bug.typed}: {_ending(question, runner, outcome)}")
        if _fails(question, runner, outcome):
            break
    else:
        return None
    verdict = judge(question, outcome, runner.inputs(question).expected)
    if not verdict.testable:
        raise UserError(f"{question.bug.typed} cannot begin in {question.target!r}: {verdict.reason}")
    again = [runner.observe(question, target)[0] for _ in range(REPEATS)]
    race = any(not _fails(question, runner, one) for one in again)
    say(f"{sum(_fails(question, runner, one) for one in again)} of {REPEATS} more runs failed too")
    shown = signature(outcome) if outcome.symptom is not Symptom.OK else Signature(Symptom.WRONG_OUTPUT.value)
    record(question.bug, Recorded(shown, race or number > 1, known.wrong_if))
    return bugs.load(question.bug.typed)


def _fails(question: Question, runner: Runner, outcome: Outcome) -> bool:
    verdict = judge(question, outcome, runner.inputs(question).expected)
    return not verdict.symptom.healthy and verdict.symptom.informative


def _ending(question: Question, runner: Runner, outcome: Outcome) -> str:
    return judge(question, outcome, runner.inputs(question).expected).reason
