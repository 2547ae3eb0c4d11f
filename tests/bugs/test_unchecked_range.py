"""``unchecked-range``: what counts as silent, which requests the faults are for, and what the claims rest on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest

from repro import bugs
from repro.bugs.declaration import ClaimVerdict
from repro.bugs.unchecked_range.claims import CLAIMS
from repro.bugs.unchecked_range.oracle import asked, fetched, judge
from repro.bugs.unchecked_range.prepare import REPO, prepare
from repro.bugs.unchecked_range.readers import READERS, RETRIED, SCENARIOS
from repro.hub.faults import Plan, parse
from repro.model import Outcome, Symptom, Verdict
from repro.run.scripts import locate
from repro.targets.patching import apply
from tests.conftest import here

BUG = bugs.load("unchecked-range")
EXPECTED = {"sha256": "aa", "amount": 100}


def outcome(down: int = 0, requests: int = 1, **measures: Any) -> Outcome:
    seen = {"path": "/datasets/me/data/resolve/main/case.parquet", "endpoint": "resolve", "fault": "resolve:html@1"}
    hub = {"totals": {"resolve": {"down": down, "requests": requests}}, "requests": [seen] * requests}
    return Outcome(Symptom.OK, "", measures={"raised": "", "sha256": "aa", "amount": 100, "hub": hub, **measures})


def test_wrong_bytes_without_an_error_are_the_bug_and_an_error_is_not() -> None:
    assert judge("open-html", outcome(), EXPECTED) == Verdict(Symptom.OK, False, "all 100 bytes are right")
    other = judge("open-html", outcome(sha256="bb"), EXPECTED)
    assert (other.symptom, other.is_bug, other.reason) == (Symptom.WRONG_OUTPUT, True, "no error, and other content")
    fewer = judge("pandas-empty", outcome(sha256="bb", amount=4), EXPECTED)
    assert (fewer.is_bug, fewer.reason) == (True, "no error, and 4 rows in place of 100")
    noticed = judge("open-html", outcome(sha256="bb", raised="OSError: no"), EXPECTED)
    assert (noticed.symptom, noticed.is_bug, noticed.reason) == (Symptom.OK, False, "noticed: OSError: no")


def test_a_probe_that_says_nothing_or_ends_otherwise_is_not_the_bug() -> None:
    assert judge("open-html", Outcome(Symptom.OK, ""), EXPECTED).symptom is Symptom.KIT_FAULT
    assert judge("open-html", Outcome(Symptom.HANG, "it hung"), EXPECTED) == Verdict(Symptom.HANG, False, "it hung")


def test_a_run_whose_fault_never_came_says_nothing() -> None:
    assert not judge("open-html", outcome(requests=0), EXPECTED).testable
    assert judge("open-well", outcome(requests=0), EXPECTED).testable


def test_every_reader_meets_every_fault_and_one_control() -> None:
    assert len({one.name for one in SCENARIOS}) == len(SCENARIOS)
    assert {one.name.partition("-")[0] for one in SCENARIOS if one.control} == {*READERS, "report"}
    for one in SCENARIOS:
        assert bool(one.faults) is not one.control
        taken, reader = Plan(map(parse, one.faults)), READERS.get(one.name.partition("-")[0])
        met = [bool(reader and taken.take(reader.endpoint, ranged=ranged)) for ranged in (False, True, True)]
        assert sum(met) == len(one.faults)


def test_what_is_asked_again_is_a_question_of_whole_files_parts_and_lists_alike() -> None:
    asked_again = {"open", "stream", "download", "head", "info", "tree"}
    for fault in RETRIED:
        assert {one.name.partition("-")[0] for one in SCENARIOS if one.name.endswith(f"-{fault}")} == asked_again
    assert {one.name for one in SCENARIOS if one.name.startswith("tree-")} >= {"tree-empty", "tree-html", "tree-short"}
    assert not any("range" in one.name for one in SCENARIOS if one.name.startswith(("head-", "info-", "tree-")))


def test_the_inputs_are_made_once_and_each_reader_is_told_its_own_bytes(tmp_path: Path) -> None:
    made = {reader: prepare(f"{reader}-well", {}, tmp_path) for reader in (*READERS, "report")}
    trees = {one.repositories for one in made.values()}
    (tree,) = trees
    assert tree is not None
    files = {path.name: path for path in (tree / "datasets" / REPO).iterdir()}
    assert sorted(files) == ["case.parquet", "image.bin", "rows.csv", "rows.jsonl"]
    assert files["image.bin"].stat().st_size > 20 << 20  # half of it holds what hf_hub_download goes on behind
    assert all(path.stat().st_size > 10 << 20 for path in files.values())  # several blocks of the client
    assert made["stream"].expected["amount"] == files["rows.csv"].stat().st_size
    assert made["pandas"].expected == made["datasets"].expected != made["open"].expected
    assert made["report"].expected == made["parquet"].expected
    assert made["download"].expected == made["head"].expected != made["stream"].expected
    assert made["info"].expected == made["tree"].expected
    assert made["tree"].expected["amount"] == len(files) + 1  # .gitattributes, which every repository has
    before = files["rows.csv"].stat().st_mtime_ns
    prepare("open-well", {}, tmp_path)
    assert files["rows.csv"].stat().st_mtime_ns == before


def witness(seen: Outcome, symptom: Symptom = Symptom.OK) -> Any:
    verdict = Verdict(symptom, symptom is not Symptom.OK, "")
    more = {"scenario": "report", "fix": "none", "target": {"huggingface-hub": "2.4.0"}, "parameters": {}}
    return SimpleNamespace(**more, outcome=seen, verdict=verdict, shown_path="evidence/1.json")


@pytest.mark.parametrize(("slug", "down", "verdict"), [
    ("one-file", 100, ClaimVerdict.REFINED),
    ("one-file", 200, ClaimVerdict.REFUTED),
    ("case-size", 100, ClaimVerdict.REFINED),
    ("case-size", 5, ClaimVerdict.CONFIRMED),
])  # fmt: skip
def test_the_claims_of_the_report_are_judged_by_what_its_code_costs(
    slug: str, down: int, verdict: ClaimVerdict
) -> None:
    (claim,) = (one for one in CLAIMS if one.slug == slug)
    assert claim.rule([]).verdict is ClaimVerdict.NOT_YET_TESTED
    assert claim.rule([witness(outcome(down, raised="OSError"))]).verdict is ClaimVerdict.NOT_YET_TESTED
    finding = claim.rule([witness(outcome(down))])
    assert (finding.verdict, finding.evidence) == (verdict, ("evidence/1.json",))


def test_the_cause_is_found_in_a_release_with_an_address_of_that_release(tmp_path: Path) -> None:
    file = tmp_path / "lib/python3.11/site-packages/huggingface_hub/hf_file_system.py"
    file.parent.mkdir(parents=True)
    file.write_text("def other():\n    return r.content\ndef _fetch_range(self):\n    return r.content\n")
    found = locate(BUG.cause_at, replace(here(), python=tmp_path / "bin/python", packages={"huggingface-hub": "2.4.0"}))
    assert found is not None
    assert found["permalink"].endswith("/v2.4.0/src/huggingface_hub/hf_file_system.py#L4")


def test_requests_and_bytes_are_those_of_files() -> None:
    assert (fetched(outcome(7, 3)), asked(outcome(7, 3)), fetched(Outcome(Symptom.OK, ""))) == (7, 3, None)
    assert asked(Outcome(Symptom.OK, "")) is None


def test_requests_are_counted_of_the_kind_that_went_wrong() -> None:
    requests = [{"endpoint": "tree", "fault": "tree:503"}, {"endpoint": "tree", "fault": ""}]
    totals = {"tree": {"requests": 2, "down": 9}, "resolve": {"requests": 7, "down": 9}}
    assert asked(outcome(hub={"requests": requests, "totals": totals})) == 2


def test_the_exported_test_is_red_as_it_is_and_green_with_the_workaround_and_with_the_patch(tmp_path: Path) -> None:
    code = """
import sys, time
import pytest
time.sleep = lambda seconds: None
if sys.argv[2]:
    names = {}
    exec(open(sys.argv[2]).read(), names)
    names["checked_ranges"]()
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:warnings", "--rootdir", sys.argv[3], sys.argv[1]]))
"""
    test = tmp_path / "test_exported.py"
    test.write_bytes((BUG.folder / "upstream_test.py").read_bytes())
    released, patched = Path(huggingface_hub.__file__).parent, tmp_path / "patched"
    shutil.copytree(released, patched / "huggingface_hub", ignore=shutil.ignore_patterns("__pycache__"))
    apply(BUG.folder / "patches" / "checked_range.patch", patched, {"huggingface-hub": huggingface_hub.__version__})
    ended = []
    for fix, first in (("", ""), (str(BUG.folder / "workarounds" / "checked_ranges.py"), ""), ("", str(patched))):
        command = [sys.executable, "-c", code, str(test), fix, str(tmp_path)]
        environment = {**os.environ, "PYTHONPATH": first}
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
        ended.append((done.returncode, done.stdout.splitlines()[-1].partition(" in ")[0]))
    assert ended == [(1, "5 failed, 1 passed"), (0, "6 passed"), (0, "6 passed")]
