"""Interrupted uploads: what the oracle calls lost, doubled and waiting, what is measured, and real uploads."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from repro import bugs
from repro.bugs.declaration import ClaimVerdict
from repro.bugs.interrupted_upload.claims import CLAIMS
from repro.bugs.interrupted_upload.oracle import bytes_sent, difference, judge
from repro.bugs.interrupted_upload.prepare import prepare
from repro.errors import UserError
from repro.hub.record import Record, Request, Total
from repro.lab import Lab
from repro.model import Outcome, Symptom, Verdict
from repro.studies.candidates import candidates
from tests.evidence.examples import evidence

BUG = bugs.load("interrupted-upload")
ROWS = {"a": ["1", "2"], "b": ["3"], "c": []}
RIGHT = [["a", ["1", "2"]], ["b", ["3"]], ["c", []]]
STALLED = Request(1.0, "put", "PUT", "/lfs/1", up=500, fault="put:stall", seconds=20.0)


def ended(symptom: Symptom = Symptom.OK, *last: Request, **measures: Any) -> Outcome:
    record = Record(list(last), {"put": Total(3, 0, 1500, 10), "commit": Total(1, 0, 100, 5)})
    found = {"endings": [""], "rows": RIGHT, "hub": record.to_json(), **measures}
    return Outcome(symptom, "as it was", wall_s=30.0, measures=found)


def judged(outcome: Outcome) -> Verdict:
    return judge("killed", outcome, {"rows": ROWS})


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (RIGHT, ""),
        (list(reversed(RIGHT)), ""),
        (RIGHT[1:], "1 of 3 rows lost (a)"),
        ([], "3 of 3 rows lost (a)"),
        ([*RIGHT, RIGHT[1]], "1 of 3 rows doubled (b)"),
        ([*RIGHT, ["d", []]], "1 of 3 rows of nowhere (d)"),
        ([["a", ["2", "1"]], *RIGHT[1:]], "1 of 3 rows with wrong content (a)"),
        ([["a", ["1", None]], *RIGHT[1:]], "1 of 3 rows with wrong content (a)"),
        ([RIGHT[0], RIGHT[0], RIGHT[2]], "1 of 3 rows lost (b), 1 of 3 rows doubled (a)"),
    ],
)
def test_a_reader_must_find_every_row_once_with_the_content_of_its_files(found: list[Any], said: str) -> None:
    assert difference(found, ROWS) == said


def test_wrong_rows_are_the_bug_in_any_scenario_also_after_an_attempt_that_failed() -> None:
    verdict = judged(ended(rows=RIGHT[1:], endings=["SIGKILL", ""]))
    assert (verdict.symptom, verdict.is_bug) == (Symptom.WRONG_OUTPUT, True)
    assert verdict.reason == "after 2 attempts, the first ended by: SIGKILL: 1 of 3 rows lost (a)"


def test_an_upload_that_never_ends_well_is_an_error_although_all_rows_are_there() -> None:
    verdict = judged(ended(endings=["no", "no", "no"]))
    assert (verdict.symptom, verdict.is_bug) == (Symptom.ERROR, False)


def test_an_upload_that_ends_well_says_after_how_many_attempts() -> None:
    verdict = judged(ended(endings=["HfHubHTTPError: 503", ""]))
    assert verdict == Verdict(
        Symptom.OK,
        False,
        "every row is there once and equals its source, after 2 attempts, the first ended by: HfHubHTTPError: 503",
    )


def test_a_wait_is_the_bug_only_where_the_hub_held_back_the_last_answer() -> None:
    verdict = judged(ended(Symptom.HANG, STALLED))
    assert verdict.is_bug and verdict.reason.startswith("a PUT was without an answer for 20 s")
    under_way = Request(29.0, "commit", "POST", "/commit", seconds=1.0)
    answered = Request(29.0, "info", "GET", "/", status=200, whole=True)
    for last in ([STALLED, under_way], [STALLED, answered], []):
        assert judged(ended(Symptom.HANG, *last)).is_bug is False


def test_a_probe_that_says_nothing_is_our_fault_and_a_crash_is_not_the_bug() -> None:
    assert judged(ended(rows=None)).symptom is Symptom.KIT_FAULT
    assert judged(ended(endings=[])).symptom is Symptom.KIT_FAULT
    assert judged(ended(Symptom.CRASH)) == Verdict(Symptom.CRASH, False, "as it was")


def test_the_columns_say_bytes_attempts_and_what_a_reader_saw_in_between() -> None:
    outcome = ended(source_bytes=1000, endings=["SIGKILL", ""], rows_meanwhile=0)
    assert [column.cell(outcome) for column in BUG.columns] == ["1.600", "2", "0"]
    assert [column.cell(Outcome(Symptom.HANG, "")) for column in BUG.columns] == ["", "", ""]
    assert bytes_sent(Outcome(Symptom.HANG, "")) is None


def test_the_inputs_are_a_shard_a_row_and_the_expectation_is_the_sources(tmp_path: Path) -> None:
    given = {p.name: p.default for p in BUG.parameters} | {"rows": 4, "file_size": 4096}
    made = prepare("killed-resharded", given, tmp_path)
    assert made.inputs["num_shards"] == [4, 2]
    assert made.inputs["source_bytes"] == 4 * 2 * 4096
    assert 0 < made.inputs["kill_at"] < made.inputs["source_bytes"]
    name, paths = made.inputs["rows"][0]
    sources = [hashlib.sha256(Path(made.inputs["root"], path).read_bytes()).hexdigest() for path in paths]
    assert made.expected["rows"][name] == sources
    assert prepare("undisturbed", given, tmp_path).inputs["kill_at"] is None


@pytest.mark.parametrize("wrong", [{"rows": 1}, {"files_per_row": 0}, {"killed_after": 1.0}, {"killed_after": 0.0}])
def test_parameters_that_make_no_upload_are_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="give"):
        prepare("killed", {p.name: p.default for p in BUG.parameters} | wrong, tmp_path)


def test_the_ways_can_be_compared_and_a_size_is_that_of_the_whole_upload() -> None:
    entered = candidates(BUG.slug, fixes=["hand-written-loop", "upload-shards"], scenario="undisturbed", size="8MiB")
    assert [one.name for one in entered] == ["upstream", "hand-written-loop", "upload-shards"]
    given = entered[1].question.parameters
    assert given["rows"] * given["files_per_row"] * given["file_size"] == 8 << 20  # type: ignore[operator]
    with pytest.raises(UserError, match="64KiB"):
        candidates(BUG.slug, size="1KiB")


def test_large_pushes_that_hang_are_judged_from_a_push_that_hangs() -> None:
    (claim,) = CLAIMS

    def seen(symptom: Symptom, is_bug: bool) -> ClaimVerdict:
        verdict = Verdict(symptom, is_bug, "a PUT was without an answer for 60 s")
        return claim.rule([evidence(scenario="put-stalls", verdict=verdict, outcome=Outcome(symptom, ""))]).verdict

    assert claim.rule([]).verdict is ClaimVerdict.NOT_YET_TESTED
    assert seen(Symptom.HANG, True) is ClaimVerdict.REFINED
    assert seen(Symptom.OK, False) is ClaimVerdict.NOT_TESTABLE_HERE


def test_the_minimal_script_is_short_and_needs_no_kit() -> None:
    text = (BUG.folder / "minimal.py").read_text("utf-8")
    assert len(text.splitlines()) <= 30
    assert "repro" not in text


@pytest.fixture
def lab(tmp_path: Path, shared_cache: Path) -> Iterator[Lab]:
    yield Lab(BUG.comparison.target, quiet=True, reports=tmp_path, cache=shared_cache)  # type: ignore[union-attr]


@pytest.mark.slow
@pytest.mark.targets
@pytest.mark.parametrize(
    ("fix", "symptom", "meanwhile"),
    [("none", Symptom.OK, 0), ("hand-written-loop", Symptom.WRONG_OUTPUT, 2), ("upload-shards", Symptom.OK, 0)],
)
def test_killed_and_run_again_with_fewer_shards_only_the_loop_doubles_rows(
    lab: Lab, fix: str, symptom: Symptom, meanwhile: int
) -> None:
    run = lab.run(BUG.slug, scenario="killed-resharded", fix=fix, parameters=BUG.small, show=False)
    (trial,) = run.evidence
    assert trial.verdict.symptom is symptom, trial.verdict.reason
    assert trial.outcome.measures["endings"] == ["SIGKILL", ""]
    assert trial.outcome.measures["rows_meanwhile"] == meanwhile
    assert 1 < float(BUG.columns[0].cell(trial.outcome)) < 2.5


@pytest.mark.slow
@pytest.mark.targets
@pytest.mark.parametrize(("fix", "symptom"), [("none", Symptom.HANG), ("client-timeout", Symptom.OK)])
def test_a_put_that_stalls_holds_a_push_until_it_is_ended_unless_the_client_has_a_timeout(
    lab: Lab, fix: str, symptom: Symptom
) -> None:
    lab.timeout = "60s" if symptom is Symptom.HANG else "300s"
    run = lab.run(BUG.slug, fix=fix, parameters=BUG.small, show=False)
    assert run.worst.verdict.symptom is symptom, run.worst.verdict.reason
    assert run.worst.verdict.is_bug is (symptom is Symptom.HANG)
