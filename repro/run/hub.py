"""Gives a trial a Hub of its own, and puts what that saw among the measures."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace

from repro.bugs.declaration import Bug, Prepared, Scenario
from repro.hub.child import Child
from repro.hub.faults import parse
from repro.model import Outcome, Symptom
from repro.trial.leftovers import TOKEN_VARIABLE
from repro.trial.scratch import KIT_TOKEN, scratch_folder

MEASURE = "hub"
"""The measure with the record of the Hub; its form is ``repro.hub.record.Record``."""


@contextlib.contextmanager
def hub_of(bug: Bug, scenario: Scenario, prepared: Prepared) -> Iterator[Child | None]:
    """A Hub for one trial, if the bug or the scenario asks for one; ended after it, by the guardian if the kit dies.

    It is no descendant of the probe and has another token, so that it counts neither as the probe's memory nor as one
    of the processes that the probe left behind.
    """
    if not (bug.hub or scenario.hub):
        yield None
        return
    for text in scenario.faults:
        parse(text)
    mark = {TOKEN_VARIABLE: f"{KIT_TOKEN}-hub"}
    with (
        scratch_folder() as folder,
        contextlib.closing(Child(folder, scenario.faults, mark, prepared.repositories)) as hub,
    ):
        yield hub


def with_record(outcome: Outcome, hub: Child) -> Outcome:
    """The outcome with what the Hub saw; a kit-fault if the Hub did not live to tell."""
    record = hub.close()
    if record is None:
        return replace(outcome, symptom=Symptom.KIT_FAULT, detail="the loopback Hub was ended before the trial was")
    return replace(outcome, measures={**outcome.measures, MEASURE: record})
