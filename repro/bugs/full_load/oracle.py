"""Tells loading that holds the dataset in memory from any other failure, and right rows from wrong ones. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from repro.model import Outcome, Symptom, Verdict
from repro.units import about

CONTROLS = ("two-row-files", "streaming")
LOADING = "load"
MUCH = 1.0
"""Times the data: who held more than that was not killed only because the cap is large."""


def judge(scenario: str, outcome: Outcome, expected: Mapping[str, Any]) -> Verdict:
    """The bug is a kill for memory while loading. Without a kill the rows must be right, and the memory small.

    ``expected`` holds ``ids``, ``first_row`` and ``last_row``, as the probe measures them. A run that held the data in
    memory under a cap that has room for them does not say whether they are held on purpose: it cannot be judged.
    """
    symptom, measures = outcome.symptom, outcome.measures
    if symptom is Symptom.OUT_OF_MEMORY:
        loading = bool(outcome.phases) and outcome.phases[-1][1] == LOADING
        shown = loading and scenario not in CONTROLS
        size = f", with {about(measures['data_bytes'])} of data" if "data_bytes" in measures else ""
        return Verdict(symptom, shown, f"killed for memory while it {'loads' if loading else 'does not load'}{size}")
    if symptom is not Symptom.OK:
        return Verdict(symptom, False, outcome.detail)
    silent = [name for name in expected if name not in measures]
    if silent:
        return Verdict(Symptom.KIT_FAULT, False, f"the probe finished without saying {', '.join(silent)}")
    wrong = [name for name, value in expected.items() if measures[name] != value]
    if wrong:
        return Verdict(Symptom.WRONG_OUTPUT, False, f"{' and '.join(wrong)} differ from what the files hold")
    share = held(measures)
    if share is not None and share > MUCH:
        words = f"it held {share:.1f} times the data in memory, and the cap had room for that: give a smaller --memory"
        return Verdict(symptom, False, words, testable=False)
    said = "" if share is None else f"; memory grew by {share:.2f} times the data while it loaded"
    return Verdict(symptom, False, f"{len(expected['ids'])} rows are right{said}")


def held(measures: Mapping[str, Any]) -> float | None:
    """By how much the memory grew while loading, as a multiple of the data; ``None`` if that was not measured."""
    before, peak, data = (measures.get(n) for n in ("rss_before_load_bytes", "peak_load_bytes", "data_bytes"))
    return None if before is None or peak is None or not data else (int(peak) - int(before)) / int(data)
