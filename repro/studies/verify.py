"""Runs the script of an issue text again, and says whether it still fails as the text recorded."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from repro import targets
from repro.decide.failure import Failure, is_newer, read, requirements, same
from repro.model import SCHEMA, Status, Symptom, Unsolvable
from repro.run.scripts import run_script


class Answer(StrEnum):
    """What ``verify`` says; the values are the sentences that a reader sees."""

    STILL = "still fails the same way"
    FIXED = "fixed"
    HEALTHY = "does not fail here"
    DIFFERENT = "fails differently"
    UNTESTABLE = "cannot be tested"

    @property
    def status(self) -> Status:
        """The status with the exit code that belongs to it."""
        match self:
            case Answer.STILL:
                return Status.PRESENT
            case Answer.FIXED | Answer.HEALTHY:
                return Status.ABSENT
            case Answer.DIFFERENT:
                return Status.DIFFERENT_FAILURE
            case Answer.UNTESTABLE:
                return Status.UNTESTABLE


@dataclass(frozen=True, slots=True)
class Verification:
    """The answer, where it was found, and a sentence that says why."""

    answer: Answer
    target: Mapping[str, Any]
    reason: str
    runs: int

    def to_json(self) -> dict[str, Any]:
        target = {k: v for k, v in self.target.items() if k != "packages"}
        return {
            "schema": SCHEMA,
            "answer": self.answer.value,
            "status": self.answer.status.value,
            "target": target,
            "runs": self.runs,
            "reason": self.reason,
        }


def verify(text: str, *, cache: Path, target: str | None = None, stop: threading.Event | None = None) -> Verification:
    """Run the script of an issue text under its recorded limits, as often as recorded, until it fails.

    ``target`` is an environment spec; without one, the newest releases. Only a release newer than the recorded one can
    be called fixed. Raises UserError for a text without script or record, and ``trial.supervise.Interrupted`` if
    ``stop`` is set.
    """
    script, record = read(text)
    spec = targets.parse(target or "latest")
    environment = targets.provision(spec, cache=cache, requires=requirements(script))
    if isinstance(environment, Unsolvable):
        return Verification(Answer.UNTESTABLE, {"spec": environment.spec}, environment.reason, 0)
    where = environment.summary()
    for run in range(1, record.runs + 1):
        outcome = run_script(script, environment, record.limits, stop=stop)
        if outcome.symptom.healthy:
            wrong = Failure.of(replace(outcome, symptom=Symptom.WRONG_OUTPUT))  # it ends well, and says what is wrong
            if same(record, wrong):
                return Verification(Answer.STILL, where, f"{wrong} (run {run} of at most {record.runs})", run)
            continue
        if not outcome.symptom.informative:
            return Verification(Answer.UNTESTABLE, where, outcome.detail, run)
        seen = Failure.of(outcome)
        if same(record, seen):
            return Verification(Answer.STILL, where, f"{seen} (run {run} of at most {record.runs})", run)
        return Verification(Answer.DIFFERENT, where, f"recorded: {record.failure}; now: {seen}", run)
    reason = f"ended with status 0 in {record.runs} of {record.runs} runs"
    if is_newer(record, environment.packages):
        return Verification(Answer.FIXED, where, reason, record.runs)
    told = f"{reason}; whether a later release mended it cannot be said here: it was recorded with {record.target}"
    return Verification(Answer.HEALTHY, where, told, record.runs)
