"""Tells wrong bytes that nobody noticed from right ones and from an error. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from repro.bugs.unchecked_range.readers import SCENARIOS, reader_of
from repro.model import Outcome, Symptom, Verdict

CONTROLS = frozenset(one.name for one in SCENARIOS if one.control)
UNITS = {"pandas": "rows", "datasets": "rows", "info": "names of files", "tree": "names of files"}


def judge(scenario: str, outcome: Outcome, expected: Mapping[str, Any]) -> Verdict:
    """The bug is a read that ends well with other bytes than the file has. An error, whatever it says, is none.

    A run whose fault never came says nothing.

    ``expected`` holds ``sha256`` and ``amount`` of the right bytes, as the probe measures them.
    """
    seen = outcome.measures
    if outcome.symptom is not Symptom.OK:
        return Verdict(outcome.symptom, False, outcome.detail)
    if not {"raised", "sha256", "amount"} <= seen.keys():
        return Verdict(Symptom.KIT_FAULT, False, "the probe finished without saying what it read")
    if scenario not in CONTROLS and not any(one["fault"] for one in seen.get("hub", {}).get("requests", ())):
        return Verdict(Symptom.OK, False, "the reader made no request that the fault is for", testable=False)
    if seen["raised"]:
        return Verdict(Symptom.OK, False, f"noticed: {seen['raised']}")
    if seen["sha256"] == expected["sha256"]:
        return Verdict(Symptom.OK, False, f"all {expected['amount']} {_unit(scenario)} are right")
    words = f"{seen['amount']} {_unit(scenario)} in place of {expected['amount']}"
    same = seen["amount"] == expected["amount"]
    return Verdict(Symptom.WRONG_OUTPUT, True, f"no error, and {'other content' if same else words}")


def _unit(scenario: str) -> str:
    return UNITS.get(reader_of(scenario), "bytes")


def fetched(outcome: Outcome) -> int | None:
    """Bytes of files that the Hub sent; ``None`` without its record."""
    record = outcome.measures.get("hub")
    return None if record is None else int(record["totals"].get("resolve", {"down": 0})["down"])


def asked(outcome: Outcome) -> int | None:
    """How many requests there were of the kind that went wrong; for bytes of files if none did. ``None`` for none."""
    record = outcome.measures.get("hub", {"requests": (), "totals": {}})
    endpoint = next((one["endpoint"] for one in record["requests"] if one["fault"]), "resolve")
    total = record["totals"].get(endpoint)
    return None if total is None else int(total["requests"])
