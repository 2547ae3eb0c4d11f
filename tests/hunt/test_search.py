"""The hunt itself, over programs that are not run: what is found is made small, once a cause, and told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from repro import bugs, targets
from repro.cli import main
from repro.hunt import campaign, corpus
from repro.hunt.campaign import Listed, Report
from repro.hunt.corpus import Entry, Shown
from repro.hunt.judge import Finding
from repro.hunt.plans import (
    MOST_COLUMNS,
    MOST_ROWS,
    MOST_STEPS,
    SIZE,
    Plan,
    Run,
    first_state,
    plan_of,
    plans,
    run,
    smaller,
)
from repro.hunt.search import Found, Hunt, TimeIsUp, rough
from repro.hunt.state import State, Step
from repro.hunt.values import Type, encode
from repro.model import TargetInfo
from repro.render.hunt import hunt_markdown, hunt_table, hunt_text

LOST = Finding("select", "slice", "rows lost", "")
RAISED = Finding("cast", "", "error KeyError", "datasets/table.py:7 f")


class Made(Hunt):
    """A hunt whose programs are wrong as soon as they have three rows, or a cell that is null."""

    def once(self, plan: Plan) -> Run:
        self.programs += 1
        if self.programs > 500:
            raise TimeIsUp
        state = first_state(plan)
        steps = [Step("from_dict", "ds", state), Step("select", "ds", state)]
        if any(value is None for row in state.rows for value in row.values()):
            return Run(steps, RAISED)
        return Run(steps, LOST if plan.rows >= 3 else None)


def test_each_cause_is_made_small_and_told_once() -> None:
    hunt = Made(None, seed=3)  # type: ignore[arg-type]
    hunt.go(3600.0)
    found = {one.finding.sort: one for one in hunt.found}
    assert found.keys() == {"rows lost", "error KeyError"}
    assert [row["c0"] for row in found["rows lost"].steps[0].after.rows] == [0, 1, 2]
    shown, tried = found["rows lost"].beside
    assert (shown, tried) == (tried - 1, tried), "all that are beside it but the one with two rows"
    assert [row["c0"] for row in found["error KeyError"].steps[0].after.rows] == [None]
    assert hunt.known[rough(LOST)] > 1


def test_what_is_known_already_is_not_made_small_again() -> None:
    hunt = Made(None, seed=3)  # type: ignore[arg-type]
    hunt.known.update({rough(LOST): 0, rough(RAISED): 0})
    hunt.go(3600.0)
    assert hunt.found == []
    assert hunt.known[rough(LOST)] > 20


def test_the_same_seed_hunts_the_same_programs() -> None:
    seen: list[list[Plan]] = []
    for _ in range(2):
        listed: list[Plan] = []

        class Listing(Made):
            def once(self, plan: Plan, listed: list[Plan] = listed) -> Run:
                listed.append(plan)
                if len(listed) >= 60:
                    raise TimeIsUp
                return Run([])

        Listing(None, seed=5).go(3600.0)  # type: ignore[arg-type]
        seen.append(listed)
    assert seen[0] == seen[1]


def test_every_plan_is_a_program_whose_statements_are_valid_python() -> None:
    """The answers are the model's own, so that nothing can differ; what is asked for is Python."""
    asked: list[tuple[str, str]] = []

    class Collecting(Made):
        def once(self, plan: Plan) -> Run:
            if len(asked) > 150:
                raise TimeIsUp
            steps: list[Step] = []
            return run(plan, lambda new, lines: own_answers(steps, lines, asked), asked=steps)

    hunt = Collecting(None, seed=1)  # type: ignore[arg-type]
    hunt.go(3600.0)
    assert hunt.found == []
    for line, reading in asked:
        compile(line, "line", "exec")
        compile(reading, "reading", "exec")


def own_answers(steps: list[Step], lines: Any, asked: list[tuple[str, str]]) -> list[dict[str, Any]]:
    asked += lines
    return [
        {
            "rows": [encode(row) for row in step.after.rows],
            "types": step.after.types and {name: one.to_form() for name, one in step.after.types.items()},
            "opened": [],
            "cpu_s": 0.0,
        }
        for step in steps[-len(lines) :]
    ]


def test_bytes_of_zero_are_the_simplest_plan() -> None:
    assert plan_of(bytes(SIZE)) == Plan((0, 0, 0, 0), 0, 0, ((0, ()),), ((0, 0, 0, 0),))


@given(plans())
def test_a_plan_has_no_more_than_is_allowed_and_smaller_ones_lack_one_part(plan: Plan) -> None:
    assert plan.rows <= MOST_ROWS
    assert 1 <= len(plan.columns) <= MOST_COLUMNS
    assert 1 <= len(plan.ops) <= MOST_STEPS
    for one in smaller(plan):
        assert len(one.ops) + len(one.columns) == len(plan.ops) + len(plan.columns) - 1
        assert one.columns


def test_what_hangs_is_not_tried_with_other_numbers() -> None:
    class Hanging(Made):
        def once(self, plan: Plan) -> Run:
            done = super().once(plan)
            done.finding = done.finding and Finding("select", "", "hang", "")
            return done

    hunt = Hanging(None, seed=3)  # type: ignore[arg-type]
    hunt.go(3600.0)
    assert [one.beside for one in hunt.found] == [(0, 0)]


def test_operations_that_the_fault_does_not_need_are_left_out() -> None:
    class Needing(Made):
        def once(self, plan: Plan) -> Run:
            super().once(plan)
            state = first_state(plan)
            steps = [Step("from_dict", "ds", state), *(Step("select", "ds", state) for _ in plan.ops)]
            return Run(steps, LOST if any(k % 7 == 3 for k, *_ in plan.ops) else None)

    hunt = Needing(None, seed=3)  # type: ignore[arg-type]
    hunt.go(3600.0)
    assert len(hunt.found) == 1
    assert len(hunt.found[0].steps) == 2


def report(tmp_path: Path, *, confirmed: bool = True, known: str = "", shown: Shown = Shown.PRESENT) -> Report:
    state = State([{"c0": 1}], ("c0",), {"c0": Type("int64")})
    steps = (Step("from_dict", "ds = 1", state), Step("select", "ds = 2", state))
    target = TargetInfo("t", Path("python"), "3.11", {"datasets": "5.2.0", "pyarrow": "24.0.0"}, "key")
    listed = Listed(
        Found(steps, LOST, 3.0, 120, (3, 8)), "import sys\n", tmp_path / "select-rows-lost.py", confirmed, known
    )
    entry = Entry("old-one", "an old one", steps, LOST)
    return Report(target, 7, 60.0, 1500, 4000, 1400, 20, [(entry, shown)], [listed])


def test_the_text_says_what_was_tried_what_is_new_and_how_to_go_on(tmp_path: Path) -> None:
    text = hunt_text(report(tmp_path))
    assert "1,500 programs (4,000 operations) in 60s, seed 7" in text
    assert "1 of 1 show here" in text
    assert "New, silently wrong:\n  select: rows lost, after 120 programs, " in text
    assert "120 programs, 3 of 8 neighbouring programs show it too, 1 lines: select-rows-lost.py" in text
    assert f"repro bisect {tmp_path / 'select-rows-lost.py'}" in text
    assert "```python\nimport sys\n```" in hunt_markdown(report(tmp_path))


def test_what_did_not_show_again_is_counted_and_not_listed(tmp_path: Path) -> None:
    text = hunt_text(report(tmp_path, confirmed=False))
    assert "New" not in text
    assert "1 did not show again" in text
    assert report(tmp_path, confirmed=False).to_json()["new"] == 0


def test_what_is_known_is_no_news(tmp_path: Path) -> None:
    assert "Found again:\n  select: rows lost (known: old-one)" in hunt_text(report(tmp_path, known="old-one"))
    assert report(tmp_path, known="old-one").to_json()["new"] == 0


def test_it_goes_on_with_what_is_new_whatever_was_found_before(tmp_path: Path) -> None:
    old, new = report(tmp_path, known="old-one"), report(tmp_path)
    both = replace(new, listed=[*old.listed, replace(new.listed[0], path=tmp_path / "new.py")])
    assert f"Go on with: repro run {tmp_path / 'new.py'} " in hunt_text(both)


def test_a_known_program_that_shows_no_more_is_said(tmp_path: Path) -> None:
    made = report(tmp_path, known="old-one", shown=Shown.ABSENT)
    assert "Otherwise than measured before:\n  old-one: absent, expected present" in hunt_text(made)
    assert made.to_json()["changed"] == ["old-one"]


def test_a_table_has_what_is_known_and_shows_and_what_is_new(tmp_path: Path) -> None:
    table = hunt_table(report(tmp_path))
    assert table.rows == (("an old one", "known: old-one", ""), ("select: rows lost", "new: a lead", "120"))
    assert "seed 7" in table.note
    assert hunt_table(report(tmp_path, confirmed=False, shown=Shown.ABSENT)).rows[0][1] == "did not show again alone"


def test_what_was_found_until_ctrl_c_is_kept_as_a_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = report(tmp_path)

    def interrupted(hunt: Hunt, seconds: float) -> None:
        hunt.found.append(made.listed[0].found)
        raise KeyboardInterrupt

    monkeypatch.setattr(Hunt, "go", interrupted)
    monkeypatch.setattr(campaign, "replay_all", lambda *given: [])
    monkeypatch.setattr(campaign, "NEEDS", ("datasets", "pyarrow"))
    monkeypatch.setattr(targets, "provision", lambda *given, **more: made.target)
    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        campaign.campaign("datasets", cache=tmp_path, folder=tmp_path, seconds=9.0, say=said.append)
    assert "sys.exit(got != expected)" in (tmp_path / "select-rows-lost.py").read_text("utf-8")
    assert said == [f"found, and not run alone: {tmp_path / 'select-rows-lost.py'}"]


def test_an_unknown_operation_is_a_mistake_that_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["hunt", "--only", "nonsense"])
    assert end.value.code == 2
    assert "Choose from: add_column" in capsys.readouterr().err


def test_the_corpus_says_of_each_cause_why_it_is_wrong_where_it_comes_from_and_which_bug_it_became() -> None:
    for entry in corpus.load():
        assert entry.why, entry.name
        assert entry.place.startswith("datasets/"), entry.name
        assert entry.bug in {"", *bugs.slugs()}, entry.name
