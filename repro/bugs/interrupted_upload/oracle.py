"""Tells an upload that waits without end, or that left rows lost, doubled or wrong, from one that ends well. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from repro.hub.record import Record, Request
from repro.model import Outcome, Symptom, Verdict

HUB = "hub"
"""The measure with what the Hub saw."""
STALL = ":stall"
"""The fault of a request whose answer the Hub holds back."""


def judge(scenario: str, outcome: Outcome, expected: Mapping[str, Any]) -> Verdict:
    """The oracle of the bug: wrong rows are it in any scenario, a wait only where the Hub held back the last answer.

    ``expected["rows"]`` has the sha256 of the files of each row, by its id.
    """
    measures = outcome.measures
    match outcome.symptom:
        case Symptom.OK:
            endings, found = measures.get("endings"), measures.get("rows")
            if not endings or found is None:
                return Verdict(Symptom.KIT_FAULT, False, "the probe finished without saying what it found on the Hub")
            if wrong := difference(found, expected["rows"]):
                return Verdict(Symptom.WRONG_OUTPUT, True, f"after {said(endings)}: {wrong}")
            if endings[-1]:
                return Verdict(Symptom.ERROR, False, f"after {said(endings)} it had not ended well once")
            return Verdict(Symptom.OK, False, f"every row is there once and equals its source, after {said(endings)}")
        case Symptom.HANG:
            stalled = held(outcome)
            if stalled is None:
                return Verdict(Symptom.HANG, False, f"{outcome.detail}, but not for want of an answer")
            waited = f"a {stalled.method} was without an answer for {min(stalled.seconds, outcome.wall_s):.0f} s"
            return Verdict(Symptom.HANG, True, f"{waited}, until the upload was ended from outside")
        case _:
            return Verdict(outcome.symptom, False, outcome.detail)


def difference(found: Sequence[Sequence[Any]], expected: Mapping[str, Sequence[str]]) -> str:
    """What a reader gets wrong, in a few words; empty for nothing."""
    counts = Counter(name for name, _ in found)
    lost = [name for name in expected if name not in counts]
    doubled = [name for name in expected if counts[name] > 1]
    foreign = [name for name in counts if name not in expected]
    wrong = [name for name, hashes in found if name in expected and list(hashes) != list(expected[name])]
    named = (("lost", lost), ("doubled", doubled), ("of nowhere", foreign), ("with wrong content", wrong))
    return ", ".join(f"{len(names)} of {len(expected)} rows {words} ({names[0]})" for words, names in named if names)


def said(endings: Sequence[str]) -> str:
    """``2 attempts, the first ended by: SIGKILL``."""
    count = f"{len(endings)} attempt{'s' * (len(endings) != 1)}"
    return f"{count}, the first ended by: {endings[0][:120]}" if endings[0] else count


def held(outcome: Outcome) -> Request | None:
    """The last request, if the Hub held back its answer; one that was just under way is none."""
    record = Record.from_json(outcome.measures[HUB]) if outcome.measures.get(HUB) else Record()
    last = record.requests[-1] if record.requests else None
    return last if last is not None and not last.status and STALL in last.fault else None


def bytes_sent(outcome: Outcome) -> int | None:
    """Bytes of all that was sent to the Hub."""
    totals = (outcome.measures.get(HUB) or {}).get("totals")
    return sum(total["up"] for total in totals.values()) if totals else None
