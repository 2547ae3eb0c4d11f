"""The store: whole files or none, found again, nothing private in them."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from repro.errors import UserError
from repro.evidence.labels import label_of
from repro.evidence.record import Evidence
from repro.evidence.redact import Redactor
from repro.evidence.store import Store
from repro.files import write_atomic
from repro.model import Outcome, Symptom

from .examples import evidence


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "reports", Redactor(["my own secret value"]))


def files(store: Store) -> list[str]:
    return sorted(p.name for p in store.root.rglob("*") if p.is_file())


def test_a_trial_is_one_file_named_by_bug_and_id(store):
    kept = store.save(evidence())
    assert kept.path == store.root / "evidence" / "embed-sliced-list" / f"{kept.id}.json"
    assert files(store) == [f"{kept.id}.json"]
    assert store.load(kept.path) == kept


def test_what_save_returns_is_what_was_written_redacted(store):
    kept = store.save(evidence(reproduce="repro run x --set note='my own secret value'"))
    assert kept.reproduce == "repro run x --set note='<secret>'"
    assert b"my own secret" not in kept.path.read_bytes()


def test_text_that_is_no_utf8_survives(store):
    record = evidence(outcome=Outcome(Symptom.OK, "é \udc80 ✓"))
    assert store.load(store.save(record).path).outcome.detail == "é \udc80 ✓"


def test_a_full_disk_gives_one_line_and_leaves_no_file(store, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"evidence/embed-sliced-list \(No space left on device\): free some space"):
        store.save(evidence())
    assert files(store) == []


def test_an_interrupted_write_leaves_no_file(store, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        store.save(evidence())
    assert files(store) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_the_kernels_own_out_of_space_error_is_understood(store, monkeypatch):
    monkeypatch.setattr("tempfile.mkstemp", lambda **_: (os.open("/dev/full", os.O_WRONLY), ""))
    with pytest.raises(UserError, match="No space left on device"):
        store.save(evidence())


def test_a_reports_folder_that_is_a_file_gives_one_line(tmp_path):
    (tmp_path / "reports").write_text("")
    with pytest.raises(UserError, match="REPRO_REPORTS"):
        Store(tmp_path / "reports", Redactor()).save(evidence())


def test_query_finds_by_bug_scenario_fix_and_target_newest_last(store):
    first = store.save(evidence())
    other_bug = store.save(evidence(bug="exit-hang"))
    other_scenario = store.save(evidence(scenario="full"))
    fixed = store.save(evidence(fix="flatten"))
    assert store.query() == [first, other_bug, other_scenario, fixed]
    assert store.query(bug="exit-hang") == [other_bug]
    assert store.query(scenario="full") == [other_scenario]
    assert store.query(bug="embed-sliced-list", fix="flatten") == [fixed]
    assert store.query(target="pyarrow==24.0.0 datasets==5.1.0") == [first, other_bug, other_scenario, fixed]
    assert store.query(target="datasets==5.1.0") == []
    assert Store(store.root / "nowhere", Redactor()).query() == []


def test_a_local_checkout_is_found_by_the_path_that_was_given(store):
    kept = store.save(evidence(target={"spec": "/home/alice/datasets", "packages": {}}))
    assert kept.target["spec"] == "~/datasets"
    assert store.query(target="/home/alice/datasets") == [kept]


def test_unreadable_files_are_left_out_and_reported(store):
    good = store.save(evidence())
    cut = good.path.with_name("20000101T000000.json")
    cut.write_bytes(good.path.read_bytes()[:200])
    newer = good.path.with_name("30000101T000000.json")
    newer.write_text(good.path.read_text().replace('"schema": 1', '"schema": 7'))
    found = store.search()
    assert found.evidence == (good,)
    assert [line.split(": ")[0] for line in found.unreadable] == [str(cut), str(newer)]
    assert "schema 7" in found.unreadable[1]
    with pytest.warns(UserWarning, match="left out") as warned:
        assert store.query() == [good]
    assert len(warned) == 2


@pytest.fixture
def parsed(monkeypatch) -> list[str]:
    """The ids of the evidence that is parsed from now on."""
    ids: list[str] = []
    real = Evidence.from_json

    def noted(form: Any) -> Evidence:
        ids.append(form["id"])
        return real(form)

    monkeypatch.setattr(Evidence, "from_json", noted)
    return ids


def test_a_file_is_parsed_once_whoever_asks_for_it_and_however(store, parsed):
    kept = store.save(evidence())
    others = [Store(store.root, Redactor()) for _ in range(3)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda i: others[i % 3].load(kept.path), range(32))) == [kept] * 32
    assert store.query() == [kept]
    assert others[0].search(scenario=kept.scenario).evidence == (kept,)
    assert parsed == [kept.id]


def test_a_changed_file_is_parsed_again_even_if_its_size_and_time_stay(store, parsed):
    kept = store.save(evidence(fix="take"))
    assert store.load(kept.path).fix == "take"
    before = kept.path.stat()
    write_atomic(kept.path, kept.path.read_bytes().replace(b'"take"', b'"copy"'))
    os.utime(kept.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert store.load(kept.path).fix == "copy"
    kept.path.unlink()
    assert store.query() == []
    assert len(parsed) == 2


def test_a_trial_is_saved_once_complete_with_its_label(store):
    mark = {"kind": "compare", "id": "1", "round": 3}
    kept = store.save(evidence(label=mark, decided_by="ab" * 32))
    assert label_of(store.load(kept.path)) == mark
    assert store.load(kept.path).decided_by == "ab" * 32
    assert files(store) == [f"{kept.id}.json"]


WRITER = """
import os, sys
from pathlib import Path
from repro.evidence.labels import label_of
from repro.evidence.record import Evidence
from repro.evidence.redact import Redactor
from repro.evidence.store import Store
from tests.evidence.examples import evidence

def stuck(_):
    print("writing", flush=True)
    sys.stdin.read()

os.fsync = stuck
Store(Path(sys.argv[1]), Redactor()).save(evidence())
"""


def test_what_a_hung_up_writer_left_is_removed_once_nobody_can_be_writing_it(tmp_path):
    root = tmp_path / "reports"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, root],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"writing\n"
    writer.send_signal(signal.SIGHUP)
    writer.communicate()
    (left,) = (root / "evidence" / "embed-sliced-list").iterdir()
    assert left.name.endswith(".tmp")
    store = Store(root, Redactor())
    assert store.query() == []
    assert left.exists(), "it may be another machine's, in the middle of a write"
    os.utime(left, (0, 0))
    mine = Store(root, Redactor()).save(evidence())
    assert files(store) == [f"{mine.id}.json"]


def test_a_missing_file_is_named(store):
    with pytest.raises(UserError, match=r"cannot read .*nothing\.json"):
        store.load(store.root / "nothing.json")


def test_trials_that_end_together_do_not_overwrite_each_other(store):
    with ThreadPoolExecutor(8) as pool:
        kept = list(pool.map(lambda _: store.save(evidence()), range(64)))
    assert len({k.path for k in kept}) == 64
    assert len(store.query()) == 64


@pytest.mark.parametrize("name", ["flame.html", "stacks.svg"])
def test_an_attached_page_or_picture_is_redacted_and_still_shows_its_placeholders(store, name):
    path = store.attach("exit-hang", name, "<text>/tmp/x my own secret value</text>")
    assert path.startswith("evidence/exit-hang/")
    assert path.endswith(f"-{name}")
    assert (store.root / path).read_text() == "<text>&lt;tmp&gt;/x &lt;secret&gt;</text>"


def test_an_attached_text_is_redacted_as_text(store):
    path = store.attach("exit-hang", "stacks.txt", "in /tmp/x: half a pair \udc80")
    assert (store.root / path).read_bytes() == b"in <tmp>/x: half a pair \\udc80"
