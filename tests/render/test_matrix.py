"""A matrix, a bisection and a regression check as a reader sees them, and what is kept of a matrix."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest

from repro import bugs
from repro.bugs.declaration import Bug
from repro.evidence.store import Store
from repro.model import Symptom
from repro.render.bisect import (
    ShownBisection,
    ShownCause,
    bisection_json,
    bisection_sentences,
    bisection_table,
    cause_json,
    posterior_table,
)
from repro.render.cells import cell_words, matrix_json, merged, read_json, shown_cells
from repro.render.matrix import ShownMatrix, chart, forms, matrix_text, tables
from repro.render.regress import conclusion, regress_json, regress_markdown
from repro.report import kept, pages
from repro.run.cache import TrialCache
from repro.run.pool import Budget
from repro.studies.bisect import attribute, bisect, bisect_race
from repro.studies.matrix import Matrix, PlannedCell, fill, prepare
from repro.studies.regress import Judged, judge
from tests.studies.fakes import FakeRunner, made_up, question
from tests.studies.test_regress import entry

SHOWS = {"datasets==4.3.0": Symptom.UNSUPPORTED, "datasets==5.1.0": Symptom.EXCESS_READ, "datasets==5.2.0": Symptom.OK}


@pytest.fixture
def matrix(tmp_path: Path) -> Matrix:
    runner = FakeRunner(tmp_path, SHOWS.__getitem__, impossible={"datasets==9.0": "no <such> release | at all"})
    bug = made_up(tmp_path / "bug")
    return filled(runner, bug, *SHOWS, "datasets==9.0")


def filled(runner: FakeRunner, bug: Bug, *specs: str, trials: int | None = None) -> Matrix:
    planned, cache = [PlannedCell(question(bug, spec), trials) for spec in specs], TrialCache(runner)
    return fill(cache, planned, prepare(cache, planned), Budget(4 << 30, 1))


def test_a_row_a_target_and_one_word_a_cell(matrix: Matrix) -> None:
    (table,) = tables(shown_cells(matrix))
    assert table.columns == ("datasets", "only")
    assert table.rows == (
        ("4.3.0", "untestable (unsupported)"),
        ("5.1.0", "present (excess-read)"),
        ("5.2.0", "absent"),
        ("(datasets==9.0)", "untestable (unsolvable)"),
    )
    assert "4 cells, 0 of them known before" in matrix_text(shown_cells(matrix))


def test_a_race_says_what_its_trials_support(tmp_path: Path) -> None:
    shown = {"datasets==1.0": Symptom.HANG_AT_EXIT, "datasets==2.0": Symptom.OK}
    bug, runner = made_up(tmp_path / "bug", race=True), FakeRunner(tmp_path, shown.__getitem__)
    few = [cell.words for cell in shown_cells(filled(runner, bug, *shown, trials=4))]
    assert few == [
        "present (hang-at-exit): fails in 4/4 (37–100 %)",
        "unsettled: not seen in 4 trials (rate below 60 %)",
    ]
    settled = [cell.words for cell in shown_cells(filled(runner, bug, "datasets==2.0"))]
    assert settled == ["absent: not seen in 35 trials: less than 10 %"]


def test_a_target_whose_control_fails_says_nothing_of_the_bug(tmp_path: Path) -> None:
    runner = FakeRunner(tmp_path, lambda spec: Symptom.EXCESS_READ)
    runner.control = lambda spec: Symptom.ERROR
    (cell,) = filled(runner, made_up(tmp_path / "bug"), "datasets==1.0").cells
    assert cell_words(cell.run) == "untestable (its control fails too)"


def test_each_cell_of_the_page_opens_its_evidence(matrix: Matrix, tmp_path: Path) -> None:
    page = forms(shown_cells(matrix))["matrix.html"]
    links = re.findall(r'href="([^"]+)"', page)
    assert len(links) == 4
    for link in links:
        assert json.loads((tmp_path / "matrix" / unquote(link)).resolve().read_text("utf-8"))["bug"] == "made-up"
    assert "://" not in page


def test_markdown_names_the_reason_and_the_evidence_of_each_cell_and_escapes_both(
    matrix: Matrix, tmp_path: Path
) -> None:
    text = forms(shown_cells(matrix))["matrix.md"]
    assert "| 5.1.0 | present (excess-read) |" in text
    assert r"\|" not in text.replace("no &lt;such&gt;", "")
    assert text.count("../evidence/made-up/") == 4
    assert "4 cells." in text


def test_json_has_every_cell_with_its_evidence_and_the_command_that_asks_again(matrix: Matrix, tmp_path: Path) -> None:
    form = json.loads(forms(shown_cells(matrix))["matrix.json"])
    assert form == json.loads(json.dumps(matrix_json(shown_cells(matrix))))
    assert [cell["status"] for cell in form["cells"]] == ["untestable", "present", "absent", "untestable"]
    assert all(cell["reproduce"].startswith("repro run made-up") and cell["evidence"] for cell in form["cells"])


def test_the_chart_is_a_picture(matrix: Matrix) -> None:
    assert chart(shown_cells(matrix)).startswith(b"\x89PNG")


# Kept


def test_a_matrix_is_added_to_the_stored_one_and_overwrites_only_the_same_question_and_target(
    matrix: Matrix, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "reports")
    monkeypatch.setattr(kept, "is_current", lambda decided_by, sources: True)
    monkeypatch.setattr(kept, "sources_key", lambda bug: "today")
    monkeypatch.setattr(bugs, "slugs", lambda: ["made-up", "other-bug"])
    monkeypatch.setattr(bugs, "load", lambda slug: slug)
    other = made_up(tmp_path / "other", slug="other-bug")
    now_fine = filled(FakeRunner(tmp_path / "b", lambda spec: Symptom.OK), made_up(tmp_path / "bug"), "datasets==5.1.0")
    pages.write_matrix(store, matrix)
    pages.write_matrix(store, filled(FakeRunner(tmp_path / "c", lambda spec: Symptom.OK), other, "datasets==5.1.0"))
    pages.write_matrix(store, now_fine)
    cells = kept.matrix_cells(store.root)
    assert [(cell.bug, cell.spec, cell.status) for cell in cells if cell.spec == "datasets==5.1.0"] == [
        ("made-up", "datasets==5.1.0", "absent"),
        ("other-bug", "datasets==5.1.0", "absent"),
    ]
    assert len(cells) == 5
    assert (store.root / "matrix" / "matrix.md").read_text("utf-8").count("**made-up**") == 1


def test_a_stored_cell_that_other_code_decided_is_not_shown(
    matrix: Matrix, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "reports")
    pages.write_cells(store, shown_cells(matrix))
    monkeypatch.setattr(bugs, "slugs", lambda: ["made-up"])
    monkeypatch.setattr(bugs, "load", lambda slug: slug)
    monkeypatch.setattr(kept, "sources_key", lambda bug: "of today")
    assert kept.matrix_cells(store.root) == [] and len(kept.matrix_cells(store.root, today=False)) == 4


def test_cells_read_back_are_the_same_and_other_limits_or_inputs_are_other_cells(matrix: Matrix) -> None:
    cells = shown_cells(matrix)
    assert read_json(json.loads(json.dumps(matrix_json(cells)))) == cells
    tight = replace(cells[1], limits={**cells[1].limits, "memory_bytes": 1 << 20})
    assert len(merged(cells, [replace(cells[1], status="absent")])) == 4
    assert len(merged(cells, [tight])) == 5
    (table,) = tables([*cells, tight])
    assert table.columns == ("datasets", "memory_bytes", "only")


# Bisections


def test_a_bisection_is_told_in_sentences_and_shows_every_release_that_was_tried(tmp_path: Path) -> None:
    bug, releases = made_up(tmp_path / "bug"), ["4.3.0", "5.1.0", "5.2.0"]
    cache = TrialCache(FakeRunner(tmp_path, SHOWS.__getitem__))
    found = bisect(cache, lambda release: question(bug, f"datasets=={release}"), releases, every=True)
    said = bisection_sentences(found)
    assert "up to 4.3.0, present (excess-read) from 5.1.0" in said[0] and "absent from 5.2.0" in said[1]
    assert [t["first"] for t in bisection_json(found)["transitions"]] == ["5.1.0", "5.2.0"]
    assert all(release in repr(ShownBisection(found)) for release in releases)
    assert posterior_table(found) is None


def test_the_posterior_of_a_race_sums_to_one_and_each_release_says_what_its_trials_support(tmp_path: Path) -> None:
    bug, releases = made_up(tmp_path / "bug", race=True), [f"1.{n}" for n in range(8)]
    shown = {f"datasets=={r}": Symptom.HANG_AT_EXIT if n >= 5 else Symptom.OK for n, r in enumerate(releases)}
    cache = TrialCache(FakeRunner(tmp_path, shown.__getitem__))
    found = bisect_race(cache, lambda release: question(bug, f"datasets=={release}"), releases, trials=3)
    table = posterior_table(found)
    assert table is not None
    assert sum(bisection_json(found)["race"]["posterior"]) == pytest.approx(1)
    showed = {str(row[0]): str(row[1]) for row in bisection_table(found).rows}
    healthy = found.tried[0].run.rate
    assert showed["1.0"] == healthy.words(race=True) and showed["1.0"].startswith(("unsettled", "not seen in"))
    assert showed["1.7"].startswith("fails in ")


def test_an_attribution_is_told_in_words(tmp_path: Path) -> None:
    def packages(spec: str) -> dict[str, str]:
        return dict(word.split("==") for word in spec.split())

    bug = made_up(tmp_path / "bug")
    runner = FakeRunner(tmp_path, lambda spec: Symptom.OK if "a==2" in spec else Symptom.EXCESS_READ, packages=packages)
    cause = attribute(TrialCache(runner), lambda spec: question(bug, spec), "a==1 b==1", "a==2 b==2")
    said = "going from a 1 to 2 alone flips present to absent; b does not matter"
    assert ShownCause(cause).sentences == [f"made-up, only: {said}"]
    assert cause_json(cause)["cause"] == [{"package": "a", "old": "1", "new": "2"}]


def test_conclusions_name_the_question_and_doubt_a_race_that_was_not_seen(matrix: Matrix, tmp_path: Path) -> None:
    runner, race = FakeRunner(tmp_path, lambda spec: Symptom.OK), made_up(tmp_path / "race", race=True)
    unseen = filled(runner, race, "datasets==7.0", trials=4)
    found = bisect(TrialCache(runner), lambda release: question(race, f"datasets=={release}"), ["7.0", "8.0"])
    assert "present (excess-read) with datasets 5.1.0; absent with datasets 5.2.0" in ShownMatrix(matrix).sentences[0]
    said = "made-up, only: unsettled: not seen in 4 trials (rate below 60 %) with datasets 7.0"
    assert ShownMatrix(unseen).sentences == [said]
    assert ShownBisection(found).sentences[0].startswith("made-up, only: No transition was found")


# A regression check


def test_a_check_says_what_changed_first_with_the_command_that_shows_it() -> None:
    fixed = Judged(entry("absent"), entry("present"), judge(entry("absent"), entry("present")))
    same = Judged(entry("present"), entry("present"), judge(entry("present"), entry("present")))
    assert conclusion([fixed, same]) == "1 of 2 as expected; 1 newly fixed."
    page = regress_markdown([same, fixed])
    assert page.count("## made-up") == 1
    assert "## made-up, only: newly fixed" in page
    assert "expected present (excess-read) (measured on datasets 5.1.0, pyarrow 24.0.0)" in page
    assert "repro run made-up # absent" in page
    assert regress_json([same, fixed])["as_expected"] is False
    assert regress_json([same])["as_expected"] is True
