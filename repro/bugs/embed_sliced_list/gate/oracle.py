"""Judges what the correctness gate found of a fix: right, raising on sound input, or wrong and therefore out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from repro.bugs.declaration import Gate, Parameter, Prepared
from repro.errors import UserError
from repro.model import Outcome, Scalar, Symptom, Verdict

STORAGE = "struct<bytes: binary, path: string>"
"""The Arrow type of every file feature in every release: another one is another schema for whoever reads the file."""

WRONG = ("values", "schema", "invalid", "silent")
"""What a fix must never do; ``raised`` (an error for sound input) is reported, but nobody gets wrong data from it."""


def prepare(scenario: str, parameters: Mapping[str, Scalar], cache: Path) -> Prepared:
    """Says which cases to run; they are made inside the target, from the seed."""
    cases, seed = parameters["cases"], parameters["seed"]
    for name, value, least in (("cases", cases, 1), ("seed", seed, 0)):
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise UserError(f"{name}={value} makes no sense for the gate: give a whole number from {least} up")
    return Prepared({"cases": cases, "seed": seed}, {"cases": cases}, {"cases": cases})


def judge(scenario: str, outcome: Outcome, expected: Mapping[str, Any]) -> Verdict:
    """``ok``: all cases are right; ``error``: some sound ones raise; ``wrong-output``: the fix is out. Not the bug."""
    if outcome.symptom is not Symptom.OK:
        return Verdict(outcome.symptom, False, f"the gate was not finished: {outcome.detail}")
    found = outcome.measures.get("gate")
    storage: Mapping[str, str] = outcome.measures.get("storage") or {}
    if found is None or found["count"] != expected["cases"]:
        return Verdict(Symptom.KIT_FAULT, False, "the probe finished without saying what the gate found")
    changed = [f"{name} stores {kind}, not {STORAGE}" for name, kind in storage.items() if kind != STORAGE]
    wrong = [failure for failure in found["failures"] if failure["kind"] in WRONG]
    if wrong or changed:
        said = [*(f"schema: {text}" for text in changed), *(_words(failure, found["count"]) for failure in wrong)]
        return Verdict(Symptom.WRONG_OUTPUT, False, "; ".join(said))
    if found["failures"]:
        said = [_words(failure, found["count"]) for failure in found["failures"]]
        return Verdict(Symptom.ERROR, False, "; ".join(said))
    return Verdict(Symptom.OK, False, f"{found['kinds'].get('ok', 0)} of {found['count']} cases right")


def _words(failure: Mapping[str, Any], count: int) -> str:
    """``raised FileNotFoundError in 10 of 200 cases (all outside-missing)``."""
    shared = f" (all {' and '.join(failure['traits'])})" if failure["traits"] else ""
    return f"{failure['kind']} {failure['error']}".strip() + f" in {failure['count']} of {count} cases{shared}"


GATE = Gate(
    folder=Path(__file__).parent,
    parameters=(
        Parameter("cases", "int", 200, "random shards with a known answer"),
        Parameter("seed", "int", 0, "seed of the cases"),
    ),
    prepare=prepare,
    oracle=judge,
)
