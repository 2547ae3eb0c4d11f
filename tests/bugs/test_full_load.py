"""full-load: what its oracle calls the bug, what its claims need, and that its probe runs without the kit."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro import bugs
from repro.bugs import calls
from repro.bugs.declaration import ClaimFinding, ClaimVerdict, FixKind
from repro.bugs.full_load.oracle import CONTROLS, held
from repro.errors import UserError
from repro.model import Killer, Outcome, Request, Status, Symptom, Verdict
from repro.rates import Rate
from tests.conftest import said_by
from tests.evidence.examples import evidence

BUG = bugs.load("full-load")
CLAIMS = {claim.slug: claim for claim in BUG.claims}
EXPECTED = {"ids": ["a", "b"], "first_row": ["1"], "last_row": ["2"]}
DATA, BEFORE = 400 << 20, 200 << 20
LOADING, READING = ((1.0, "load"),), ((1.0, "load"), (2.0, "verify"))


def outcome(
    symptom: Symptom, grown: float | None = 0.1, phases: tuple[tuple[float, str], ...] = LOADING, **more: Any
) -> Outcome:
    """A trial whose memory grew while it loaded by so much of the data."""
    peak = None if grown is None else BEFORE + int(grown * DATA)
    memory = {"data_bytes": DATA, "rss_before_load_bytes": BEFORE, "peak_load_bytes": peak, "files": 2}
    return Outcome(symptom, "as seen", phases=phases, measures={**memory, **EXPECTED, **more}, killer=Killer.KERNEL)


def judged(scenario: str, seen: Outcome) -> Verdict:
    return calls.judge(BUG, scenario, seen, EXPECTED)


# --- the oracle ---------------------------------------------------------------------------------------------------


@given(st.sampled_from(Symptom), st.sampled_from(BUG.scenarios), st.sampled_from([LOADING, READING, ()]))
def test_the_bug_is_a_kill_for_memory_while_loading_and_no_control_shows_it(symptom, scenario, phases):
    verdict = judged(scenario.name, outcome(symptom, phases=phases))
    killed = symptom is Symptom.OUT_OF_MEMORY and phases is LOADING
    assert verdict.is_bug == (killed and not scenario.control)
    assert verdict.symptom is symptom
    assert verdict.reason


def test_its_controls_are_those_that_it_declares():
    assert set(CONTROLS) == {one.name for one in BUG.scenarios if one.control}


@pytest.mark.parametrize("wrong", [{"ids": ["a"]}, {"first_row": ["2"]}, {"last_row": []}])
def test_rows_that_differ_are_another_failure(wrong):
    verdict = judged("one-row-files", outcome(Symptom.OK, **wrong))
    assert (verdict.symptom, verdict.is_bug) == (Symptom.WRONG_OUTPUT, False)


def test_a_probe_that_does_not_say_what_it_read_is_a_fault():
    assert judged("one-row-files", Outcome(Symptom.OK, "")).symptom is Symptom.KIT_FAULT


@pytest.mark.parametrize(("grown", "status"), [(0.9, Status.ABSENT), (2.0, Status.UNTESTABLE), (None, Status.ABSENT)])
def test_a_cap_with_room_for_the_data_cannot_tell(grown, status):
    verdict = judged("one-row-files", outcome(Symptom.OK, grown))
    assert Rate.of([verdict]).status(race=False) is status


def test_what_was_not_measured_is_no_growth():
    assert held({"data_bytes": 1, "rss_before_load_bytes": None, "peak_load_bytes": 3}) is None
    assert held({"data_bytes": 2, "rss_before_load_bytes": 1, "peak_load_bytes": 5}) == 2.0


# --- inputs and probe ---------------------------------------------------------------------------------------------


def test_each_scenario_has_files_with_the_same_rows(tmp_path):
    values = {"cases": 4, "value_size": 100, "seed": 1}
    made = {one.name: calls.prepare(BUG, one.name, values, tmp_path) for one in BUG.scenarios}
    assert {name: len(one.inputs["files"]) for name, one in made.items()} == {
        "one-row-files": 4, "nifti": 4, "one-row-groups": 1, "repository": 4, "two-row-files": 2, "streaming": 4
    }  # fmt: skip
    assert len({json.dumps(one.expected) for one in made.values()}) == 1


def test_more_cases_than_the_report_has_are_refused(tmp_path):
    with pytest.raises(UserError, match="from 1 to 149"):
        calls.prepare(BUG, "one-row-files", {"cases": 150, "value_size": 100, "seed": 1}, tmp_path)


def probed(tmp_path, scenario: str, fix_path: str | None = None) -> dict[str, Any]:
    """What the probe measures without the kit, with the packages of the tests."""
    prepared = calls.prepare(BUG, scenario, {"cases": 4, "value_size": 100, "seed": 1}, tmp_path / "cache")
    request = Request(BUG.slug, scenario, "none", fix_path, {}, prepared.inputs, str(tmp_path / "scratch"))
    said = said_by(BUG.probe, request, tmp_path)
    assert said[-1]["event"] == "done"
    measures = {name: value for one in said for name, value in one.get("measures", {}).items()}
    assert {name: measures[name] for name in prepared.expected} == prepared.expected
    return measures


WORKAROUNDS = [fix for fix in BUG.fixes if fix.kind is FixKind.WORKAROUND]


@pytest.mark.parametrize("scenario", ["one-row-files", "one-row-groups", "streaming"])
def test_the_probe_runs_without_the_kit(tmp_path, scenario):
    pytest.importorskip("datasets")
    probed(tmp_path, scenario)


@pytest.mark.parametrize("fix", WORKAROUNDS, ids=lambda fix: fix.name)
def test_a_workaround_gives_the_same_rows(tmp_path, fix):
    pytest.importorskip("datasets")
    measures = probed(tmp_path, "one-row-files", str(fix.path))
    assert (measures["arrow_pool"] == "system") == (fix.name == "system-allocator")


# --- the claims ---------------------------------------------------------------------------------------------------


def hub(*paths: str, omitted: int = 0) -> dict[str, Any]:
    sent = [{"endpoint": "resolve", "path": f"data/{path}.parquet", "whole": True} for path in paths]
    more = [{"endpoint": "head", "path": "data/9.parquet", "whole": True}]
    cut = [{"endpoint": "resolve", "path": "data/9.parquet", "whole": False}]
    return {"requests": [*sent, *more, *cut], "omitted": omitted}


def seen(symptom: Symptom, scenario: str = "repository", datasets: str = "5.2.0", **more: Any) -> Any:
    out = outcome(symptom, None if symptom is Symptom.OUT_OF_MEMORY else 0.1, **{"hub": hub("0", "1"), **more})
    verdict = Verdict(symptom, symptom is Symptom.OUT_OF_MEMORY, "why")
    target = {"spec": "x", "datasets": datasets, "packages": {}}
    return evidence(bug=BUG.slug, scenario=scenario, fix="none", outcome=out, verdict=verdict, target=target)


KILLED, FINE = Symptom.OUT_OF_MEMORY, Symptom.OK
CASES = [
    ("full-load-oom", [seen(KILLED)], ClaimVerdict.NOT_YET_TESTED),
    ("full-load-oom", [seen(KILLED), seen(FINE, "two-row-files", "4.4.1")], ClaimVerdict.NOT_YET_TESTED),
    ("full-load-oom", [seen(KILLED), seen(FINE, "two-row-files")], ClaimVerdict.REFINED),
    ("full-load-oom", [seen(KILLED), seen(FINE, datasets="4.4.1")], ClaimVerdict.REFINED),
    ("full-load-oom", [seen(FINE)], ClaimVerdict.REFUTED),
    ("full-load-oom", [seen(FINE, "two-row-files")], ClaimVerdict.NOT_YET_TESTED),
    ("fetches-all", [seen(KILLED)], ClaimVerdict.CONFIRMED),
    ("fetches-all", [seen(FINE)], ClaimVerdict.CONFIRMED),
    ("fetches-all", [seen(FINE, hub=hub("0"))], ClaimVerdict.REFUTED),
    ("fetches-all", [seen(FINE, hub=hub("0", "0"))], ClaimVerdict.REFUTED),
    ("fetches-all", [seen(FINE, hub=hub("0", "1", omitted=1))], ClaimVerdict.NOT_YET_TESTED),
    ("fetches-all", [seen(Symptom.ERROR)], ClaimVerdict.NOT_YET_TESTED),
]


@pytest.mark.parametrize(("slug", "trials", "verdict"), CASES, ids=[f"{slug} {v}" for slug, _, v in CASES])
def test_the_evidence_decides(slug, trials, verdict):
    finding: ClaimFinding = CLAIMS[slug].rule(trials)
    assert finding.verdict is verdict
    assert bool(finding.evidence) == (verdict is not ClaimVerdict.NOT_YET_TESTED)
