"""A matrix and a walk as a reader sees them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from repro.render.releases import sentences

from repro.model import Symptom
from repro.render.bisect import ShownCause, ShownWalk, cause_json, posterior_table, walk_json, walk_sentences
from repro.render.matrix import ShownMatrix, cell_words, chart, forms, matrix_json, matrix_text, tables
from repro.render.regress import conclusion, regress_json, regress_markdown
from repro.run.cache import Cells
from repro.run.pool import Budget
from repro.studies.bisect import attribute, walk, walk_race
from repro.studies.matrix import Asked, Matrix, fill, prepare
from repro.studies.regress import Judged, judge
from tests.studies.fakes import FakeRunner, made_up, question
from tests.studies.test_regress import entry

SHOWS = {"datasets==4.3.0": Symptom.UNSUPPORTED, "datasets==5.1.0": Symptom.EXCESS_READ, "datasets==5.2.0": Symptom.OK}


@pytest.fixture
def matrix(tmp_path: Path) -> Matrix:
    runner = FakeRunner(tmp_path, SHOWS.__getitem__, impossible={"datasets==9.0": "no <such> release | at all"})
    bug = made_up(tmp_path / "bug")
    asked = [Asked(question(bug, spec), 1) for spec in (*SHOWS, "datasets==9.0")]
    cells = Cells(runner)
    return fill(cells, asked, prepare(cells, asked), Budget(4 << 30, 1))


def test_a_row_a_target_and_one_word_a_cell(matrix: Matrix) -> None:
    (table,) = tables(matrix)
    assert table.columns == ("datasets", "only")
    assert table.rows == (
        ("4.3.0", "untestable (unsupported)"),
        ("5.1.0", "present (excess-read)"),
        ("5.2.0", "absent"),
        ("(datasets==9.0)", "untestable (unsolvable)"),
    )
    assert "4 cells, 0 of them known before" in matrix_text(matrix)


def test_a_race_says_how_many_of_its_trials_showed_the_bug(tmp_path: Path) -> None:
    seen: list[str] = []

    def show(spec: str) -> Symptom:
        seen.append(spec)
        return Symptom.HANG_AT_EXIT if len(seen) % 2 else Symptom.OK

    cells, bug = Cells(FakeRunner(tmp_path, show)), made_up(tmp_path / "bug", race=True)
    assert cell_words(cells.run(question(bug), 4)) == "present (hang-at-exit, 2/4)"


def test_each_cell_of_the_page_opens_its_evidence(matrix: Matrix, tmp_path: Path) -> None:
    page = forms(matrix, tmp_path / "matrix")["matrix.html"]
    links = re.findall(r'href="([^"]+)"', page)
    assert len(links) == 4
    for link in links:
        assert json.loads((tmp_path / "matrix" / unquote(link)).resolve().read_text("utf-8"))["bug"] == "made-up"
    assert "://" not in page


def test_markdown_names_the_reason_and_the_evidence_of_each_cell_and_escapes_both(
    matrix: Matrix, tmp_path: Path
) -> None:
    text = forms(matrix, tmp_path / "matrix")["matrix.md"]
    assert "| 5.1.0 | present (excess-read) |" in text
    assert r"\|" not in text.replace("no &lt;such&gt;", "")
    assert text.count("../evidence/made-up/") == 4


def test_json_has_every_cell_with_its_evidence_and_the_command_that_asks_again(matrix: Matrix, tmp_path: Path) -> None:
    form = json.loads(forms(matrix, tmp_path)["matrix.json"])
    assert form == json.loads(json.dumps(matrix_json(matrix)))
    assert [cell["status"] for cell in form["cells"]] == ["untestable", "present", "absent", "untestable"]
    assert all(cell["reproduce"].startswith("repro run made-up") and cell["evidence"] for cell in form["cells"])


def test_the_chart_is_a_picture(matrix: Matrix) -> None:
    assert chart(matrix).startswith(b"\x89PNG")


# Walks


def test_a_walk_is_told_in_sentences_and_shows_every_release_that_was_tried(tmp_path: Path) -> None:
    bug, releases = made_up(tmp_path / "bug"), ["4.3.0", "5.1.0", "5.2.0"]
    cells = Cells(FakeRunner(tmp_path, SHOWS.__getitem__))
    found = walk(cells, lambda release: question(bug, f"datasets=={release}"), releases, every=True)
    assert walk_sentences(found)[:2] == [
        "unsupported up to 4.3.0, excess-read from 5.1.0",
        "excess-read up to 5.1.0, ok from 5.2.0",
    ]
    assert [t["first"] for t in walk_json(found)["transitions"]] == ["5.1.0", "5.2.0"]
    assert all(release in repr(ShownWalk(found)) for release in releases)
    assert posterior_table(found) is None


def test_the_posterior_of_a_race_is_in_the_report_and_sums_to_one(tmp_path: Path) -> None:
    bug, releases = made_up(tmp_path / "bug", race=True), [f"1.{n}" for n in range(8)]
    shown = {f"datasets=={r}": Symptom.HANG_AT_EXIT if n >= 5 else Symptom.OK for n, r in enumerate(releases)}
    cells = Cells(FakeRunner(tmp_path, shown.__getitem__))
    found = walk_race(cells, lambda release: question(bug, f"datasets=={release}"), releases, trials=3)
    table = posterior_table(found)
    assert table is not None
    assert ("1.4 | 1.5", f"{found.result.posterior[5]:.3f}") in table.rows  # type: ignore[union-attr]
    assert sum(walk_json(found)["race"]["posterior"]) == pytest.approx(1)
    assert "healthy up to 1.4, affected from 1.5" in repr(ShownWalk(found))


def test_an_attribution_is_told_in_words(tmp_path: Path) -> None:
    def packages(spec: str) -> dict[str, str]:
        return dict(word.split("==") for word in spec.split())

    bug = made_up(tmp_path / "bug")
    runner = FakeRunner(tmp_path, lambda spec: Symptom.OK if "a==2" in spec else Symptom.EXCESS_READ, packages=packages)
    cause = attribute(Cells(runner), lambda spec: question(bug, spec), "a==1 b==1", "a==2 b==2")
    assert ShownCause(cause).sentence == "going from a 1 to 2 alone flips present to absent; b does not matter"
    assert cause_json(cause)["cause"] == [{"package": "a", "old": "1", "new": "2"}]


def test_conclusions_name_the_question_and_doubt_a_race_that_was_not_seen(matrix: Matrix, tmp_path: Path) -> None:
    cells, race = Cells(FakeRunner(tmp_path, lambda spec: Symptom.OK)), made_up(tmp_path / "race", race=True)
    asked = [Asked(question(race, "datasets==7.0"), 4)]
    unseen = fill(cells, asked, prepare(cells, asked), Budget(4 << 30, 1))
    found = walk(cells, lambda release: question(race, f"datasets=={release}"), ["7.0", "8.0"])
    said = list(sentences([ShownMatrix(matrix), ShownMatrix(unseen), ShownWalk(found)]))
    assert "present (excess-read) with datasets 5.1.0; absent with datasets 5.2.0" in said[0]
    assert said[1] == "made-up, only: absent (ok, 0/4) with datasets 7.0"
    assert "not seen in 4 trials: it may still show in up to 49 % (95 %)" in said[2]
    assert said[3].startswith("made-up, only: No transition was found: 7.0 and 8.0 are both absent")


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
