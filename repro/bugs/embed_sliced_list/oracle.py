"""Tells excess reading, death by memory and wrong output apart. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from repro.model import Outcome, Symptom, Verdict

NOTHING_EMBEDDED = "no bytes of any file were embedded"


@dataclass(frozen=True, slots=True)
class Reading:
    """Files opened while embedding, against the files that the embedded rows refer to (each reference counts)."""

    opened: int | None
    unneeded: int
    needed: int

    @property
    def excess(self) -> bool:
        """The bug's signature, whatever the end of the trial.

        A trial that is killed early may not have opened as many files as its rows refer to, but already others.
        """
        return self.opened is not None and (self.opened > self.needed or self.unneeded > 0)

    def __str__(self) -> str:
        if self.opened is None:
            return f"no count of files opened, needed {self.needed}"
        files = f"opened {self.opened} file" + "s" * (self.opened != 1)
        strange = f" ({self.unneeded} of other rows)" if self.unneeded else ""
        return f"{files}{strange}, needed {self.needed}"


def judge(scenario: str, outcome: Outcome, expected: Mapping[str, Any]) -> Verdict:
    """The oracle of the bug.

    ``expected`` is what ``prepare`` makes: ``files_needed``, ``count``, perhaps ``unverified``, and ``values``, a list
    of ``{"column", "row", "bytes", "sha256"}`` in the order in which the probe lists what it embedded.

    Memory, time or an error may end a trial before it is finished: what was opened until then still tells whether it
    is this bug (one column of everything can also overflow an Arrow array before it fills the memory). The same
    endings without excess reading are a different failure: ``full`` at the scale of the report needs all that memory.
    """
    measures = outcome.measures
    unneeded = int(measures.get("unneeded_files_opened", 0))
    reading = Reading(measures.get("files_opened"), unneeded, int(expected["files_needed"]))
    match outcome.symptom:
        case Symptom.OK:
            return _judge_finished(measures, reading, expected)
        case (
            Symptom.OUT_OF_MEMORY
            | Symptom.HANG
            | Symptom.HANG_AT_EXIT
            | Symptom.CRASH
            | Symptom.CRASH_AT_EXIT
            | Symptom.ERROR
        ):
            ending = "excess reading" if reading.excess else "no excess reading, so not this bug"
            return Verdict(outcome.symptom, reading.excess, f"{outcome.symptom}: {reading}: {ending}")
        case Symptom.UNSOLVABLE | Symptom.UNSUPPORTED | Symptom.KIT_FAULT:
            return Verdict(outcome.symptom, False, outcome.detail)
        case other:  # wrong-output and excess-read are for an oracle to say, not for an outcome
            raise ValueError(f"no outcome has the symptom {other!r}")


def _judge_finished(measures: Mapping[str, Any], reading: Reading, expected: Mapping[str, Any]) -> Verdict:
    embedded = measures.get("embedded")
    if reading.opened is None or embedded is None:
        return Verdict(Symptom.KIT_FAULT, False, "the probe finished without saying what it opened and embedded")
    wrong = _difference(embedded, measures.get("embedded_count"), expected)
    if wrong:
        # Wrong output is the graver symptom, but it is this bug only together with its signature.
        return Verdict(Symptom.WRONG_OUTPUT, reading.excess, f"{wrong} ({reading})")
    if reading.excess:
        return Verdict(Symptom.EXCESS_READ, True, str(reading))
    content = "every embedded file equals its source" if reading.needed else "there was nothing to embed"
    return Verdict(Symptom.OK, False, f"{reading}; {expected.get('unverified', content)}")


def _difference(embedded: Sequence[Any], count: Any, expected: Mapping[str, Any]) -> str:
    """What is wrong with the embedded values, in a few words; empty if nothing is."""
    if count != expected["count"]:
        return f"{count} values were embedded, {expected['count']} expected"
    values: Sequence[Mapping[str, Any]] = expected["values"]
    if len(embedded) != len(values):
        return f"{len(embedded)} embedded values were listed, {len(values)} expected"
    if any(v["bytes"] for v in values) and all(e["bytes"] is None for e in embedded):
        return NOTHING_EMBEDDED  # as in 4.4.0 and 4.4.1: huggingface/datasets#7852
    # Without a known checksum the length is still compared.
    keys = [k for k in ("column", "row", "bytes", "sha256") if "unverified" not in expected or k != "sha256"]
    wrong = [v for e, v in zip(embedded, values, strict=True) if any(e[k] != v[k] for k in keys)]
    if not wrong:
        return ""
    first = f"the first in column {wrong[0]['column']!r}, row {wrong[0]['row']}"
    return f"{len(wrong)} of {len(values)} embedded values differ from their source, {first}"
