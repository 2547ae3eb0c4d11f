"""The notebook sources keep their form, and the first one runs with small parameters and leaves its evidence."""

from __future__ import annotations

import ast
import copy
import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from repro import places
from repro.evidence.redact import Redactor
from repro.evidence.store import Store
from repro.inputs import cohort
from repro.model import Status, Symptom
from repro.report.notebook import execute, parameters_of, sections
from repro.studies.candidates import UNFIXED, UPSTREAM, candidates
from repro.studies.compare import ROUNDS_ENOUGH
from repro.studies.survive import EXACT_ENOUGH, SIZES_ENOUGH
from tests.report.test_notebook import printed

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def checker() -> Any:
    spec = importlib.util.spec_from_file_location("check_notebooks", ROOT / "tools" / "check_notebooks.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_is_a_notebook():
    assert ROOT / "notebooks" / "01_embed_sliced_list.ipynb" in NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_notebook_keeps_the_form(path):
    assert list(checker().faults(json.loads(path.read_text("utf-8")))) == []
    assert parameters_of(path), "its parameters cell assigns nothing"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_notebook_has_two_depths_and_ends_with_what_follows(path):
    assert parameters_of(path)["depth"] == "'quick'"
    assert "What follows" in sections(path)[-1]
    last = [cell["source"] for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"][-1]
    assert any(words in "".join(last) for words in ("conclusions(", "conclude(", "which_fix("))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_depth_that_there_is_not_fails_at_the_first_cell_that_asks(path):
    """A typo must not quietly become the other depth."""
    code = "\n".join("".join(c["source"]) for c in json.loads(path.read_text("utf-8"))["cells"])
    assert "depth ==" not in code and ("[depth]" in code or path.stem == "05_your_own_bug")


def test_the_comparison_is_of_what_the_kit_is_for_in_five_rounds_and_the_slope_of_three_sizes():
    chosen = {k: ast.literal_eval(v) for k, v in parameters_of(ROOT / "notebooks" / "03_which_fix.ipynb").items()}
    asked = candidates(
        "embed-sliced-list", fixes=chosen["fixes"], newest=chosen["newest"], size=chosen["size"]["quick"]
    )
    assert {(one.name, one.question.scenario.name) for one in asked} >= {
        (UPSTREAM, "shard-first"),
        (UNFIXED, "shard-first"),
        ("pandas-round-trip", "shard-first"),
        ("contiguous-copy", "shard-first"),
        ("contiguous-copy@shard-middle", "shard-middle"),
        ("take", "shard-first"),
        ("direct-embed", "shard-first"),
    }
    assert chosen["repetitions"] >= ROUNDS_ENOUGH
    assert len(chosen["sizes"]) >= SIZES_ENOUGH and "600MiB" in chosen["sizes"]
    assert chosen["resolution"] <= EXACT_ENOUGH


def spoil(cells: list[dict[str, Any]], how: str) -> None:
    code = next(i for i, cell in enumerate(cells) if cell["cell_type"] == "code" and not cell["metadata"])
    match how:
        case "no opening":
            del cells[0]
        case "another opening":
            cells[0]["source"] = ["# What this notebook shows"]
        case "no parameters":
            cells[1]["metadata"] = {}
        case "parameters twice":
            cells[code]["metadata"] = {"tags": ["parameters"]}
        case "a long cell":
            cells[code]["source"] = ["x = 1\n"] * 11
        case "stored outputs":
            cells[code]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["1"]}]
        case "a count":
            cells[code]["execution_count"] = 3


@pytest.mark.parametrize(
    ("how", "fault"),
    [
        ("no opening", "the first cell must be text"),
        ("another opening", "the first cell must be text with 'What this notebook shows' and 'What it needs'"),
        ("no parameters", "there must be one cell tagged parameters, not 0"),
        ("parameters twice", "there must be one cell tagged parameters, not 2"),
        ("a long cell", "has 11 lines: at most 10"),
        ("stored outputs", "has stored outputs: run 'make strip'"),
        ("a count", "has stored outputs: run 'make strip'"),
    ],
)
def test_each_fault_is_found(how, fault):
    notebook = copy.deepcopy(json.loads(NOTEBOOKS[0].read_text("utf-8")))
    spoil(notebook["cells"], how)
    found = list(checker().faults(notebook))
    assert len(found) == 1 and fault in found[0]


def test_the_check_ends_with_a_status_and_a_line_for_each_fault(tmp_path, capsys):
    shutil.copy(NOTEBOOKS[0], tmp_path)
    assert checker().main(tmp_path) == 0
    spoilt = json.loads(NOTEBOOKS[0].read_text("utf-8"))
    spoil(spoilt["cells"], "a count")
    (tmp_path / NOTEBOOKS[0].name).write_text(json.dumps(spoilt))
    assert checker().main(tmp_path) == 1
    assert capsys.readouterr().out.startswith(f"{NOTEBOOKS[0].name}: cell ")


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory, shared_cache: Path) -> tuple[Path, Store]:
    """Notebook 01 on a BIDS folder of three sessions, under a cap that the bug breaks; and the evidence it left."""
    folder = tmp_path_factory.mktemp("notebook")
    study = cohort.build(folder / "inputs", sessions=3).root
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REPRO_REPORTS", str(folder / "reports"))
        patch.setenv("REPRO_CACHE", str(shared_cache))
        given = {"bids_root": str(study), "memory": "700MiB", "timeout": "60s"}
        done = execute(places.notebooks() / "01_embed_sliced_list.ipynb", folder / "01.ipynb", given)
    assert done.error == ""
    return done.path, Store(folder / "reports", Redactor())


@pytest.mark.slow
@pytest.mark.targets
def test_the_first_notebook_finds_the_bug_on_a_bids_folder_and_its_evidence_says_so(executed):
    _, store = executed
    own = [one for one in store.query(bug="embed-sliced-list", fix="none") if one.parameters["bids_root"]]
    first = next(one for one in own if one.scenario == "shard-first" and one.target["datasets"] == "5.1.0")
    fixed = next(one for one in own if one.scenario == "shard-first" and one.target["datasets"] == "5.2.0")
    assert first.verdict.is_bug
    assert first.outcome.measures["files_opened"] > first.outcome.measures["files_needed"]
    assert (fixed.verdict.symptom, fixed.status_alone) == (Symptom.OK, Status.ABSENT)
    assert {one.scenario for one in own} >= {"shard-first", "empty-list-row", "plain-column", "full"}


@pytest.mark.slow
@pytest.mark.targets
def test_the_first_notebook_counts_the_files_of_eight_small_rows(executed):
    _, store = executed
    small = [one for one in store.query(bug="embed-sliced-list", scenario="shard-first") if one.parameters["rows"]]
    counted = {one.target.get("datasets"): one.outcome.measures.get("files_opened") for one in small}
    assert (counted["5.1.0"], counted["5.2.0"]) == (24, 3)
    symptoms = {one.target["spec"]: one.verdict.symptom for one in small}
    assert symptoms["datasets==4.4.1"] is Symptom.WRONG_OUTPUT
    assert symptoms["datasets==5.2.0 pyarrow==22.0.0"] is Symptom.UNSOLVABLE


@pytest.mark.slow
@pytest.mark.targets
def test_the_first_notebook_shows_tables_and_pictures_that_a_static_page_can_show(executed):
    path, store = executed
    cells = json.loads(path.read_text("utf-8"))["cells"]
    data = [set(output.get("data", ())) for cell in cells for output in cell.get("outputs", ())]
    assert {kind for kinds in data for kind in kinds} <= {"text/plain", "text/html", "text/markdown", "image/png"}
    assert sum("image/png" in kinds for kinds in data) >= 3
    assert path.stat().st_size < 1 << 20
    assert "rows in the slice: 1 | offset: 0" in printed(path)
    assert any(one.memray for one in store.query())
