"""Declares ``known-broken-old``: A wrong answer in 5.0 and 6.0."""

from pathlib import Path

from repro.bugs.declaration import NO_FIX, Bug, Prepared, Scenario
from repro.model import Limits, Symptom, Verdict


def prepare(scenario, parameters, cache):
    return Prepared(inputs={}, expected={"answer": 42})


def oracle(scenario, outcome, expected):
    if outcome.symptom is not Symptom.OK:
        return Verdict(outcome.symptom, False, outcome.detail)
    got = outcome.measures.get("answer")
    if got == expected["answer"]:
        return Verdict(Symptom.OK, False, f"answered {got}")
    return Verdict(Symptom.WRONG_OUTPUT, scenario == "call", f"answered {got} where 42 is right")


BUG = Bug(
    slug="known-broken-old",
    title="A wrong answer in 5.0 and 6.0",
    summary="A wrong answer in 5.0 and 6.0: the answer is not 42.",
    expected="The answer is 42.",
    cause="The made-up release counts one too few.",
    links={},
    scenarios=(
        Scenario("call", "the call that fails"),
        Scenario("plain", "a call that never fails", control=True),
    ),
    fixes=(NO_FIX,),
    parameters=(),
    prepare=prepare,
    oracle=oracle,
    folder=Path(__file__).parent,
    default_scenario="call",
    default_limits=Limits(memory_bytes=256 << 20, timeout_s=20.0, grace_s=5.0),
    needs=("datasets",),
)
