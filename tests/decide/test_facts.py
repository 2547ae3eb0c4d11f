"""What may be said of a bug's releases, fixes and workaround, from hand-made evidence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from repro.decide.facts import Facts
from repro.evidence.record import Evidence
from repro.model import Status, Symptom, Verdict
from tests.render.reported import EMBED, EXIT, embed, gate, race, take

BAD = embed("5.1.0", Symptom.OUT_OF_MEMORY, shows=True)
FINE = embed("5.2.0", Symptom.OK, shows=False)
OTHERWISE = embed("5.1.1", Symptom.ERROR, shows=False)
HANGS = race(symptom=Symptom.HANG_AT_EXIT, n=3)
WORKAROUND = EXIT.workaround


def statuses(*evidence: Evidence) -> dict[str, Status]:
    return {answer.version: answer.status for answer in Facts.of(EMBED, evidence).releases}


def proof(*evidence: Evidence) -> tuple[str, str]:
    found = Facts.of(EXIT if evidence[0].bug == "exit-hang" else EMBED, evidence)
    said = found.proof(lambda one: str(one.target["spec"]))
    return said.title, said.words


# Releases


def test_a_release_is_judged_by_trials_at_the_scale_of_the_report_where_there_are_any():
    small = embed("5.1.0", Symptom.OK, shows=False, parameters={"rows": 8})
    assert statuses(BAD, small) == {"5.1.0": Status.PRESENT}


def test_of_the_same_question_every_trial_counts_and_one_failure_is_an_answer():
    assert statuses(BAD, embed("5.1.0", Symptom.OK, shows=False)) == {"5.1.0": Status.PRESENT}
    found = Facts.of(EXIT, [*race(n=40), *HANGS]).releases[0]
    assert (found.status, found.rate.k, found.rate.n) == (Status.PRESENT, 3, 43)


def test_trials_of_latest_are_of_the_release_that_it_was_and_not_pooled():
    was, now = (replace(e, target={**e.target, "spec": "latest"}) for e in (BAD, FINE))
    assert statuses(was, now) == {"5.1.0": Status.PRESENT, "5.2.0": Status.ABSENT}


def test_releases_are_in_the_order_of_versions_not_of_letters():
    trials = [embed(version, Symptom.OK, shows=False) for version in ("10.0.0", "9.0.0", "9.10.0", "9.9.0")]
    assert list(statuses(*trials)) == ["9.0.0", "9.9.0", "9.10.0", "10.0.0"]


@pytest.mark.parametrize(("n", "status"), [(1, Status.UNSETTLED), (34, Status.UNSETTLED), (35, Status.ABSENT)])
def test_a_race_that_was_not_seen_is_absent_only_after_enough_trials(n, status):
    assert Facts.of(EXIT, race(n=n)).releases[0].status is status


def test_a_release_whose_control_fails_too_is_untestable_and_shows_no_failure():
    control = embed("5.1.0", Symptom.ERROR, shows=False, scenario="plain-column")
    found = Facts.of(EMBED, [BAD, control])
    assert [(r.status, r.why) for r in found.releases] == [
        (Status.UNTESTABLE, "the control plain-column fails here too")
    ]
    assert found.failure is None
    elsewhere = Facts.of(EMBED, [BAD, embed("5.2.0", Symptom.ERROR, shows=False, scenario="plain-column")])
    assert elsewhere.failure == BAD


def test_a_broken_environment_and_another_failure_are_neither_present_nor_absent():
    broken = embed("5.3.0", Symptom.ERROR, shows=False, verdict=Verdict(Symptom.ERROR, False, "no numpy", False))
    found = Facts.of(EMBED, [BAD, OTHERWISE, FINE, broken])
    assert [r.version for r in found.with_status(Status.ABSENT)] == ["5.2.0"]
    assert statuses(OTHERWISE, broken) == {"5.1.1": Status.DIFFERENT_FAILURE, "5.3.0": Status.UNTESTABLE}


def test_a_release_that_latest_resolved_to_is_listed_by_its_version():
    target = {"spec": "latest", "datasets": "5.2.0", "packages": {"datasets": "5.2.0"}}
    fine = embed("5.2.0", Symptom.OK, shows=False, target=target)
    assert [(r.version, r.status) for r in Facts.of(EMBED, [fine]).releases] == [("5.2.0", Status.ABSENT)]


# Fixes


def test_a_fix_is_judged_in_the_newest_affected_release_not_in_the_newest():
    worse = embed("5.1.0", Symptom.OUT_OF_MEMORY, shows=True, fix="take")
    found = Facts.of(EMBED, [BAD, FINE, worse, take("5.2.0")]).tried("shard-first", "take")
    assert found is not None and found.affected
    assert found.words == "does not help: fails in 1/1 (1–100 %)"


def test_a_fix_that_its_correctness_gate_threw_out_is_not_said_to_help_however_often_it_did():
    reason = "schema in 4 of 30 cases"
    gate = take(scenario="gate", symptom=Symptom.WRONG_OUTPUT, verdict=Verdict(Symptom.WRONG_OUTPUT, False, reason))
    found = Facts.of(EMBED, [BAD, take("5.1.0"), gate]).tried("shard-first", "take")
    assert found is not None and found.words == f"not correct: {reason}"
    elsewhere = take("4.4.1", symptom=Symptom.WRONG_OUTPUT)  # where nothing is embedded, whatever the fix
    again = Facts.of(EMBED, [BAD, take("5.1.0"), elsewhere]).tried("shard-first", "take")
    assert again is not None and again.words.startswith("helps")


def test_of_several_affected_releases_it_is_the_newest_in_which_the_fix_was_tried():
    older = embed("4.4.2", Symptom.OUT_OF_MEMORY, shows=True)
    found = Facts.of(EMBED, [older, BAD, take("4.4.2"), take("5.1.0")]).tried("shard-first", "take")
    assert found is not None and found.answer.version == "5.1.0"


def test_a_fix_that_fails_or_is_wrong_elsewhere_or_was_seen_too_seldom_is_not_said_to_help():
    wrong = take(symptom=Symptom.WRONG_OUTPUT)
    for evidence, bug in (([BAD, wrong], EMBED), ([*HANGS, *race(fix=WORKAROUND, n=34)], EXIT)):
        found = Facts.of(bug, evidence).tried(bug.default_scenario, bug.workaround)
        assert found is not None and "helps" not in found.words


# The workaround


def test_safe_takes_the_rate_the_gate_and_every_output():
    assert proof(BAD, take(), gate()) == (
        "Safe workaround",
        "Not seen in 1 trial, with datasets==5.1.0. Correctness: 200 of 200 cases right.",
    )
    assert proof(*HANGS, *race(fix=WORKAROUND, n=35))[0] == "Safe workaround", "this bug has no gate"


@pytest.mark.parametrize(
    ("evidence", "title", "words"),
    [
        ([BAD], "Workaround", "It was not measured in datasets 5.1.0, the newest affected release."),
        ([BAD, take("5.2.0")], "Workaround", "It was not measured in datasets 5.1.0"),
        ([BAD, take()], "Workaround", "its correctness gate was not run"),
        ([BAD, take(), gate(version="4.4.2")], "Workaround", "its correctness gate was not run"),
        ([BAD, take(), gate(Symptom.HANG, "not finished")], "Workaround", "did not pass: not finished"),
        ([BAD, take(), gate(Symptom.WRONG_OUTPUT, "3 wrong")], "Workaround that gives wrong output", "3 wrong"),
        ([BAD, take(symptom=Symptom.WRONG_OUTPUT), gate()], "Workaround that gives wrong output", "as it was"),
        ([BAD, take(), gate(), take(symptom=Symptom.WRONG_OUTPUT, scenario="full")], "Workaround that gives wr", ""),
        ([BAD, take(symptom=Symptom.ERROR), gate()], "Workaround that fails in another way", "1 of 1"),
        ([BAD, take(symptom=Symptom.OUT_OF_MEMORY), gate()], "Workaround that does not help", "Fails in 1/1"),
        ([*HANGS, *race(fix=WORKAROUND, n=34)], "Workaround", "takes 1 more trials"),
        ([*HANGS, *race(fix=WORKAROUND, n=40), *race(fix=WORKAROUND, symptom=Symptom.HANG_AT_EXIT)],
         "Workaround that does not always help", "Fails in 1/41"),
    ],
)  # fmt: skip
def test_nothing_less_is_called_safe(evidence, title, words):
    said = proof(*evidence)
    assert said[0].startswith(title) and "Safe" not in said[0]
    assert words in said[1] and "0 of 1" not in said[1]


def test_a_gate_that_was_not_finished_has_passed_nothing():
    unfinished = replace(gate(), outcome=replace(gate().outcome, done=False))
    assert proof(BAD, take(), unfinished)[0] == "Workaround"


def test_a_workaround_that_was_safe_in_an_older_release_is_not_measured_in_a_newer_affected_one():
    newer = embed("5.1.1", Symptom.OUT_OF_MEMORY, shows=True)
    assert proof(BAD, take(), gate(), newer) == (
        "Workaround",
        "It was not measured in datasets 5.1.1, the newest affected release.",
    )
