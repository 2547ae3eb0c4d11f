"""Tells a bad end after the last statement from any other failure, and a healthy end from an idle one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from repro.model import Outcome, Symptom, Verdict

READS_ALL = frozenset({"arrow-read-table", "arrow-everything", "datasets-everything", "hub-everything"})
READS_NOTHING = frozenset({"arrow-nothing", "datasets-nothing", "hub-nothing"})
AT_EXIT = frozenset({Symptom.HANG_AT_EXIT, Symptom.CRASH_AT_EXIT})


def judge(scenario: str, outcome: Outcome, expected: Mapping[str, Any]) -> Verdict:
    """The bug is a hang or a crash after the last Python statement ran; anything before that is another failure."""
    symptom = outcome.symptom
    if symptom in AT_EXIT:
        return Verdict(symptom, True, f"the last Python statement had run, then: {outcome.detail}")
    if symptom is Symptom.OK and (fault := _wrong_rows(scenario, outcome, int(expected["rows"]))):
        return Verdict(Symptom.WRONG_OUTPUT, False, fault)
    return Verdict(symptom, False, outcome.detail)


def _wrong_rows(scenario: str, outcome: Outcome, total: int) -> str | None:
    """Why the rows that were read cannot be right: a process that read nothing ends well for the wrong reason."""
    rows = outcome.measures.get("rows_read")
    if rows is None:
        return "the probe did not say how many rows it read"
    if scenario in READS_ALL and rows != total:
        return f"read {rows} of {total} rows"
    if scenario in READS_NOTHING and rows != 0:
        return f"read {rows} rows where none was asked for"
    if scenario not in READS_ALL | READS_NOTHING and not 0 < rows <= total:
        return f"read {rows} rows of {total} where at least one was asked for"
    return None
