"""What became of an expectation: the judge, the nearest release, the file and its history."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro import bugs
from repro.errors import UserError
from repro.model import Status, Symptom, TargetInfo
from repro.run.cache import TrialCache
from repro.run.pool import Budget
from repro.studies.matrix import PlannedCell, fill, prepare
from repro.studies.regress import (
    Entry,
    Finding,
    Judged,
    accept,
    answer_of,
    catalogue,
    expectation,
    judge,
    load,
    save,
)
from tests.conftest import Fake, Kit
from tests.studies.fakes import FakeRunner, made_up, question

ROOT = Path(__file__).resolve().parents[2]
SYMPTOM = {
    Status.PRESENT: Symptom.EXCESS_READ,
    Status.ABSENT: Symptom.OK,
    Status.DIFFERENT_FAILURE: Symptom.ERROR,
    Status.UNTESTABLE: Symptom.UNSUPPORTED,
    Status.UNSETTLED: Symptom.OK,
}


def entry(status: str = "present", symptom: Symptom | None = None, **changes: Any) -> Entry:
    state = Status(status)
    given: dict[str, Any] = {
        "bug": "made-up",
        "scenario": "only",
        "fix": "none",
        "parameters": {"rows": 8},
        "release": {"datasets": "5.1.0", "pyarrow": "24.0.0"},
        "status": state,
        "symptom": symptom or SYMPTOM[state],
        "set": {"command": f"repro run made-up # {status}"},
    }
    return Entry(**(given | changes))


# The judge


@pytest.mark.parametrize(
    ("before", "now", "words", "as_expected"),
    [
        ("present", "present", "still present", True),
        ("absent", "absent", "still absent", True),
        ("present", "absent", "newly fixed", False),
        ("absent", "present", "newly broken", False),
        ("present", "different-failure", "changed symptom", False),
        ("absent", "different-failure", "changed symptom", False),
        ("different-failure", "present", "changed symptom", False),
        ("different-failure", "different-failure", "still different-failure", True),
        ("present", "untestable", "untestable", False),
        ("untestable", "untestable", "untestable", True),
        ("untestable", "present", "changed symptom", False),
        ("present", "unsettled", "unsettled", False),
        ("absent", "unsettled", "unsettled", False),
        ("unsettled", "unsettled", "unsettled", True),
    ],
)
def test_what_became_of_each_expectation(before: str, now: str, words: str, as_expected: bool) -> None:
    expected, answer = entry(before), entry(now)
    judged = Judged(answer, expected, judge(answer, expected))
    assert (judged.words, judged.as_expected) == (words, as_expected)


def test_another_symptom_of_the_same_status_is_a_change_but_not_for_a_race() -> None:
    expected, answer = entry("present"), entry("present", Symptom.OUT_OF_MEMORY)
    assert judge(answer, expected) is Finding.CHANGED_SYMPTOM
    assert judge(answer, expected, race=True) is Finding.STILL


def test_without_an_expectation_nothing_is_as_expected() -> None:
    judged = Judged(entry("absent"), None, judge(entry("absent"), None))
    assert (judged.finding, judged.as_expected) == (Finding.NO_EXPECTATION, False)


# The nearest release


def at(datasets: str, pyarrow: str, status: str = "present") -> Entry:
    return entry(status, release={"datasets": datasets, "pyarrow": pyarrow})


def test_a_release_is_held_against_itself_else_against_the_nearest_older_one() -> None:
    known = [at("4.9.0", "24.0.0"), at("4.10.0", "24.0.0"), at("5.1.0", "26.0.0")]
    assert expectation(known, at("4.9.0", "24.0.0")) is known[0]
    assert expectation(known, at("5.0.0", "25.0.0")) is known[1]
    assert expectation(known, at("5.2.0", "26.0.1")) is known[2]
    assert expectation(known, at("4.4.0", "26.0.0")) is None


@pytest.mark.parametrize(
    "other", [{"bug": "another"}, {"scenario": "control"}, {"fix": "take"}, {"parameters": {"rows": 9}}]
)
def test_another_question_is_never_an_expectation(other: dict[str, Any]) -> None:
    assert expectation([entry(**other)], entry()) is None


# The file


entries = st.lists(
    st.builds(
        entry,
        st.sampled_from(list(Status)).map(lambda s: s.value),
        fix=st.sampled_from(["none", "take"]),
        release=st.fixed_dictionaries({"datasets": st.sampled_from(["4.9.0", "5.1.0"]), "pyarrow": st.just("24.0.0")}),
    ),
    max_size=6,
)


def places(some: list[Entry]) -> set[tuple[object, ...]]:
    return {e.place for e in some}


@given(known=entries, found=entries)
def test_what_was_accepted_is_as_expected_and_nothing_that_was_known_is_lost(
    known: list[Entry], found: list[Entry]
) -> None:
    before = accept([], known)
    found = [e for e in {e.place: e for e in found}.values() if e.acceptable]
    after = accept(before, found)
    assert all(judge(answer, expectation(after, answer)) is not Finding.NO_EXPECTATION for answer in found)
    assert all(Judged(a, e := expectation(after, a), judge(a, e)).as_expected for a in found)
    assert places(after) == places(before) | places(found)
    assert accept(after, found) == after


@pytest.mark.parametrize("status", ["untestable", "unsettled"])
def test_what_says_nothing_of_the_bug_is_never_accepted_and_replaces_nothing(status: str) -> None:
    assert accept([], [entry(status)]) == []
    assert accept([entry("present")], [entry(status)]) == [entry("present")]


def test_what_is_replaced_goes_into_the_history_newest_first() -> None:
    one, two, three = entry("present"), entry("absent"), entry("different-failure")
    (last,) = accept(accept([one], [two]), [three])
    assert last.status is Status.DIFFERENT_FAILURE
    assert [old["status"] for old in last.history] == ["absent", "present"]
    assert last.history[1]["set"] == one.set


def test_what_is_the_same_keeps_the_evidence_that_set_it() -> None:
    again = replace(entry("present"), set={"command": "a later run"})
    assert accept([entry("present")], [again]) == [entry("present")]


def test_the_file_reads_back_as_it_was_written(tmp_path: Path) -> None:
    known = accept([entry("present"), entry("absent", fix="take")], [entry("absent")])
    save(tmp_path / "expected.json", known)
    assert load(tmp_path / "expected.json") == known
    assert [path.name for path in tmp_path.iterdir()] == ["expected.json"]


@pytest.mark.parametrize("text", ["", "{}", '{"schema": 99, "entries": []}', '{"schema": 1, "entries": [{"bug": 1}]}'])
def test_a_file_that_cannot_be_read_is_refused_and_says_what_to_do(text: str, tmp_path: Path) -> None:
    (tmp_path / "expected.json").write_text(text)
    with pytest.raises(UserError, match=r"expected\.json"):
        load(tmp_path / "expected.json")


def test_no_file_expects_nothing(tmp_path: Path) -> None:
    assert load(tmp_path / "expected.json") == []


def test_the_committed_expectations_each_name_the_command_that_measured_them() -> None:
    known = load(ROOT / "reports" / "expected.json")
    assert known
    assert {one.bug for one in known} <= set(bugs.slugs())
    assert [one for one in known if not str(one.set["command"]).startswith(f"repro run {one.bug} ")] == []
    assert [one for one in known if not one.set["time_utc"] or not one.set["reason"]] == []


# The catalogue


def test_the_catalogue_pins_what_the_target_resolves_to(tmp_path: Path) -> None:
    newest = {"datasets": "5.2.0", "pyarrow": "26.0.1", "numpy": "2.0"}
    cache = TrialCache(FakeRunner(tmp_path, lambda spec: Symptom.OK, packages=lambda spec: newest))
    asked = catalogue(cache, ["embed-sliced-list"], "latest python==3.11")
    assert {one.question.target for one in asked} == {"datasets==5.2.0 pyarrow==26.0.1 python==3.11"}
    bug = bugs.load("embed-sliced-list")
    pairs = [(one.question.scenario.name, one.question.fix.name) for one in asked]
    assert len(set(pairs)) == len(pairs) == len(bug.scenarios) + len(bug.fixes) - 1


def test_a_race_is_asked_in_its_default_scenario_and_its_controls_only(tmp_path: Path) -> None:
    cache = TrialCache(FakeRunner(tmp_path, lambda spec: Symptom.OK, packages=lambda spec: {"pyarrow": "26.0.1"}))
    asked = catalogue(cache, ["exit-hang"], "latest", trials=7)
    controls = [s.name for s in bugs.load("exit-hang").scenarios if s.control]
    assert {one.question.scenario.name for one in asked} == {"arrow-generator", *controls}
    assert {one.trials for one in asked} == {7}


def test_an_answer_names_its_release_also_where_no_environment_could_be_made(tmp_path: Path) -> None:
    spec = "datasets==5.2.0 pyarrow==26.0.1"
    runner = FakeRunner(tmp_path, lambda spec: Symptom.OK, impossible={spec: "the patch does not apply"})
    cache, asked = TrialCache(runner), [PlannedCell(question(made_up(tmp_path / "bug"), spec), 1)]
    (cell,) = fill(cache, asked, prepare(cache, asked), Budget(4 << 30, 1)).cells
    answer = answer_of(cell)
    assert answer.release == {"datasets": "5.2.0", "pyarrow": "26.0.1"}
    assert (answer.status, answer.symptom) == (Status.UNTESTABLE, Symptom.UNSOLVABLE)
    assert answer.set["command"].startswith("repro run made-up --scenario only")
    assert not isinstance(runner.target(cell.question), TargetInfo)


# The command


def test_accept_names_what_it_refuses_and_does_not_end_well(fake: Fake, kit: Kit, tmp_path: Path) -> None:
    probe = fake.bug('say("measure", measures={"seen": 3}); say("done")') / "probe.py"
    file = tmp_path / "expected.json"
    check = ("regress", "made-up", "--target", "tiny==1.0", "--expected", str(file), "--accept")
    assert kit(*check).status == 0
    before = file.read_text("utf-8")
    probe.write_text(
        probe.read_text("utf-8").replace('say("measure"', 'say("unsupported", reason="no"); say("measure"')
    )
    done = kit(*check)
    assert (done.status, file.read_text("utf-8")) == (1, before)
    assert "accepted 1 of 2" in done.out
    assert [line.split(":")[0] for line in done.err.splitlines() if "untestable" in line] == ["  not accepted"]


def test_the_exit_status_says_whether_all_is_as_expected_and_accept_makes_it_so(
    fake: Fake, kit: Kit, tmp_path: Path
) -> None:
    probe = fake.bug('say("measure", measures={"seen": 3}); say("done")') / "probe.py"
    check = ("regress", "made-up", "--target", "tiny==1.0", "--expected", str(tmp_path / "expected.json"))
    assert kit(*check).status == 1
    assert kit(*check, "--accept").status == 0
    assert "as expected" in kit(*check).out
    assert kit(*check).status == 0
    probe.write_text(probe.read_text("utf-8").replace('"seen": 3', '"seen": 9'))
    done = kit(*check, "--json")
    assert done.status == 1
    assert [one["finding"] for one in json.loads(done.out)["answers"]] == ["newly broken", "still absent"]
    assert "newly broken" in (fake.reports / "regress" / "regress.md").read_text("utf-8")
