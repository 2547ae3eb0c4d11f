"""Tells another case, or other bytes, from the case that was asked for; and what the Hub had to send for it. Pure.

A way that reads too much is not wrong: what it reads is a measure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from repro.hub.record import Record
from repro.model import Outcome, Symptom, Verdict

MARK = "/mark/second-case"
"""The request between the first case and the second."""
ORDER = ("first", "second")


def judge(scenario: str, outcome: Outcome, expected: Mapping[str, Any]) -> Verdict:
    """Wrong bytes without an error are the bug; an error is another failure, and no answer in time too."""
    if outcome.symptom is not Symptom.OK:
        return Verdict(outcome.symptom, False, outcome.detail)
    found = outcome.measures.get("cases", [])
    if len(found) != len(expected["cases"]):
        return Verdict(Symptom.KIT_FAULT, False, f"the probe finished with {len(found)} of two cases")
    wrong = [
        f"{', '.join(name for name in right if got.get(name) != right[name])} of the {which} case"
        for which, got, right in zip(ORDER, found, expected["cases"], strict=True)
        if got != right
    ]
    if wrong:
        return Verdict(Symptom.WRONG_OUTPUT, True, f"other bytes, without an error: {' and '.join(wrong)}")
    return Verdict(Symptom.OK, False, "both cases are right")


def asked(outcome: Outcome) -> list[tuple[int, int]]:
    """(requests, bytes sent by the Hub) for the first case and the second; empty if the record does not tell."""
    kept = outcome.measures.get("hub")
    record = Record.from_json(kept) if kept else Record()
    places = [place for place, one in enumerate(record.requests) if one.path == MARK]
    if record.omitted or len(places) != 1:
        return []
    parts = record.requests[: places[0]], record.requests[places[0] + 1 :]
    return [(len(part), sum(one.down for one in part)) for part in parts]


def ratios(outcome: Outcome) -> list[float]:
    """Bytes sent for each byte that was asked for, for the first case and the second."""
    needed = outcome.measures.get("needed_bytes")
    return [down / needed for _, down in asked(outcome)] if needed else []


def grown(outcome: Outcome) -> int | None:
    """Growth of memory over the imports while the first case was read, in bytes."""
    before, peak = (next(iter(outcome.measures.get(name, ())), None) for name in ("rss_before_bytes", "peak_bytes"))
    return None if before is None or peak is None else int(peak) - int(before)
