"""What a bug need not write: its inputs from constants, and its verdict from what it declares. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from repro.bugs.declaration import Bug, Prepared
from repro.model import Outcome, Symptom, Verdict
from repro.signature import Signature, recognised, signature

SETUP = frozenset({"ImportError", "ModuleNotFoundError", "SyntaxError", "IndentationError"})
"""Exceptions of a script that could not even begin."""


def constants(bug: Bug, scenario: str) -> Prepared:
    """The inputs and the expectation that stand in the scenario."""
    asked = next(one for one in bug.scenarios if one.name == scenario)
    return Prepared(asked.inputs, asked.expected)


def compare(bug: Bug, scenario: str, outcome: Outcome, expected: Mapping[str, Any]) -> Verdict:
    """Compares the end with ``failure``, and after a healthy end the output and the measures with what is expected.

    A control never shows the bug: what fails there is another failure.
    """
    control = any(one.control for one in bug.scenarios if one.name == scenario)
    if outcome.symptom is Symptom.OK:
        silent = [name for name in expected if name not in outcome.measures]
        if silent:
            return Verdict(Symptom.KIT_FAULT, False, f"the probe finished without saying {', '.join(silent)}")
        wrong = wrong_output(bug.wrong_if, outcome) or _difference(outcome.measures, expected)
        if wrong:
            symptom = bug.failure if bug.failure is Symptom.EXCESS_READ else Symptom.WRONG_OUTPUT
            return Verdict(symptom, recognised(Signature(symptom.value), bug.failure) and not control, wrong)
        said = ", ".join(f"{name} is {value!r}" for name, value in expected.items())
        return Verdict(Symptom.OK, False, said[:300] or outcome.detail)
    seen = signature(outcome)
    if not control and recognised(seen, bug.failure, bug.race):
        return Verdict(outcome.symptom, True, f"{seen}: {outcome.detail}")
    if seen.raised in SETUP:
        return Verdict(outcome.symptom, False, f"the environment is broken: {seen}", testable=False)
    return Verdict(outcome.symptom, False, f"{seen}, not {bug.failure}")


def wrong_output(pattern: str, outcome: Outcome) -> str:
    """What of the output is wrong; empty if nothing is."""
    found = re.search(pattern, f"{outcome.stdout_tail}\n{outcome.stderr_tail}") if pattern else None
    return f"its output matches {pattern!r}: {found[0][:200]!r}" if found else ""


def _difference(measures: Mapping[str, Any], expected: Mapping[str, Any]) -> str:
    """Which measure differs first, and how many do; as JSON, since a tuple comes back as a list."""
    found = [
        f"{name} is {measures[name]!r:.100}, expected {wanted!r:.100}"
        for name, wanted in expected.items()
        if json.dumps(measures[name], sort_keys=True) != json.dumps(wanted, sort_keys=True)
    ]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"{found[0]}{more}" if found else ""
