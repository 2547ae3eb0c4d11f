"""Bugs that `repro hunt` found: what counts as each, and that their probes and workarounds run without the kit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from repro import bugs
from repro.bugs import calls
from repro.bugs.declaration import Bug, FixKind, Scenario
from repro.model import Outcome, Request, Symptom
from tests.conftest import said_by

SLUGS = ("batch-too-large", "cast-after-filter", "removed-substring", "shuffle-misaligns", "shuffle-recounts")
FOUND = [bugs.load(slug) for slug in SLUGS]
SCENARIOS = [(bug, one) for bug in FOUND for one in bug.scenarios]
NAMES = [f"{bug.slug}-{one.name}" for bug, one in SCENARIOS]


def judged(bug: Bug, scenario: Scenario, measures: dict[str, Any]) -> tuple[Symptom, bool]:
    prepared = calls.prepare(bug, scenario.name, {}, Path())
    verdict = calls.judge(bug, scenario.name, Outcome(Symptom.OK, "", measures=measures), prepared.expected)
    return verdict.symptom, verdict.is_bug


@pytest.mark.parametrize(("bug", "scenario"), SCENARIOS, ids=NAMES)
def test_another_answer_is_the_bug_except_in_a_control(bug, scenario):
    assert judged(bug, scenario, dict(scenario.expected)) == (Symptom.OK, False)
    wrong = {name: ["another"] for name in scenario.expected}
    assert judged(bug, scenario, wrong) == (Symptom.WRONG_OUTPUT, not scenario.control)


def measured(bug: Bug, scenario: Scenario, folder: Path, fix: Path | None = None) -> dict[str, Any]:
    """What the probe says without the kit, with the packages of the tests."""
    path = None if fix is None else str(fix)
    request = Request(bug.slug, scenario.name, "none", path, {}, scenario.inputs, str(folder / "scratch"))
    said = said_by(bug.probe, request, folder)
    assert said[-1]["event"] == "done"
    (found,) = (one["measures"] for one in said if one["event"] == "measure")
    return dict(found)


@pytest.mark.parametrize("bug", FOUND, ids=lambda bug: bug.slug)
def test_the_probe_runs_without_the_kit_and_a_control_is_healthy(bug, tmp_path):
    pytest.importorskip("datasets", minversion="4.4")
    scenario = next(one for one in bug.scenarios if one.control)
    assert judged(bug, scenario, measured(bug, scenario, tmp_path)) == (Symptom.OK, False)


@pytest.mark.parametrize("bug", FOUND, ids=lambda bug: bug.slug)
def test_the_workaround_gives_the_right_answer(bug, tmp_path):
    pytest.importorskip("datasets", minversion="4.4")
    (fix,) = (one for one in bug.fixes if one.kind is FixKind.WORKAROUND)
    found = measured(bug, bug.scenarios[0], tmp_path, fix.path)
    assert judged(bug, bug.scenarios[0], found) == (Symptom.OK, False)
