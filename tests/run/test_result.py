"""What several trials of one question add up to, and the JSON form that machines read."""

import json
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from repro.model import Outcome, Status, Symptom, Verdict
from repro.run.result import Run, brief, trial_json
from tests.evidence.examples import evidence, evidences


def trial(symptom: Symptom, is_bug: bool = False, **changes: Any):
    return evidence(verdict=Verdict(symptom, is_bug, "why"), **changes)


def run_of(*verdicts: tuple[Symptom, bool]) -> Run:
    return Run(tuple(trial(*verdict) for verdict in verdicts), "repro run …")


OK, BUG = (Symptom.OK, False), (Symptom.OUT_OF_MEMORY, True)
OTHER, NOTHING = (Symptom.ERROR, False), (Symptom.UNSOLVABLE, False)
verdicts = st.sampled_from([OK, BUG, OTHER, NOTHING, (Symptom.UNSUPPORTED, False), (Symptom.KIT_FAULT, False)])


def test_one_trial_in_which_a_race_shows_is_enough():
    assert run_of(OK, OK, BUG, OTHER).status is Status.PRESENT


def test_a_failure_that_is_not_the_bug_is_never_counted_as_the_bug():
    assert run_of(OK, OTHER).status is Status.DIFFERENT_FAILURE


def test_trials_that_say_nothing_change_nothing_and_alone_decide_nothing():
    assert run_of(OK, NOTHING).status is Status.ABSENT
    assert run_of(NOTHING).status is Status.UNTESTABLE


@given(st.lists(verdicts, min_size=1, max_size=6), st.randoms())
def test_the_status_depends_neither_on_order_nor_on_repetition(seen, dice):
    shuffled = seen + seen[:1]
    dice.shuffle(shuffled)
    assert run_of(*seen).status is run_of(*shuffled).status


@given(st.lists(verdicts, min_size=1, max_size=6))
def test_what_the_exit_status_says_is_what_git_bisect_reads(seen):
    code = run_of(*seen).status.exit_code
    assert code in (0, 1, 125)
    assert (code == 1) == any(is_bug for _, is_bug in seen)
    assert code != 0 or OK in seen


def test_the_trial_that_is_shown_shows_the_bug_or_else_a_failure():
    assert run_of(OK, OTHER, BUG).worst.verdict.is_bug
    assert run_of(OK, OTHER, OK).worst.verdict.symptom is Symptom.ERROR
    run = run_of(OK, OK)
    assert run.worst is run.evidence[0]


def test_symptoms_are_counted():
    assert run_of(OK, BUG, OK).symptoms == Counter({"ok": 2, "out-of-memory": 1})


def test_the_json_form_has_the_fields_of_the_contract():
    form = Run((trial(*BUG),), "repro run x").to_json()
    assert list(form) == [
        *("schema", "bug", "scenario", "fix", "status", "reason", "target", "limits", "parameters"),
        *("trials", "control", "reproduce"),
    ]
    assert (form["schema"], form["status"], form["reproduce"]) == (1, "present", "repro run x")
    assert set(form["limits"]) == {"memory_bytes", "timeout_s", "grace_s"}
    assert {"spec", "python", "datasets", "pyarrow"} <= set(form["target"])
    assert "packages" not in form["target"]
    (shown,) = form["trials"]
    assert {"symptom", "exit_code", "signal", "killer", "done", "wall_s"} <= set(shown)
    assert {"peak_rss_bytes", "peak_kernel_bytes", "measures", "evidence"} <= set(shown)
    assert (shown["symptom"], shown["signal"], shown["killer"], shown["done"]) == (
        *("out-of-memory", "SIGKILL", "kernel", False),
    )
    assert shown["measures"] == {"files_opened": 902, "files_needed": 1}


def test_what_was_not_seen_is_null_and_never_left_out():
    form = trial_json(trial(*OK, outcome=Outcome(Symptom.OK, "")))
    nothing = ("exit_code", "signal", "killer", "killer_basis", "exit_s", "peak_kernel_bytes")
    assert [form[name] for name in nothing] == [None] * len(nothing)


def test_long_lists_stay_in_the_evidence_file():
    assert brief({"count": 3, "short": [1] * 20, "long": [1] * 21, "text": "x" * 20}) == {
        "count": 3,
        "short": [1] * 20,
        "text": "x" * 20,
    }


@given(st.lists(evidences, min_size=1, max_size=3))
def test_any_run_becomes_json(trials):
    form = json.loads(json.dumps(Run(tuple(trials), "again").to_json()))
    assert len(form["trials"]) == len(trials)
    assert form["status"] in {status.value for status in Status}
