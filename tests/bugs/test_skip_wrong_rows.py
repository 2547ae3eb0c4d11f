"""skip-wrong-rows: what counts as the bug, and that its probe and workarounds give the right rows where it is fixed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from repro import bugs
from repro.bugs import calls
from repro.bugs.declaration import FixKind, Scenario
from repro.model import Outcome, Request, Symptom
from tests.conftest import said_by

BUG = bugs.load("skip-wrong-rows")
WORKAROUNDS = [fix for fix in BUG.fixes if fix.kind is FixKind.WORKAROUND]


def judged(scenario: Scenario, **measures: Any) -> tuple[Symptom, bool]:
    prepared = calls.prepare(BUG, scenario.name, {}, Path())
    verdict = calls.judge(BUG, scenario.name, Outcome(Symptom.OK, "", measures=measures), prepared.expected)
    return verdict.symptom, verdict.is_bug


@pytest.mark.parametrize("scenario", BUG.scenarios, ids=lambda one: one.name)
def test_other_rows_are_the_bug_except_in_a_control(scenario):
    right = {"ids": scenario.expected.get("ids", [0, 1, 5, 6, 7]), "count": scenario.expected.get("count", 0)}
    assert judged(scenario, **right) == (Symptom.OK, False)
    wrong = {"ids": [1, *right["ids"]], "count": right["count"] + 1}
    assert judged(scenario, **wrong) == (Symptom.WRONG_OUTPUT, not scenario.control)


def test_which_rows_come_after_a_shuffle_is_a_matter_of_chance_but_not_how_many():
    (scenario,) = (one for one in BUG.scenarios if one.name == "shuffle-skip")
    assert judged(scenario, ids=[0, 2, 3, 4, 6], count=5) == (Symptom.OK, False)


def probed(tmp_path, scenario: Scenario, fix_path: str | None = None) -> list[dict[str, Any]]:
    """What the probe says without the kit, with the packages of the tests, which are fixed."""
    request = Request(BUG.slug, scenario.name, "none", fix_path, {}, scenario.inputs, str(tmp_path / "scratch"))
    return said_by(BUG.probe, request, tmp_path)


def shown(said: list[dict[str, Any]], scenario: Scenario) -> tuple[Symptom, bool]:
    assert said[-1]["event"] == "done"
    (measures,) = (one["measures"] for one in said if one["event"] == "measure")
    return judged(scenario, **measures)


@pytest.mark.parametrize("scenario", BUG.scenarios, ids=lambda one: one.name)
def test_the_probe_runs_without_the_kit_and_each_scenario_is_healthy_where_it_is_fixed(tmp_path, scenario):
    datasets = pytest.importorskip("datasets", minversion="5.0.0")
    assert datasets
    assert shown(probed(tmp_path, scenario), scenario) == (Symptom.OK, False)


@pytest.mark.parametrize("fix", WORKAROUNDS, ids=lambda fix: fix.name)
def test_a_workaround_skips(tmp_path, fix):
    pytest.importorskip("datasets")
    scenario = BUG.scenarios[0]
    assert shown(probed(tmp_path, scenario, str(fix.path)), scenario) == (Symptom.OK, False)


def test_an_iterator_is_no_dataset_to_take_from(tmp_path):
    pytest.importorskip("datasets")
    (scenario,) = (one for one in BUG.scenarios if one.name == "skip-take")
    (islice,) = (fix for fix in WORKAROUNDS if fix.name == "islice")
    assert probed(tmp_path, scenario, str(islice.path))[-1]["event"] == "unsupported"
