"""The cache of trials: what settles a race, which trials are reused, and what a failing control forbids to say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repro.bugs.declaration import Fix, FixKind, Parameter
from repro.model import Outcome, Status, Symptom
from repro.rates import CLEAN_TRIALS, FAILURES_ENOUGH
from repro.run.cache import TrialCache
from repro.run.pool import Budget
from tests.studies.fakes import FakeRunner, made_up, question

OK, HANG, ERROR = Symptom.OK, Symptom.HANG_AT_EXIT, Symptom.ERROR


def showing(folder: Path, *symptoms: Symptom, then: Symptom = OK) -> FakeRunner:
    """A runner whose trials show these symptoms one after the other, and ``then`` for good."""
    left: Iterator[Symptom] = iter(symptoms)
    return FakeRunner(folder, lambda spec: next(left, then))


def race(folder: Path, **changes: Any):
    return made_up(folder / "bug", race=True, **changes)


# When a race is settled


@pytest.mark.parametrize("trials", [1, 3, CLEAN_TRIALS - 1])
def test_a_race_that_was_not_seen_in_a_few_trials_is_unsettled_and_not_absent(tmp_path: Path, trials: int) -> None:
    run = TrialCache(showing(tmp_path)).run(question(race(tmp_path)), trials)
    assert (run.status, run.status.exit_code) == (Status.UNSETTLED, 125)
    assert run.reason.startswith(f"unsettled: not seen in {trials} trial")


def test_a_deterministic_bug_is_absent_after_one_clean_trial(tmp_path: Path) -> None:
    assert TrialCache(showing(tmp_path)).run(question(made_up(tmp_path / "bug")), None).status is Status.ABSENT


def test_a_clean_race_goes_on_until_it_can_be_called_absent(tmp_path: Path) -> None:
    run = TrialCache(showing(tmp_path)).run(question(race(tmp_path)), None)
    assert (len(run.evidence), run.status) == (CLEAN_TRIALS, Status.ABSENT) and CLEAN_TRIALS == 35


def test_a_failing_race_stops_after_a_few_failures(tmp_path: Path) -> None:
    runner = showing(tmp_path, OK, HANG, OK, HANG, OK, OK, HANG)
    run = TrialCache(runner).run(question(race(tmp_path)), None)
    assert (len(run.evidence), run.rate.k, run.status) == (7, FAILURES_ENOUGH, Status.PRESENT)


def test_one_failure_settles_present_also_when_the_number_of_trials_is_fixed(tmp_path: Path) -> None:
    run = TrialCache(showing(tmp_path, OK, HANG)).run(question(race(tmp_path)), 4)
    assert (len(run.evidence), run.status) == (4, Status.PRESENT)
    assert "--trials 4" in run.reproduce


def test_a_race_that_says_nothing_is_given_up_soon(tmp_path: Path) -> None:
    for symptom in (Symptom.UNSUPPORTED, Symptom.KIT_FAULT):
        run = TrialCache(showing(tmp_path, then=symptom)).run(question(race(tmp_path)), None)
        assert run.status is Status.UNTESTABLE and len(run.evidence) <= 5


@settings(max_examples=20)
@given(st.lists(st.sampled_from([OK, HANG, ERROR]), min_size=40, max_size=60), st.integers(1, 4))
def test_a_race_until_settled_always_ends_settled_and_runs_whole_rounds(shown: list[Symptom], slots: int) -> None:
    with TemporaryDirectory() as folder:
        runner = showing(Path(folder), *shown)
        run = TrialCache(runner).run(question(race(Path(folder))), None, Budget(8 << 30, slots))
        assert run.rate.settled
        assert len(run.evidence) % slots == 0 or len(run.evidence) == CLEAN_TRIALS
        assert len(run.evidence) <= CLEAN_TRIALS


def test_the_questions_of_a_study_take_turns_and_each_stops_by_itself(tmp_path: Path) -> None:
    runner = FakeRunner(tmp_path, lambda spec: HANG if spec == "datasets==1" else OK)
    bug = race(tmp_path)
    runs = TrialCache(runner).run_all({n: question(bug, f"datasets=={n}") for n in "12"}, None)
    assert {name: len(run.evidence) for name, run in runs.items()} == {"1": FAILURES_ENOUGH, "2": CLEAN_TRIALS}
    assert runner.asked[:6] == ["datasets==1", "datasets==2"] * 3


# Which trials answer


def test_both_sides_of_an_aa_control_never_share_a_trial_neither_new_nor_stored(tmp_path: Path) -> None:
    runner, bug = showing(tmp_path), race(tmp_path)
    twins = {"a": question(bug), "again": question(bug)}
    for trials in (4, 4, 6):
        runs = TrialCache(runner).run_all(twins, trials)
        first, second = ({e.id for e in run.evidence} for run in runs.values())
        assert len(first) == len(second) == trials and not first & second
    assert len(runner.asked) == 12, "stored trials were shared out, only the missing ones run"


def test_stored_trials_answer_by_their_key_alone(tmp_path: Path) -> None:
    runner, bug = showing(tmp_path), made_up(tmp_path / "bug")
    first = TrialCache(runner).run(question(bug), 2)
    assert TrialCache(runner).run(question(bug), 2).evidence == first.evidence
    assert len(TrialCache(runner, reuse=False).run(question(bug), 2).evidence) == 2
    assert len(runner.asked) == 4
    (bug.folder / "probe.py").write_text("print('another probe')\n")
    assert not {e.id for e in TrialCache(runner).run(question(bug), 2).evidence} & {e.id for e in first.evidence}


def test_a_diagnostic_run_is_no_trial(tmp_path: Path) -> None:
    runner, asked = showing(tmp_path), question(made_up(tmp_path / "bug"))
    kept = runner.trial(asked)
    runner.store.save(replace(kept, memray={"peak_bytes": 1}))
    assert TrialCache(runner).known(asked) == []


def test_a_step_is_reported_for_each_trial_that_is_run(tmp_path: Path) -> None:
    seen: list[int] = []
    cache, asked = TrialCache(showing(tmp_path)), question(race(tmp_path))
    assert cache.missing(asked, 3) == 3
    cache.run(asked, 3, on_step=lambda: seen.append(1))
    cache.run(asked, 5, on_step=lambda: seen.append(1))
    assert len(seen) == 5 and cache.missing(asked, 5) == 0
    assert cache.missing(asked, None) == CLEAN_TRIALS - 5


# Controls


def test_a_failure_where_the_control_fails_too_is_not_the_bug(tmp_path: Path) -> None:
    runner = showing(tmp_path, then=Symptom.EXCESS_READ)
    runner.control = lambda spec: ERROR
    run = TrialCache(runner).run(question(made_up(tmp_path / "bug")), None)
    assert (run.status, run.status.exit_code) == (Status.UNTESTABLE, 125)
    assert run.reason.startswith("the control control fails here too: ")
    form = run.to_json()
    assert (form["status"], form["control"]["symptom"]) == ("untestable", "error")


def test_the_control_is_asked_once_in_a_target_and_only_where_something_failed(tmp_path: Path) -> None:
    runner = FakeRunner(tmp_path, lambda spec: OK if spec == "datasets==1" else Symptom.EXCESS_READ)
    cache, bug = TrialCache(runner), made_up(tmp_path / "bug")
    for _ in range(2):
        runs = cache.run_all({n: question(bug, f"datasets=={n}") for n in "123"}, None)
    assert [run.status for run in runs.values()] == [Status.ABSENT, Status.PRESENT, Status.PRESENT]
    assert runner.controls_asked == ["datasets==2", "datasets==3"]


def test_a_control_is_asked_without_the_fix_and_with_the_same_inputs_and_limits(tmp_path: Path) -> None:
    bug = made_up(tmp_path / "bug", parameters=(Parameter("rows", "int", 8, "rows"),))
    (tmp_path / "idea.py").write_text("x = 1\n")
    asked = question(bug, fix=Fix("idea", FixKind.WORKAROUND, tmp_path / "idea.py"), given={"rows": 9})
    (control,) = asked.controls
    assert (control.scenario.name, control.fix.name, control.given) == ("control", "none", {"rows": 9})
    assert (control.target, control.limits) == (asked.target, asked.limits)
    assert [one.scenario.name for one in control.controls] == []


def test_what_fails_before_the_start_cannot_be_tested_and_is_not_a_different_failure(tmp_path: Path) -> None:
    runner = showing(tmp_path, then=ERROR)
    runner.testable = lambda spec: False
    run = TrialCache(runner).run(question(made_up(tmp_path / "bug")), None)
    assert run.status is Status.UNTESTABLE


def test_trials_that_say_nothing_ask_for_no_control(tmp_path: Path) -> None:
    runner = showing(tmp_path, then=Symptom.UNSUPPORTED)
    TrialCache(runner).run(question(made_up(tmp_path / "bug")), None)
    assert runner.controls_asked == []


def test_the_ending_that_is_shown_is_that_of_the_worst_trial(tmp_path: Path) -> None:
    runner = showing(tmp_path, OK, ERROR)
    tail = "Traceback (most recent call last):\n  File x\nTypeError: no such thing\n"
    runner.ending = lambda spec, symptom: Outcome(symptom, "", stderr_tail=tail if symptom is ERROR else "")
    run = TrialCache(runner).run(question(made_up(tmp_path / "bug")), 2)
    assert run.reason == "showed error: TypeError: no such thing"
