"""sharded-cache: what its oracle calls a broken promise, what its claims need, and the caches themselves, tried."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from repro import bugs
from repro.bugs import calls, pending
from repro.bugs.declaration import ClaimVerdict
from repro.bugs.sharded_cache import prepare
from repro.bugs.sharded_cache.oracle import RULES, batches_held, growth
from repro.errors import UserError
from repro.lab import Lab
from repro.model import Outcome, Symptom, Verdict
from tests.evidence.examples import evidence

BUG = bugs.load("sharded-cache")
MIB = 1 << 20
EXPECTED = {"row_size": MIB, "sha256": "right"}


def judged(scenario: str, symptom: Symptom = Symptom.OK, **measures: Any) -> Verdict:
    return calls.judge(BUG, scenario, Outcome(symptom, "as seen", measures=measures), EXPECTED)


def write(batch: int, rows: int, peak: int | None, **more: Any) -> dict[str, Any]:
    before = None if peak is None else 0
    return {"batch_bytes": batch * MIB, "rows": rows, "before_bytes": before, "peak_bytes": peak and peak * MIB, **more}


def kill(state: str = "complete", recovered: bool = True, left: int = 0) -> dict[str, Any]:
    return {"state": state, "recovered": recovered, "left_files": left, "left_bytes": left * 10}


# --- memory -------------------------------------------------------------------------------------------------------


def test_what_a_writer_needs_whatever_its_batch_counts_for_no_batch():
    assert batches_held([write(8, 24, 108), write(32, 96, 132)]) == 1.0
    assert batches_held([write(8, 24, 28), write(32, 96, 100)]) == 3.0
    assert batches_held([write(8, 24, None), write(32, 96, 100)]) is None


def test_growth_is_that_of_a_further_batch():
    assert growth([write(8, 24, 30), write(8, 120, 30)], MIB) == 0.0
    assert growth([write(8, 24, 30), write(8, 124, 130)], MIB) == 1.0


@pytest.mark.parametrize(
    ("scenario", "writes", "symptom"),
    [
        ("memory-of-bytes", [write(8, 24, 8), write(32, 96, 32)], Symptom.OK),
        ("memory-of-bytes", [write(8, 24, 8), write(32, 96, 45)], Symptom.WRONG_OUTPUT),
        ("memory-of-more-rows", [write(8, 24, 30), write(8, 120, 31)], Symptom.OK),
        ("memory-of-more-rows", [write(8, 24, 30), write(8, 120, 50)], Symptom.WRONG_OUTPUT),
        ("default-batch", [write(1000, 1000, 1500)], Symptom.OK),
        ("default-batch", [write(2200, 1000, 0, raised="TypeError: Cannot convert")], Symptom.ERROR),
    ],
)
def test_more_than_about_a_batch_is_the_bug_and_so_is_a_batch_that_cannot_be_made(scenario, writes, symptom):
    verdict = judged(scenario, writes=writes)
    assert (verdict.symptom, verdict.is_bug) == (symptom, symptom is not Symptom.OK)


def test_a_write_that_fails_otherwise_is_another_failure():
    verdict = judged("memory-of-bytes", writes=[write(8, 24, 8, raised="OSError: no space")])
    assert (verdict.symptom, verdict.is_bug) == (Symptom.ERROR, False)
    assert judged("memory-of-bytes", writes=[write(8, 24, None), write(32, 96, None)]).symptom is Symptom.UNSUPPORTED


def test_a_writer_that_is_killed_at_the_cap_breaks_the_promise_of_memory_and_no_other():
    assert judged("memory-of-lists", Symptom.OUT_OF_MEMORY).is_bug
    assert not judged("damaged-files", Symptom.OUT_OF_MEMORY).is_bug


# --- rebuilds -----------------------------------------------------------------------------------------------------

GONE, TORN, MIXED = "nothing to open", "passes, and rows are missing", "passes, with rows of two versions"


@pytest.mark.parametrize("state", [GONE, TORN, MIXED])
def test_one_look_without_a_complete_cache_is_the_bug(state):
    assert not judged("rebuild-under-readers", seen={"complete": 500}, longest_ms=0.0).is_bug
    verdict = judged("rebuild-under-readers", seen={"complete": 500, state: 1}, longest_ms=7.4)
    assert verdict.is_bug and f"1 {state}" in verdict.reason and "7 ms" in verdict.reason


def test_a_writer_that_did_not_end_well_proves_nothing_good():
    assert judged("rebuild-under-readers", seen={"complete": 9}, longest_ms=0.0, writer="OSError: full").is_bug
    assert judged("rebuild-step-by-step", seen={"complete": 9}, end=GONE).is_bug
    assert judged("rebuild-under-readers", seen={}, longest_ms=0.0).is_bug


@pytest.mark.parametrize(
    ("scenario", "kills", "broken"),
    [
        ("killed-rebuild", [kill(), kill()], False),
        ("killed-rebuild", [kill(), kill(GONE)], True),
        ("killed-first-write", [kill(GONE), kill()], False),
        ("killed-first-write", [kill(GONE), kill(TORN)], True),
        ("killed-first-write", [kill(GONE, left=2)], True),
        ("killed-rebuild", [kill(recovered=False)], True),
        ("killed-rebuild", [], True),
    ],
)
def test_a_kill_leaves_a_whole_version_or_none_and_the_next_write_no_rest(scenario, kills, broken):
    assert judged(scenario, kills=kills).is_bug is broken


@pytest.mark.parametrize(
    ("versions", "rows", "why", "broken"),
    [([0], 32, "", False), ([0, 1], 32, "", True), ([0], 3, "OSError", True), ([0], 30, "", True)],
)
def test_a_reader_that_has_begun_stays_on_its_version(versions, rows, why, broken):
    assert judged("lazy-reader", wanted=32, found={"versions": versions, "rows": rows, "why": why}).is_bug is broken


def test_a_reader_that_died_is_another_failure():
    verdict = judged("lazy-reader", wanted=32, signal="SIGBUS")
    assert (verdict.symptom, verdict.is_bug, verdict.reason) == (Symptom.ERROR, False, "SIGBUS")


# --- single values ------------------------------------------------------------------------------------------------


def picture(same_bytes: bool = True, same_pixels: bool = True) -> dict[str, Any]:
    return {"format": "JPEG", "bytes": [5433, 2857], "same_bytes": same_bytes, "same_pixels": same_pixels}


def test_a_picture_that_came_from_a_file_keeps_its_bytes_and_another_one_its_pixels():
    assert not judged("pictures-opened", pictures={"JPEG opened": picture()}).is_bug
    assert judged("pictures-opened", pictures={"JPEG opened": picture(same_bytes=False)}).is_bug
    assert not judged("pictures-made", pictures={"an array": picture(same_bytes=False)}).is_bug
    assert judged("pictures-made", pictures={"an array": picture(same_bytes=False, same_pixels=False)}).is_bug


@pytest.mark.parametrize(
    ("scenario", "name", "case", "came", "broken"),
    [
        ("damaged-files", "damages", "shard missing", "refused: x", False),
        ("damaged-files", "damages", "shard missing", "passed", True),
        ("damaged-files", "damages", "untouched", "passed", False),
        ("damaged-files", "damages", "untouched", "refused: x", True),
        ("schema-changes", "schemas", "another type", "passed", True),
        ("schema-changes", "schemas", "same: labels as a list", "refused: x", True),
        ("schema-changes", "schemas", "same: labels as a list", "passed", False),
        ("silent-losses", "losses", "label 5 of 2", "stored as 5", True),
        ("silent-losses", "losses", "label 5 of 2", "refused: x", False),
    ],
)
def test_what_is_wrong_is_refused_and_what_is_right_is_not(scenario, name, case, came, broken):
    outcome = Outcome(Symptom.OK, "as seen", measures={name: {case: came}})
    verdict = calls.judge(BUG, scenario, outcome, EXPECTED)
    assert verdict.is_bug is broken and (case in verdict.reason) is broken


@pytest.mark.parametrize(
    ("scenario", "measures", "broken"),
    [
        ("shard-counts", {"counts": [{"rows": 0, "shards": []}, {"rows": 5, "shards": [4, 1]}]}, False),
        ("shard-counts", {"counts": [{"rows": 4, "shards": [4, 0]}]}, True),
        ("shard-counts", {"counts": [{"rows": 5, "shards": [4]}]}, True),
        ("shard-sizes", {"sizes": [{"batch_bytes": 1, "target_bytes": 4, "largest_bytes": 5}]}, False),
        ("shard-sizes", {"sizes": [{"batch_bytes": 16, "target_bytes": 4, "largest_bytes": 16}]}, True),
        ("reading", {"found": {"allocated_bytes": 0}, "source_bytes": 100, "ratio": 1.1}, False),
        ("reading", {"found": {"allocated_bytes": 99}, "source_bytes": 100, "ratio": 1.1}, True),
        ("reading", {"found": {"allocated_bytes": 0}, "source_bytes": 100, "ratio": 2.0}, True),
        ("folder-names", {"names": [["a"] * 3, ["b"] * 3]}, False),
        ("folder-names", {"names": [["a", "a", "c"], ["b"] * 3]}, True),
        ("folder-names", {"names": [["a"] * 3, ["a"] * 3]}, True),
        ("lock-names", {"waited": False}, False),
        ("lock-names", {"waited": True}, True),
        ("round-trip", {"sha256": "right"}, False),
        ("round-trip", {"sha256": "wrong"}, True),
    ],
)
def test_each_promise_can_be_kept_and_broken(scenario, measures, broken):
    assert judged(scenario, **measures).is_bug is broken


@pytest.mark.parametrize("scenario", [scenario.name for scenario in BUG.scenarios])
def test_a_probe_that_says_nothing_is_at_fault_itself(scenario):
    assert scenario in RULES
    assert judged(scenario).symptom is Symptom.KIT_FAULT


@pytest.mark.parametrize("wrong", [{"row_size": 1000}, {"batch_bytes": 1000}, {"rows": 0}, {"readers": 0}])
def test_what_makes_no_cache_is_said(tmp_path, wrong):
    given = {parameter.name: parameter.default for parameter in BUG.parameters} | wrong
    with pytest.raises(UserError):
        calls.prepare(BUG, "round-trip", given, tmp_path)


def test_the_probe_and_the_oracle_mean_the_same_rows():
    probe = (BUG.folder / "acts.py").read_text("utf-8")
    assert '(b"%16d" % number * (size // 16 + 1))[:size]' in probe
    assert prepare.content(3, 20) == b"               3    "


# --- the caches ---------------------------------------------------------------------------------------------------


@pytest.fixture
def lab(tmp_path: Path, shared_cache: Path) -> Lab:
    return Lab("datasets==5.2.0 pyarrow==26.0.1", quiet=True, reports=tmp_path, cache=shared_cache)


@pytest.mark.slow
@pytest.mark.targets
@pytest.mark.parametrize("fix", ["none", "arrow-cache"])
@pytest.mark.parametrize("scenario", ["round-trip", "shard-counts", "pictures-as-they-are", "failing-source"])
def test_what_the_design_promises_and_keeps(lab, scenario, fix):
    assert lab.run(BUG.slug, scenario=scenario, fix=fix, parameters=BUG.small, show=False).worst.verdict.symptom.healthy


BROKEN = ["memory-of-lists", "rebuild-step-by-step", "lazy-reader", "damaged-files", "silent-losses", "pictures-opened"]


@pytest.mark.slow
@pytest.mark.targets
@pytest.mark.parametrize("scenario", BROKEN)
def test_what_it_breaks_the_recipe_keeps(lab, scenario):
    asked = [
        lab.question(BUG.slug, scenario=scenario, fix=fix, parameters=BUG.small) for fix in ("none", "arrow-cache")
    ]
    broken, kept = lab.run_all(asked)
    assert broken.worst.verdict.is_bug
    assert kept.worst.verdict.symptom is Symptom.OK, kept.reason


# --- the claims ---------------------------------------------------------------------------------------------------

CLAIMS = {claim.slug: claim for claim in BUG.claims}


def seen(scenario: str, broken: bool = False, **measures: Any) -> Any:
    symptom = Symptom.WRONG_OUTPUT if broken else Symptom.OK
    outcome = Outcome(symptom, "as seen", measures=measures)
    return evidence(
        bug=BUG.slug, scenario=scenario, fix="none", outcome=outcome, verdict=Verdict(symptom, broken, "why")
    )


def memory(peak: int, grows: bool = False) -> list[Any]:
    kinds = [f"memory-of-{kind}" for kind in ("bytes", "files", "arrays", "lists")]
    writes = [write(8, 24, 8), write(32, 96, 8 + peak)]
    return [*(seen(kind, peak > 36, writes=writes) for kind in kinds), seen("memory-of-more-rows", grows)]


def rebuilt(broken: bool) -> list[Any]:
    return [seen("rebuild-under-readers", broken), seen("rebuild-step-by-step", broken)]


def killed(first: dict[str, Any], again: dict[str, Any]) -> list[Any]:
    return [seen("killed-first-write", kills=[first]), seen("killed-rebuild", kills=[again])]


def jpegs(opened: bool) -> list[Any]:
    whole = seen("pictures-as-they-are", pictures={"JPEG as bytes": picture()})
    return [whole, seen("pictures-opened", not opened, pictures={"JPEG opened": picture(opened)})]


CONFIRMED, REFINED, REFUTED = ClaimVerdict.CONFIRMED, ClaimVerdict.REFINED, ClaimVerdict.REFUTED
CASES = [
    ("one-batch", memory(24), CONFIRMED),
    ("one-batch", memory(78), REFINED),
    ("one-batch", memory(24, grows=True), REFUTED),
    ("one-batch", [*memory(24), seen("default-batch", True)], REFINED),
    ("no-empty-shard", [seen("shard-counts")], CONFIRMED),
    ("no-empty-shard", [seen("shard-counts", True)], REFUTED),
    ("atomic", [*rebuilt(False), *killed(kill(GONE), kill())], CONFIRMED),
    ("atomic", [*rebuilt(True), *killed(kill(GONE), kill())], REFINED),
    ("atomic", [*rebuilt(False), *killed(kill(GONE), kill(GONE))], REFINED),
    ("atomic", [*rebuilt(True), *killed(kill(TORN), kill(TORN))], REFUTED),
    ("target-size", [seen("shard-sizes")], CONFIRMED),
    ("target-size", [seen("shard-sizes", True)], REFINED),
    ("keeps-jpeg", jpegs(True), CONFIRMED),
    ("keeps-jpeg", jpegs(False), REFINED),
    ("fingerprint", [seen("schema-changes", schemas={"another type": "refused: x"})], CONFIRMED),
    ("fingerprint", [seen("schema-changes", schemas={"a": "refused: x", "b": "passed"})], REFINED),
    ("fingerprint", [seen("schema-changes", schemas={"another type": "passed"})], REFUTED),
    ("sequential", [seen("reading", ratio=1.1)], CONFIRMED),
    ("sequential", [seen("reading", ratio=2.1)], REFUTED),
    ("memory-mapped", [seen("reading", found={"allocated_bytes": 0}, source_bytes=100)], CONFIRMED),
    ("memory-mapped", [seen("reading", found={"allocated_bytes": 90}, source_bytes=100)], REFUTED),
    ("validates", [seen("damaged-files", damages={"untouched": "passed", "cut": "refused: x"})], CONFIRMED),
    ("validates", [seen("damaged-files", damages={"cut": "refused: x", "missing": "passed"})], REFINED),
    ("validates", [seen("damaged-files", damages={"untouched": "passed", "missing": "passed"})], REFUTED),
    ("cleans-up", [seen("failing-source"), *killed(kill(), kill())], CONFIRMED),
    ("cleans-up", [seen("failing-source"), *killed(kill(), kill(left=1))], REFINED),
    ("cleans-up", [seen("failing-source", True), *killed(kill(), kill())], REFUTED),
    ("original-bytes", [seen("pictures-as-they-are"), seen("pictures-made")], CONFIRMED),
    ("original-bytes", [seen("pictures-as-they-are"), seen("pictures-made", True)], REFINED),
    ("folder-name", [seen("folder-names")], CONFIRMED),
    ("own-lock", [seen("lock-names")], CONFIRMED),
    ("own-lock", [seen("lock-names", True)], REFINED),
]


@pytest.mark.parametrize(("slug", "trials", "verdict"), CASES)
def test_the_evidence_decides(slug, trials, verdict):
    finding = CLAIMS[slug].rule(trials)
    assert finding.verdict is verdict
    assert finding.evidence and "why" in finding.measured


def test_small_inputs_say_something_only_where_there_are_no_larger_ones():
    large = seen("reading", broken=True)
    small = replace(seen("reading"), parameters=dict(BUG.small))
    found = CLAIMS["sequential"].rule([large, small])
    assert found.evidence == (large.shown_path,)
    assert CLAIMS["sequential"].rule([small]).evidence == (small.shown_path,)


@pytest.mark.parametrize("slug", CLAIMS)
def test_without_the_evidence_of_each_scenario_nothing_is_said(slug):
    fixed = evidence(
        bug=BUG.slug, scenario="shard-counts", fix="arrow-cache", verdict=Verdict(Symptom.OK, False, "why")
    )
    finding = CLAIMS[slug].rule([fixed])
    assert finding.verdict is ClaimVerdict.NOT_YET_TESTED
    named = finding.measured.removeprefix("run: repro run sharded-cache --scenario ")
    assert named in {scenario.name for scenario in BUG.scenarios}


def test_no_claim_of_the_module_waits_any_more():
    waiting = [claim for claims in pending.chapters().values() for claim in claims]
    assert not [claim.slug for claim in waiting if claim.source == "sharded cache module"]
    assert {case[0] for case in CASES} == set(CLAIMS)
