"""The matrix: what an axis means, which cells there are, when a cell is found again, and what a kill leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from repro.bugs.declaration import Bug, Fix, FixKind, Parameter
from repro.errors import UserError
from repro.model import Limits, Status, Symptom
from repro.rates import CLEAN_TRIALS
from repro.run.cache import TrialCache
from repro.run.pool import Budget
from repro.run.question import Question
from repro.studies.axes import Axis, read_axis, specs
from repro.studies.matrix import Matrix, PlannedCell, fill, plan, prepare, within
from repro.targets import records
from tests.studies.fakes import FakeRunner, made_up, question

VERSIONS = ("4.3.0", "4.4.0", "4.10.0", "5.0.0")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache that knows the releases of datasets already."""
    records.save(tmp_path / "releases" / "datasets.json", {"at": time.time(), "versions": VERSIONS})
    return tmp_path


# Axes


@pytest.mark.parametrize(
    ("text", "releases"),
    [
        ("datasets>=4.4", ("4.4.0", "4.10.0", "5.0.0")),
        ("datasets>=4.4,<5", ("4.4.0", "4.10.0")),
        ("datasets", VERSIONS),
        ("datasets==5.0.0, 4.4.0", ("4.4.0", "5.0.0")),
        ("datasets==latest", ("latest",)),
        ("datasets==latest,4.4.0", ("4.4.0", "latest")),
        ("latest", ("latest",)),
    ],
)
def test_an_axis_is_a_range_a_list_or_latest(text: str, releases: tuple[str, ...], cache: Path) -> None:
    assert read_axis(text, cache) == Axis("datasets", releases)


def test_a_bare_name_may_be_limited_to_the_newest_releases(cache: Path) -> None:
    assert read_axis("datasets", cache, recent=2).releases == ("4.10.0", "5.0.0")
    assert len(read_axis("datasets>=4", cache, recent=2).releases) == 4


def test_the_axis_python_holds_the_newest_interpreter_of_each_minor_version_oldest_first(cache: Path) -> None:
    minors = read_axis("python", cache).releases
    assert f"{sys.version_info.major}.{sys.version_info.minor}" in minors
    assert list(minors) == sorted(set(minors), key=lambda text: [int(part) for part in text.split(".")])


@pytest.mark.parametrize("text", ["numpy>1", "datasets>>1", "datasets>=9", "datasets==1.0,old", ""])
def test_an_axis_that_makes_no_sense_is_refused_with_a_form_that_does(text: str, cache: Path) -> None:
    with pytest.raises(UserError, match=r"datasets"):
        read_axis(text, cache)


def test_targets_are_all_combinations_and_what_no_axis_names_is_left_open() -> None:
    axes = [Axis("datasets", ("4.4.0", "latest")), Axis("pyarrow", ("24.0.0", "25.0.0"))]
    assert specs(axes, "python==3.12") == [
        "datasets==4.4.0 pyarrow==24.0.0 python==3.12",
        "datasets==4.4.0 pyarrow==25.0.0 python==3.12",
        "datasets pyarrow==24.0.0 python==3.12",
        "datasets pyarrow==25.0.0 python==3.12",
    ]
    assert specs(axes[:1]) == ["datasets==4.4.0", "datasets"]
    with pytest.raises(UserError, match="two axes of datasets"):
        specs([axes[0], axes[0]])


# Which cells


def test_without_a_name_the_deterministic_bugs_are_asked_and_races_only_on_request() -> None:
    assert {one.question.bug.race for one in plan([], ["latest"])} == {False}
    assert {one.question.bug.race for one in plan([], ["latest"], races=True)} == {False, True}


def test_cells_are_the_product_of_what_is_named_and_small_inputs_go_to_the_bugs_that_have_them() -> None:
    asked = plan(
        ["embed-sliced-list"], ["latest", "datasets==5.1.0"], scenarios=["full", "shard-last"], fixes=["none", "take"]
    )
    pairs = {(one.question.scenario.name, one.question.fix.name, one.question.target) for one in asked}
    assert len(pairs) == len(asked) == 8
    assert asked[0].question.given["rows"] == 8
    every = plan(["embed-sliced-list"], ["latest"], scenarios=["all"])
    assert len(every) == len(every[0].question.bug.scenarios)


def test_trials_are_for_races_only() -> None:
    assert [one.trials for one in plan(["embed-sliced-list"], ["latest"], trials=50)] == [None]
    assert [one.trials for one in plan(["exit-hang"], ["latest"], trials=50)] == [50]


@pytest.mark.parametrize(
    "given", [{"scenarios": ["shard-frist"]}, {"fixes": ["tak"]}, {"parameters": ["rowz=8"]}, {"slugs": ["made-down"]}]
)
def test_a_name_that_no_bug_has_is_refused(given: dict[str, list[str]]) -> None:
    slugs = given.pop("slugs", ["embed-sliced-list"])
    with pytest.raises(UserError, match="unknown"):
        plan(slugs, ["latest"], **given)  # type: ignore[arg-type]


# When a cell is found again


def run(runner: FakeRunner, *questions: Question, trials: int | None = 1) -> Matrix:
    cache, cells = TrialCache(runner), [PlannedCell(one, trials) for one in questions]
    return fill(cache, cells, prepare(cache, cells), Budget(4 << 30, 2))


def test_a_finished_matrix_is_found_again_without_a_trial(tmp_path: Path) -> None:
    runner, bug = FakeRunner(tmp_path, lambda spec: Symptom.OK), made_up(tmp_path / "bug")
    questions = [question(bug, f"datasets=={n}") for n in range(3)]
    first, second = run(runner, *questions, trials=4), run(runner, *questions, trials=4)
    assert len(runner.asked) == 12
    assert (first.reused, second.reused) == (0, 3)
    shown = [[e.id for e in cell.run.evidence] for cell in second.cells]
    assert shown == [[e.id for e in cell.run.evidence] for cell in first.cells]
    assert len({id for ids in shown for id in ids}) == 12, "no trial answers two cells"


def test_of_many_bugs_those_whose_cap_does_not_fit_are_left_out_by_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    small, large = (
        PlannedCell(question(made_up(tmp_path), limits=Limits(memory_bytes=cap << 30)), 1) for cap in (1, 8)
    )
    room = Budget(4 << 30, 2)
    assert within([small, large], room) == [small]
    assert "made-up is left out: it needs 8GiB, there are 4GiB" in caplog.text
    assert within([large], room) == [large], "alone it is refused, with what to type instead"


def test_only_the_missing_trials_are_run_when_more_are_asked_for(tmp_path: Path) -> None:
    runner, bug = FakeRunner(tmp_path, lambda spec: Symptom.OK), made_up(tmp_path / "bug")
    run(runner, question(bug), trials=3)
    assert len(run(runner, question(bug), trials=5).cells[0].run.evidence) == 5
    assert len(runner.asked) == 5


def change_probe(runner: FakeRunner, bug: Bug) -> Question:
    (bug.folder / "probe.py").write_text("print(1)\n")
    return question(bug)


def change_environment(runner: FakeRunner, bug: Bug) -> Question:
    runner.environment = "2"
    return question(bug)


def change_inputs(runner: FakeRunner, bug: Bug) -> Question:
    runner.files = {"sha256": "another"}
    return question(bug)


def change_limits(runner: FakeRunner, bug: Bug) -> Question:
    return question(bug, limits=replace(bug.default_limits, timeout_s=11.0))


def change_fix(runner: FakeRunner, bug: Bug) -> Question:
    fix = Fix("better", FixKind.WORKAROUND, bug.folder / "better.txt")
    (bug.folder / "better.txt").write_text("one")
    run(runner, question(bug, fix=fix))
    (bug.folder / "better.txt").write_text("two")
    return question(bug, fix=fix)


def change_parameters(runner: FakeRunner, bug: Bug) -> Question:
    return question(bug, given={"rows": 9})


@pytest.mark.parametrize(
    "change", [change_probe, change_environment, change_inputs, change_limits, change_fix, change_parameters]
)
def test_whatever_decides_a_trial_makes_it_run_again(
    change: Callable[[FakeRunner, Bug], Question], tmp_path: Path
) -> None:
    runner = FakeRunner(tmp_path, lambda spec: Symptom.OK)
    bug = made_up(tmp_path / "bug", parameters=(Parameter("rows", "int", 8, "rows"),))
    run(runner, question(bug))
    changed = change(runner, bug)
    before = len(runner.asked)
    assert run(runner, changed).reused == 0
    assert len(runner.asked) == before + 1


def test_a_text_for_readers_does_not(tmp_path: Path) -> None:
    runner, bug = FakeRunner(tmp_path, lambda spec: Symptom.OK), made_up(tmp_path / "bug")
    run(runner, question(bug))
    (bug.folder / "minimal.py").write_text("# shorter\n")
    (bug.folder / "probe.py").write_text("# a probe, with another comment\n")
    assert run(runner, question(bug)).reused == 1


def test_an_environment_that_cannot_exist_is_a_cell_of_its_own_kind_and_takes_one_look(tmp_path: Path) -> None:
    runner = FakeRunner(tmp_path, lambda spec: Symptom.OK, impossible={"datasets==9": "no such release"})
    bug = made_up(tmp_path / "bug")
    (cell,) = run(runner, question(bug, "datasets==9"), trials=20).cells
    assert dict(cell.run.symptoms) == {"unsolvable": 1}
    assert run(runner, question(bug, "datasets==9"), trials=20).reused == 1
    runner.impossible["datasets==9"] = "another reason"
    assert run(runner, question(bug, "datasets==9"), trials=20).reused == 0


def test_a_cell_whose_control_fails_too_is_untestable_and_says_why(tmp_path: Path) -> None:
    runner, bug = FakeRunner(tmp_path, lambda spec: Symptom.EXCESS_READ), made_up(tmp_path / "bug")
    runner.control = lambda spec: Symptom.ERROR if spec == "datasets==1" else Symptom.OK
    one, two = run(runner, question(bug, "datasets==1"), question(bug, "datasets==2")).cells
    assert (one.run.status, two.run.status) == (Status.UNTESTABLE, Status.PRESENT)
    assert "the control control fails here too" in one.run.reason


def test_a_race_in_a_matrix_goes_on_until_it_is_settled_and_is_then_found_again(tmp_path: Path) -> None:
    runner = FakeRunner(tmp_path, lambda spec: Symptom.HANG_AT_EXIT if spec == "datasets==1" else Symptom.OK)
    bug = made_up(tmp_path / "bug", race=True)
    asked = [question(bug, f"datasets=={n}") for n in (1, 2)]
    one, two = run(runner, *asked, trials=None).cells
    assert (one.run.status, two.run.status, len(two.run.evidence)) == (Status.PRESENT, Status.ABSENT, CLEAN_TRIALS)
    assert run(runner, *asked, trials=None).reused == 2


def test_a_fault_of_the_kit_answers_nothing_and_is_tried_again(tmp_path: Path) -> None:
    runner, bug = FakeRunner(tmp_path, lambda spec: Symptom.KIT_FAULT), made_up(tmp_path / "bug")
    run(runner, question(bug))
    runner.show = lambda spec: Symptom.OK
    (cell,) = run(runner, question(bug)).cells
    assert dict(cell.run.symptoms) == {"ok": 1}


def test_evidence_that_was_damaged_is_run_again(tmp_path: Path) -> None:
    runner, bug = FakeRunner(tmp_path, lambda spec: Symptom.OK), made_up(tmp_path / "bug")
    (cell,) = run(runner, question(bug)).cells
    path = cell.run.worst.path
    assert path is not None
    path.write_text(path.read_text("utf-8")[:-40])
    assert run(runner, question(bug)).reused == 0


def test_a_cap_above_the_budget_is_refused_before_the_first_trial(tmp_path: Path) -> None:
    runner, bug = FakeRunner(tmp_path, lambda spec: Symptom.OK), made_up(tmp_path / "bug")
    with pytest.raises(UserError, match="smaller --memory"):
        run(runner, question(bug), question(bug, "datasets==2", limits=Limits(5 << 30)))
    assert runner.asked == []


# Kill -9

MADE_UP = """
from pathlib import Path
from repro.bugs.declaration import NO_FIX, Bug, Prepared, Scenario
from repro.model import Limits, Verdict

NONE = ()
BUG = Bug(
    slug="made-up", title="made up", summary="", links={}, fixes=(NO_FIX,), parameters=(), folder=Path(__file__).parent,
    scenarios=tuple(Scenario(f"s{n}", "", needs=NONE) for n in range(8)), default_scenario="s0", needs=NONE,
    prepare=lambda scenario, parameters, cache: Prepared({"ledger": str(cache / "ledger")}),
    oracle=lambda scenario, outcome, expected: Verdict(outcome.symptom, False, outcome.detail),
    default_limits=Limits(256 << 20, 60.0, 60.0),
)
"""
PROBE = """
import json, os, sys, time
request = json.load(open(sys.argv[1]))
events = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def say(event, **more):
    os.write(events, (json.dumps({"event": event, "t": 0.0, **more}) + "\\n").encode())
say("started", versions={})
ledger = os.open(request["inputs"]["ledger"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
os.write(ledger, (request["scenario"] + "\\n").encode())
time.sleep(0.5)
say("done")
"""


@pytest.mark.targets
def test_after_a_kill_in_the_middle_the_matrix_goes_on_and_nothing_is_lost_or_counted_twice(tmp_path: Path) -> None:
    folder = tmp_path / "bugs" / "made_up"
    folder.mkdir(parents=True)
    (folder / "bug.py").write_text(MADE_UP)
    (folder / "probe.py").write_text(textwrap.dedent(PROBE))
    here = f"python=={sys.version_info.major}.{sys.version_info.minor}"
    command = [sys.executable, "-m", "repro", "matrix", "made-up", "--axis", here, "--scenario", "all", "--jobs", "2"]
    reports, cache = tmp_path / "reports", tmp_path / "cache"
    env = {**os.environ, "REPRO_BUGS": str(folder.parent), "REPRO_REPORTS": str(reports), "REPRO_CACHE": str(cache)}

    def finished() -> set[str]:
        return {path.name for path in reports.glob("evidence/*/*.json")}

    child = subprocess.Popen([*command, "--json"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    patience = time.monotonic() + 120
    while len(finished()) < 3:
        assert child.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < patience
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    survived = finished()
    assert 3 <= len(survived) < 8

    again = subprocess.run([*command, "--json"], env=env, capture_output=True, text=True, check=True)
    cells = json.loads(again.stdout)["cells"]
    rested = [Path(path).name for cell in cells for path in cell["evidence"]]
    assert [cell["status"] for cell in cells] == ["absent"] * 8
    assert len(rested) == len(set(rested)) == 8, "one trial for each cell"
    assert survived <= set(rested), "what was finished before the kill counts"
    assert json.loads(again.stdout)["reused"] == len(survived)
    begun = (cache / "ledger").read_text().split()
    assert len(begun) <= 8 + 2, "only the trials that the kill cut off were begun twice"
    third = subprocess.run([*command, "--json"], env=env, capture_output=True, text=True, check=True)
    assert json.loads(third.stdout)["reused"] == 8
