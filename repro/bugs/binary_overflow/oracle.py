"""Tells a value or an array that is too long for Arrow from any other failure. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from repro.model import Outcome, Symptom, Verdict
from repro.signature import raised_in, signature

CONTROL, CAST = "small", "sliced-cast"
OVERFLOW = re.compile(r"ChunkedArray|Mask must be a pyarrow\.Array|cannot contain more than|[Cc]apacity|2147483646")
"""What Arrow says of more than 2 GiB; only an exception is held against it.

Releases up to 4.7.0 make the mask from the array with the bytes: then it is a ChunkedArray too, and named first.
"""


def judge(scenario: str, outcome: Outcome, expected: Mapping[str, Any]) -> Verdict:
    """The oracle of the bug; ``expected`` are the measures of a healthy end.

    The bug is an exception that speaks of the limit. A crash of what Arrow does by itself is another failure, told for
    the claim about it; so is a kill for memory: that many bytes take memory in any case.
    """
    control = scenario == CONTROL
    match outcome.symptom:
        case Symptom.OK:
            return _finished(outcome.measures, expected)
        case Symptom.ERROR:
            seen = signature(outcome)
            place = raised_in(outcome.stderr_tail)
            said = f"{seen}, in {place}" if place else str(seen)
            return Verdict(Symptom.ERROR, not control and bool(OVERFLOW.search(f"{seen.raised} {seen.message}")), said)
        case Symptom.CRASH:
            return Verdict(Symptom.CRASH, False, f"{outcome.signal} while it was in the phase {phase(outcome)}")
    return Verdict(outcome.symptom, False, outcome.detail)


def phase(outcome: Outcome) -> str:
    """The phase in which it ended."""
    return repr(outcome.phases[-1][1]) if outcome.phases else "before any"


def _finished(measures: Mapping[str, Any], expected: Mapping[str, Any]) -> Verdict:
    silent = [name for name in expected if name not in measures]
    if silent:
        return Verdict(Symptom.KIT_FAULT, False, f"the probe finished without saying {', '.join(silent)}")
    for name, wanted in expected.items():
        if json.dumps(measures[name]) != json.dumps(wanted):
            return Verdict(Symptom.WRONG_OUTPUT, False, f"{name} is {measures[name]!r:.100}, expected {wanted!r:.100}")
    lengths = measures.get("lengths")
    if lengths is None:
        return Verdict(Symptom.OK, False, ", ".join(f"{name} is {value!r}" for name, value in expected.items()))
    stored = " and ".join(measures.get("stored_as", ()))
    return Verdict(Symptom.OK, False, f"embedded {len(lengths)} values with {sum(lengths)} bytes as {stored}")
