"""Tells files of which no byte arrived from those that arrived wrong. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from repro.model import Outcome, Symptom, Verdict

CONTROLS = frozenset({"nifti-bytes", "nifti-list-bytes", "image"})


def judge(scenario: str, outcome: Outcome, expected: Mapping[str, Any]) -> Verdict:
    """The bug is a good end with no bytes of any file; an error, or other bytes, is a different failure."""
    if outcome.symptom is not Symptom.OK:
        return Verdict(outcome.symptom, False, outcome.detail)
    found, wanted = outcome.measures.get("sha256"), expected["sha256"]
    if not isinstance(found, list):
        return Verdict(Symptom.KIT_FAULT, False, "the probe finished without saying which bytes came out")
    opened = outcome.measures.get("files_opened")
    if not any(found) and wanted:
        text = f"no bytes of {len(wanted)} files, {opened} of them opened, and no error{_reads(outcome.measures)}"
        return Verdict(Symptom.WRONG_OUTPUT, scenario not in CONTROLS, text)
    if found != wanted:
        wrong = sum(one != other for one, other in zip(found, wanted, strict=False)) + abs(len(found) - len(wanted))
        return Verdict(Symptom.WRONG_OUTPUT, False, f"{wrong} of {len(wanted)} files differ from their source")
    return Verdict(Symptom.OK, False, f"the bytes of all {len(wanted)} files{_reads(outcome.measures)}")


def _reads(measures: Mapping[str, Any]) -> str:
    """Where an upload can be opened; empty if nothing was uploaded."""
    if "opens_here" not in measures or "opens_elsewhere" not in measures:
        return ""
    said = {name: measures[f"opens_{name}"] or "opens" for name in ("here", "elsewhere")}
    return f"; on the uploader's machine: {said['here']}, without its files: {said['elsewhere']}"
