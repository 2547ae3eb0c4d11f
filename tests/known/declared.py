"""Declares a bug of a made-up release: the call gives another answer than 42, or an error that is known by its text."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from repro.bugs.declaration import NO_FIX, Bug, Prepared, Scenario
from repro.model import Limits, Outcome, Symptom, Verdict


def declare(file: str, title: str, cause: str, *, error: str = "", race: bool = False) -> Bug:
    """The bug of the folder that ``file`` lies in and is named after; with ``error``, it shows as this error."""
    folder = Path(file).parent
    return Bug(
        slug=folder.name.replace("_", "-"),
        title=title,
        summary=f"{title}: the answer is not 42.",
        expected="The answer is 42.",
        cause=cause,
        links={},
        scenarios=(
            Scenario("call", "the call that fails"),
            Scenario("plain", "a call that never fails", control=True),
        ),
        fixes=(NO_FIX,),
        parameters=(),
        prepare=prepare,
        oracle=partial(judge, error),
        folder=folder,
        default_scenario="call",
        default_limits=Limits(memory_bytes=256 << 20, timeout_s=20.0, grace_s=5.0),
        needs=("datasets",),
        race=race,
    )


def prepare(scenario: str, parameters: Mapping[str, Any], cache: Path) -> Prepared:
    return Prepared(inputs={}, expected={"answer": 42})


def judge(error: str, scenario: str, outcome: Outcome, expected: Mapping[str, Any]) -> Verdict:
    if error and outcome.symptom is Symptom.ERROR and error in outcome.stderr_tail:
        return Verdict(Symptom.ERROR, scenario == "call", error)
    if outcome.symptom is not Symptom.OK:
        return Verdict(outcome.symptom, False, outcome.detail)
    got = outcome.measures.get("answer")
    if got == expected["answer"]:
        return Verdict(Symptom.OK, False, f"answered {got}")
    return Verdict(Symptom.WRONG_OUTPUT, scenario == "call", f"answered {got} where 42 is right")
