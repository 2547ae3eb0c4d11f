"""A finding as a script that stands alone, and as an entry of the corpus."""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from repro.errors import UserError
from repro.hunt import corpus
from repro.hunt.campaign import shows
from repro.hunt.corpus import Entry, Shown, cause, known, replay, text
from repro.hunt.judge import Finding, judge
from repro.hunt.plans import Plan, first_state
from repro.hunt.readings import RESUME, reading
from repro.hunt.script import script
from repro.hunt.state import Order, State, Step
from repro.hunt.values import Type, encode
from repro.model import Outcome, Symptom

ROWS = [{"c0": 1}, {"c0": 2}]
STATE = State(ROWS, ("c0",), {"c0": Type("int64")})
MADE = Step("from_dict", 'ds = Dataset.from_dict({"c0": [1, 2]})', STATE, reading="got = ds[:]", reader="slice")
TAKEN = Step("take", "ds = ds.take(2)", STATE, reading="got = ds[:]", reader="slice")
LOST = Finding("take", "slice", "rows lost", "", ROWS, ROWS[:1])


def test_a_script_has_the_real_calls_and_names_what_it_needs() -> None:
    made = script([MADE, TAKEN], LOST, ["datasets==5.2.0"])
    assert 'dependencies = ["datasets==5.2.0"]' in made
    assert "from datasets import Dataset\n" in made
    assert "ds = ds.take(2)\ngot = ds[:]\nexpected = {'c0': [1, 2]}\n" in made
    assert made.endswith("sys.exit(got != expected)\n")
    assert len(made.splitlines()) <= 30


@pytest.mark.parametrize("sort", ["rows lost", "other types", "files opened without need", "error IndexError"])
def test_each_sort_of_finding_makes_valid_python(sort: str) -> None:
    ast.parse(script([MADE, TAKEN], Finding("take", "slice", sort, "", {"f1.bin"}, {"f2.bin"}), ["datasets"]))


def test_an_interrupted_stream_goes_on_from_a_fresh_object() -> None:
    step = Step("skip", "ds = ds.skip(0)", STATE, reading=RESUME.format(k=1), reader="resume")
    made = script([MADE, step], Finding("skip", "resume", "rows lost", ""), ["datasets"])
    assert made.count("again()") == 3
    ast.parse(made)


def test_a_stream_is_interrupted_only_where_its_order_is_known_and_nothing_is_buffered() -> None:
    stream = State(ROWS, ("c0",), STATE.types, stream=True)
    assert reading(stream, 1, last=True, sure=True)[0] == "resume"
    assert reading(stream, 1, last=True, sure=False)[0] != "resume"
    assert reading(stream, 1, last=False, sure=True)[0] != "resume"
    assert reading(State(ROWS, ("c0",), STATE.types, True, buffered=True), 1, last=True, sure=True)[0] != "resume"


def entry(name: str = "lost", *steps: Step) -> Entry:
    return Entry(name, "take loses rows", steps or (MADE, TAKEN), LOST, why="take(n) gives the first n rows")


def test_what_is_kept_is_literals_and_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "corpus.json"
    path.write_text(text([entry()]), encoding="utf-8")
    (back,) = corpus.load(path)
    assert text([back]) == text([entry()])
    assert back.steps[-1].after.rows == ROWS


@pytest.mark.parametrize("content", ['{"schema": 99, "entries": []}', "no JSON", '{"schema": 1, "entries": [{}]}'])
def test_a_corpus_that_cannot_be_read_says_what_to_do(tmp_path: Path, content: str) -> None:
    (tmp_path / "corpus.json").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=r"update the kit|restore it with git"):
        corpus.load(tmp_path / "corpus.json")


def test_all_that_a_step_is_judged_by_is_kept(tmp_path: Path) -> None:
    judged = replace(
        TAKEN,
        order=Order.ANY,
        types_promised=False,
        embeds=True,
        opens=frozenset({"f1.bin"}),
        after=replace(STATE, stream=True),
    )
    path = tmp_path / "corpus.json"
    path.write_text(text([entry("all", MADE, judged)]), encoding="utf-8")
    (back,) = corpus.load(path)
    kept = back.steps[-1]
    assert replace(kept, after=judged.after) == judged
    assert kept.after.stream


@pytest.mark.parametrize(
    ("version", "shown"),
    [("4.3.0", Shown.ABSENT), ("4.4.0", Shown.PRESENT), ("4.4.1", Shown.PRESENT), ("4.10.0", Shown.ABSENT)],
)
def test_a_replay_is_expected_to_show_from_the_first_release_to_the_last(version: str, shown: Shown) -> None:
    assert corpus.expected(replace(entry(), first="4.4.0", last="4.4.1"), version) is shown
    assert corpus.expected(entry(), version) is Shown.PRESENT


@pytest.mark.parametrize(
    ("version", "otherwise"),
    [
        ("4.2.0", {Shown.ABSENT, Shown.DIFFERENT, Shown.REFUSED}),
        ("4.3.0", {Shown.PRESENT}),
        ("4.4.1", {Shown.ABSENT, Shown.DIFFERENT, Shown.REFUSED}),
        ("5.0.0", {Shown.PRESENT, Shown.DIFFERENT}),
    ],
)
def test_a_replay_is_news_if_it_says_otherwise_than_was_measured(version: str, otherwise: set[Shown]) -> None:
    kept = replace(entry(), first="4.4.0", last="4.4.1", earlier="4.2.0")
    assert {shown for shown in Shown if corpus.changed(kept, shown, version)} == otherwise


def answer(rows: list[Any]) -> dict[str, Any]:
    return {"rows": [encode(row) for row in rows], "types": {"c0": Type("int64").to_form()}, "opened": []}


@pytest.mark.parametrize(
    ("last", "shown"),
    [
        (answer(ROWS), Shown.ABSENT),
        (answer(ROWS[:1]), Shown.PRESENT),
        ({"error": {"type": "IndexError", "message": "", "where": []}}, Shown.DIFFERENT),
        ({"error": {"type": "NameError", "message": "name 'Nifti' is not defined", "where": []}}, Shown.UNSUPPORTED),
        (answer([{"c0": 1}, {"c0": 3}]), Shown.DIFFERENT),
        ({"error": {"type": "ValueError", "message": "no", "where": []}}, Shown.REFUSED),
    ],
)
def test_a_replay_tells_the_same_difference_from_none_and_from_another(last: dict[str, Any], shown: Shown) -> None:
    assert replay(entry(), lambda new, lines: [answer(ROWS), last])[0] is shown


def test_two_programs_are_of_one_cause_if_the_same_operations_show_it() -> None:
    other = Step("select", "ds = ds.select([0])", STATE, reading="got = ds[:]", reader="slice")
    assert known([entry()], [MADE, TAKEN], LOST) is not None
    assert known([entry()], [MADE, other], LOST) is None
    assert known([entry()], [MADE, TAKEN], replace(LOST, reader="resume")) is not None, "it shows without a resume too"
    assert known([entry()], [MADE, TAKEN], replace(LOST, reader="resume", sort="rows too many")) is None
    raised = Finding("take", "", "error IndexError", "datasets/arrow_dataset.py:629 _check")
    moved = Finding("skip", "", "error IndexError", "datasets/arrow_dataset.py:700 _check")
    assert cause([MADE, TAKEN], raised) == cause([MADE, other], moved)


def test_a_stream_made_on_the_way_is_no_part_of_a_cause() -> None:
    made = Step("to_iterable_dataset", "ds = ds.to_iterable_dataset()", STATE, reading="got = list(ds)")
    assert known([entry()], [MADE, made, TAKEN], LOST) is not None


@pytest.mark.parametrize(
    ("sort", "outcome", "believed"),
    [
        ("rows lost", Outcome(Symptom.ERROR, "", exit_code=1), True),
        ("rows lost", Outcome(Symptom.OK, "", exit_code=0), False),
        ("rows lost", Outcome(Symptom.ERROR, "", exit_code=1, stderr_tail="Traceback (most recent call last)"), False),
        ("hang", Outcome(Symptom.HANG, ""), True),
        ("crash", Outcome(Symptom.CRASH, "", signal="SIGSEGV"), True),
        ("error KeyError", Outcome(Symptom.ERROR, "", exit_code=1, stderr_tail="KeyError: 'a'"), False),
    ],
)
def test_a_finding_is_believed_if_its_script_fails_in_that_way_alone(
    sort: str, outcome: Outcome, believed: bool
) -> None:
    assert shows(Finding("take", "", sort, ""), outcome) is believed


def test_the_committed_corpus_is_readable_named_once_and_made_of_literals() -> None:
    entries = corpus.load()
    assert len({one.name for one in entries}) == len(entries)
    assert corpus.text(entries) == (corpus.FILE.read_text("utf-8") if corpus.FILE.exists() else corpus.text([]))
    for one in entries:
        for step in one.steps:
            compile(step.line, one.name, "exec")


@pytest.mark.parametrize("name", [one.name for one in corpus.load()])
def test_each_program_of_the_corpus_is_printed_as_a_script_of_at_most_thirty_lines(name: str) -> None:
    made = corpus.kept_script(name, corpus.load())
    ast.parse(made)
    assert len(made.splitlines()) <= 30
    assert ("push_to_hub" in made) == ("HF_ENDPOINT" in made)


def test_a_name_that_is_not_in_the_corpus_is_a_mistake_that_says_what_there_is() -> None:
    with pytest.raises(UserError, match=r"Choose from: lost"):
        corpus.kept_script("nonsense", [entry()])


def test_the_state_of_the_simplest_plan_is_one_column_of_numbers() -> None:
    plan = Plan((0, 0, 0, 0), 2, 0, ((0, ()),), ())
    assert first_state(plan).rows == [{"c0": 0}, {"c0": 1}]
    assert json.dumps(plan.columns) == "[[0, []]]"
    assert judge(MADE, answer(ROWS))[0] is None


@pytest.mark.parametrize("name", [one.name for one in corpus.load() if one.finding.silent and not one.last])
def test_the_page_says_of_each_silent_cause_where_it_is_and_since_when(name: str) -> None:
    found = next(one for one in corpus.load() if one.name == name)
    page = (Path(__file__).parents[2] / "docs" / "found.md").read_text("utf-8")
    (row,) = (line for line in page.splitlines() if line.startswith(f"| `{name}`"))
    assert f"| {found.first or '3.3.0'} " in row
    assert not found.earlier or f"3.3.0 to {found.earlier}" in row
    assert found.place.split()[0].removeprefix("datasets/") in row or "| the same" in row
    assert all(link in row for link in found.links) or "| the same |" in row
