"""What is published is small, complete in itself, and follows from the evidence beside it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from repro import bugs, places
from repro.decide.current import kind_of
from repro.errors import UserError
from repro.evidence.record import Evidence
from repro.evidence.redact import Redactor
from repro.evidence.store import Store
from repro.model import Sample, Symptom
from repro.rates import CLEAN_TRIALS
from repro.report import publish as publishing
from repro.report.issues import write_issue
from repro.report.kept import code_of_today, known
from repro.report.publish import check, chosen, publish
from tests.render.reported import embed, embed_evidence, exit_evidence, race

ROOT = Path(__file__).resolve().parents[2]
COMMITTED = ROOT / "reports" / "published"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with evidence in ``reports`` and what was published of it in ``published``."""
    root = tmp_path_factory.mktemp("made")
    store = Store(root / "reports", Redactor())
    for one in today([*embed_evidence(), *exit_evidence()]):
        store.save(one)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "notebooks", lambda: root)
        publish(store, root / "published")
    return root


@pytest.fixture
def store(made: Path, tmp_path: Path) -> Store:
    shutil.copytree(made / "reports", tmp_path / "reports")
    return Store(tmp_path / "reports", Redactor())


@pytest.fixture
def published(made: Path, tmp_path: Path) -> Path:
    """What was published, with the ledger beside it: a copy to spoil."""
    shutil.copytree(made, tmp_path, ignore=shutil.ignore_patterns("reports"), dirs_exist_ok=True)
    return tmp_path / "published"


def today(evidence: Iterable[Evidence]) -> list[Evidence]:
    """The same, as made and judged by the code of today."""
    sources = {slug: code_of_today(bugs.load(slug)) for slug in bugs.slugs()}
    return [replace(one, decided_by=f"{sources[one.bug][kind_of(one)]}-all") for one in evidence]


def test_what_was_just_published_matches_and_links_lead_somewhere(store, tmp_path):
    done = publish(store, tmp_path / "published")
    assert check(done.folder, store) == []
    names = {path.relative_to(done.folder).as_posix() for path in done.folder.rglob("*") if path.is_file()}
    assert {"index.html", "index.md", "ledger.md", "manifest.json", "issues/embed-sliced-list.md"} <= names
    assert "issues/test_embed_sliced_list.py" in names
    text = (done.folder / "ledger.md").read_text("utf-8")
    assert all(link.split(")")[0] in names for link in text.split("](")[1:])


def test_the_ledger_beside_the_folder_leads_into_it_and_is_checked_too(store, published):
    beside = published.parent / "claims.md"
    assert "](published/evidence/" in beside.read_text("utf-8")
    edit(beside)
    assert check(published, store) == ["../claims.md: the evidence gives another text; run 'make publish'"]


def test_the_picture_of_the_result_is_published(published):
    assert (published / "plots" / "embed-sliced-list.png").stat().st_size > 1000


def edit(path: Path) -> None:
    path.write_text(path.read_text("utf-8").replace("affected", "fine").replace("confirmed", "refuted"), "utf-8")


def renew(folder: Path) -> None:
    """Make the manifest agree again, as somebody would who edits by hand and is thorough."""
    sums = {p.relative_to(folder).as_posix(): publishing._sha256(p) for p in folder.rglob("*") if p.is_file()}
    sums.pop("manifest.json")
    (folder / "manifest.json").write_text(json.dumps({"schema": 1, "sha256": sums}), "utf-8")


def test_an_edited_a_missing_and_a_stray_file_are_each_named(store, published):
    edit(published / "issues" / "embed-sliced-list.md")
    (published / "ledger.md").unlink()
    (published / "stray.txt").touch()
    faults = check(published, store)
    assert faults == ["ledger.md: missing", "stray.txt: not in the manifest", "issues/embed-sliced-list.md: changed"]


def test_each_text_that_says_other_than_its_evidence_is_found_even_if_the_manifest_agrees(store, published):
    names = ["index.html", "index.md", "issues/embed-sliced-list.md", "ledger.md"]
    for name in names:
        edit(published / name)
    renew(published)
    assert sorted(check(published, store)) == [
        f"{name}: the evidence gives another text; run 'make publish'" for name in names
    ]


def test_of_each_question_the_newest_answers_are_published():
    old, new = race(n=publishing.MOST_TRIALS), race(n=publishing.MOST_TRIALS)
    assert chosen([*old, *new]) == sorted(new, key=lambda one: one.id)


def test_as_many_trials_of_a_race_are_published_as_call_a_workaround_safe(store, tmp_path):
    for one in today([*race(symptom=Symptom.HANG_AT_EXIT, n=3), *race(fix="iter-batches", n=CLEAN_TRIALS)]):
        store.save(one)
    folder = publish(store, tmp_path / "published").folder
    assert "Safe workaround: ParquetFile.iter_batches" in (folder / "index.md").read_text("utf-8")
    assert "less than 10 %" in (folder / "index.md").read_text("utf-8")


def test_what_other_code_made_is_not_published_and_alone_is_no_evidence(store, tmp_path):
    stale = store.save(embed("5.1.0", Symptom.OK, shows=False, decided_by="of another time"))
    folder = publish(store, tmp_path / "published").folder
    assert stale.id not in {path.stem for path in folder.rglob("*.json")}
    old = Store(tmp_path / "old", Redactor())
    old.save(stale)
    with pytest.raises(UserError, match="no evidence to publish that the code of today made"):
        publish(old, tmp_path / "other")


def test_a_report_says_what_it_left_out_and_published_evidence_stands_for_itself(store, tmp_path):
    store.save(embed("5.1.0", Symptom.OK, shows=False, decided_by="of another time"))
    assert "1 older trial left out" in write_issue(store, "embed-sliced-list").read_text("utf-8")
    folder = publish(store, tmp_path / "published").folder
    assert "left out" not in (folder / "issues" / "embed-sliced-list.md").read_text("utf-8")
    unhashed = Store(tmp_path / "unhashed", Redactor())
    for one in embed_evidence():
        unhashed.save(one)
    assert known(unhashed)["embed-sliced-list"].failure is None
    assert known(unhashed, today=False)["embed-sliced-list"].failure is not None


def test_an_issue_without_current_evidence_of_the_failure_is_refused(store, tmp_path):
    healthy = Store(tmp_path / "healthy", Redactor())
    for one in today([embed("5.2.0", Symptom.OK, shows=False)]):
        healthy.save(one)
    healthy.save(embed("5.1.0", Symptom.OUT_OF_MEMORY, shows=True, decided_by="of another time"))
    with pytest.raises(UserError, match=r"no evidence shows embed-sliced-list yet: run .* 1 older trial left out"):
        write_issue(healthy, "embed-sliced-list")
    assert not (tmp_path / "healthy" / "issues").exists()


def test_without_evidence_or_with_too_much_nothing_is_replaced(store, tmp_path, monkeypatch):
    folder = publish(store, tmp_path / "published").folder
    with pytest.raises(UserError, match="no evidence"):
        publish(Store(tmp_path / "empty", Redactor()), folder)
    monkeypatch.setattr(publishing, "TOTAL_LIMIT", 1000)
    with pytest.raises(UserError, match="may be published"):
        publish(store, folder)
    assert check(folder, store) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["claims.md", "published", "reports"]


# Only what went deep


@pytest.fixture(autouse=True)
def notebooks(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The notebook sources: none, unless a test puts some there."""
    folder = tmp_path_factory.mktemp("sources")
    monkeypatch.setattr(places, "notebooks", lambda: folder)
    return folder


def executed(store: Store, name: str, depth: str) -> None:
    made = nbformat.v4.new_notebook(metadata={"repro": {"depth": depth}} if depth else {})
    (store.root / "notebooks").mkdir(exist_ok=True)
    nbformat.write(made, store.root / "notebooks" / name)


@pytest.mark.parametrize("depth", ["quick", ""])
def test_what_did_not_go_deep_is_not_published_and_the_old_folder_stays(store, published, notebooks, depth):
    for name in ("01_one.ipynb", "02_two.ipynb"):
        (notebooks / name).touch()
    executed(store, "01_one.ipynb", "full")
    executed(store, "02_two.ipynb", depth)
    with pytest.raises(UserError, match=r"02_two was not run at full depth.*: run 'make repro DEPTH=full' first"):
        publish(store, published)
    assert check(published, store) == []
    executed(store, "02_two.ipynb", "full")
    assert (publish(store, published).folder / "notebooks" / "02_two.ipynb").is_file()


def test_a_notebook_that_was_never_run_is_not_published_around(store, published, notebooks):
    (notebooks / "01_one.ipynb").touch()
    with pytest.raises(UserError, match="01_one was not run at full depth"):
        publish(store, published)


# One step


@pytest.mark.parametrize("fault", [OSError("no room"), KeyboardInterrupt()])
def test_if_the_new_folder_cannot_take_its_place_the_old_one_stays_whole(store, published, monkeypatch, fault):
    real = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if Path(target) == published and self.name == "published":
            raise fault
        return real(self, target)

    store.save(today([embed("5.0.0", Symptom.EXCESS_READ, shows=True)])[0])
    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(type(fault)):
        publish(store, published)
    monkeypatch.undo()
    assert check(published, store) == []
    assert sorted(path.name for path in published.parent.iterdir()) == ["claims.md", "published", "reports"]


def test_what_a_kill_between_the_two_steps_left_aside_is_put_back(store, published, monkeypatch):
    aside = published.parent / ".publish-killed"
    aside.mkdir()
    published.rename(aside / "old")
    monkeypatch.setattr(publishing, "render", fail_to_render)
    with pytest.raises(OSError, match="no room"):
        publish(store, published)
    monkeypatch.undo()
    assert check(published, store) == []
    assert not aside.exists()


def fail_to_render(*args: object) -> None:
    raise OSError("no room")


def test_nothing_of_the_old_folder_is_touched_before_the_new_one_is_complete(store, published, monkeypatch):
    def fail(*args: object) -> str:
        raise OSError("no room")

    store.save(today([embed("5.0.0", Symptom.EXCESS_READ, shows=True)])[0])
    monkeypatch.setattr(publishing, "_claims", fail)
    with pytest.raises(OSError, match="no room"):
        publish(store, published)
    monkeypatch.undo()
    assert check(published, store) == []


def test_a_file_that_only_the_old_folder_had_is_gone_with_it(store, published):
    (published / "stray.txt").touch()
    assert check(publish(store, published).folder, store) == []


def test_what_is_committed_matches_its_evidence():
    if not (COMMITTED / "manifest.json").is_file():
        pytest.skip("nothing is published yet: run make publish")
    assert check(COMMITTED, Store(COMMITTED)) == []
    assert sum(path.stat().st_size for path in COMMITTED.rglob("*") if path.is_file()) <= publishing.TOTAL_LIMIT


@pytest.mark.parametrize("path", sorted(COMMITTED.glob("notebooks/*.ipynb")), ids=lambda path: path.stem)
def test_no_committed_notebook_shows_the_objects_behind_what_it_says(path):
    outputs = [output for cell in json.loads(path.read_text("utf-8"))["cells"] for output in cell.get("outputs", ())]
    shown = ["".join(output.get("data", {}).get("text/plain", output.get("text", ""))) for output in outputs]
    assert [text[:80] for text in shown if re.search(r"\b[A-Z]\w+\([a-z_]+=|<repro\.", text)] == []


# Size


def test_the_newest_trial_of_each_ending_keeps_its_curve_and_the_others_a_sketch():
    samples = tuple(Sample(float(t), 1000 + t, 1) for t in range(200))
    trials = [with_timeline(one, samples) for one in race("26.0.1", Symptom.OK, n=3)]
    trials += [with_timeline(one, samples) for one in race("26.0.1", Symptom.HANG_AT_EXIT, n=2)]
    kept = {one.id: one.outcome for one in chosen(trials)}
    assert [len(kept[one.id].timeline) > publishing.SKETCH for one in trials] == [False, False, True, False, True]
    assert {max(sample.rss_bytes for sample in outcome.timeline) for outcome in kept.values()} == {1199}


def with_timeline(evidence: Evidence, samples: tuple[Sample, ...]) -> Evidence:
    return replace(evidence, outcome=replace(evidence.outcome, timeline=samples))
