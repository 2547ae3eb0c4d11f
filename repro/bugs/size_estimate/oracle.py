"""Tells too few shards and a wrong recorded size from right ones. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from repro.model import Outcome, Symptom, Verdict
from repro.units import about

CONTROLS = frozenset({"image", "bytes"})
TOLERANCE = 0.25
"""Share by which a figure may be off: text columns and the rounding of a small number of shards."""


def judge(scenario: str, outcome: Outcome, expected: Mapping[str, Any]) -> Verdict:
    """The bug is a number of shards, or a recorded size, that does not follow from the sizes of the files."""
    if outcome.symptom is not Symptom.OK:
        return Verdict(outcome.symptom, False, outcome.detail)
    if scenario == "one-file":
        return _one_file(outcome.measures)
    name = "recorded_bytes_paths" if scenario == "push-size" else "shards"
    found = outcome.measures.get(name)
    if not isinstance(found, int):
        return Verdict(Symptom.KIT_FAULT, False, f"the probe finished without saying {name}")
    size, limit = int(expected["bytes_needed"]), int(expected["max_shard_bytes"])
    if scenario == "push-size":
        wanted, said = size, f"{about(found)} recorded as the size of {about(size)}"
    else:
        wanted = int(expected["shards"])
        said = (
            f"{found} shard{'s' * (found != 1)} for {about(size)} of files, {wanted} are needed for {about(limit)} each"
        )
    said += _estimated(outcome.measures)
    if abs(found - wanted) <= TOLERANCE * wanted:
        return Verdict(Symptom.OK, False, said)
    return Verdict(Symptom.WRONG_OUTPUT, scenario not in CONTROLS, said)


def _estimated(measures: Mapping[str, Any]) -> str:
    estimate, files = measures.get("estimate_bytes"), measures.get("files_looked_at")
    return "" if estimate is None else f"; estimated at {about(estimate)} from {files} files"


def _one_file(measures: Mapping[str, Any]) -> Verdict:
    """It is this bug only if a file loads from where the recorded size is right, and not from where it is wrong."""
    paths, inline = measures.get("load_error_paths"), measures.get("load_error_bytes")
    if paths is None or inline is None:
        return Verdict(Symptom.KIT_FAULT, False, "the probe finished without loading one file")
    if not paths:
        return Verdict(Symptom.OK, False, "one file of the repository loads")
    if not inline:
        return Verdict(Symptom.ERROR, True, f"{paths}, and none where the recorded size is right")
    return Verdict(Symptom.ERROR, False, f"{paths}, and {inline} also where the recorded size is right")
