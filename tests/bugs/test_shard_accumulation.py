"""shard-accumulation: what the oracle calls the bug, what the claims rest on, and what a real push leaves."""

import ast
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro import bugs
from repro.bugs import calls
from repro.bugs.declaration import ClaimFinding, ClaimVerdict, FixKind
from repro.bugs.shard_accumulation import prepare as inputs
from repro.bugs.shard_accumulation.oracle import SHARE
from repro.errors import UserError
from repro.lab import Lab
from repro.model import Outcome, Status, Symptom
from tests.evidence.examples import evidence, evidences

BUG = bugs.load("shard-accumulation")
CLAIMS = {claim.slug: claim for claim in BUG.claims}
MIB = 1 << 20
SHARD, BASE = 4 * MIB, 150 * MIB


def pushes(
    counts: tuple[int, ...] = (4, 16, 64), *, kept: float = 0.0, left: int = 0, above: int = 50 * MIB, **other: Any
) -> list[dict[str, Any]]:
    """Pushes that end well and keep so much of each shard in memory, with so many files left by each."""
    return [
        {
            "shards": count,
            "signal": None,
            "status": 0,
            "baseline_bytes": BASE,
            "own_bytes": BASE + above + int(kept * SHARD * count),
            "worker_bytes": 0,
            "left_files": left,
            "left_bytes": left * SHARD,
            "stored_bytes": count * SHARD,
            **other,
        }
        for count in counts
    ]


def judged(scenario: str, made: list[dict[str, Any]], symptom: Symptom = Symptom.OK) -> Any:
    expected = inputs.prepare(scenario, {"shard_bytes": SHARD}, BUG.folder).expected
    return calls.judge(BUG, scenario, Outcome(symptom, "why", measures={"pushes": made}), expected)


# --- the oracle ---------------------------------------------------------------------------------------------------


def test_every_declared_scenario_has_inputs_and_no_other():
    assert {scenario.name for scenario in BUG.scenarios} == set(inputs.SCENARIOS)


@given(st.floats(-0.3, 3), st.integers(0, 1 << 30))
def test_memory_is_judged_by_its_growth_with_the_number_of_shards_and_not_by_its_height(kept, above):
    if abs(kept - SHARE) < 0.01:
        return
    verdict = judged("memory", pushes(kept=kept, above=above))
    assert verdict.is_bug == (verdict.symptom is Symptom.WRONG_OUTPUT) == (kept > SHARE)


def test_a_growth_of_nearly_nothing_is_nothing_and_has_no_sign():
    assert "grows by 0.00 of a shard" in judged("memory", pushes(kept=-0.001)).reason


def test_shards_that_pile_up_in_workers_count_for_each_worker():
    made = pushes((4, 16, 64))
    for one in made:
        one["worker_bytes"] = BASE + one["shards"] // 2 * SHARD
    assert judged("memory-of-two-processes", made).is_bug
    assert "1.00 of a shard" in judged("memory-of-two-processes", made).reason


@pytest.mark.parametrize("scenario", ["after-push", "after-push-of-two-processes"])
def test_one_file_that_stays_is_the_bug(scenario):
    assert not judged(scenario, pushes((4,))).is_bug
    found = judged(scenario, pushes((4,), left=1))
    assert (found.is_bug, found.reason) == (True, "1 temporary file with 4.00 MiB left after a push of 4 shards")


@pytest.mark.parametrize(
    ("scenario", "end"),
    [
        ("after-push", {"status": 1}),
        ("memory", {"status": 1}),
        ("after-error", {"status": 0}),
        ("after-kill", {"status": 1}),
        ("after-push", {"status": -9, "signal": "SIGKILL"}),
    ],
)
def test_a_push_that_ends_otherwise_than_it_should_is_another_failure_whatever_it_left(scenario, end):
    counts = tuple(inputs.SCENARIOS[scenario]["shards"])
    verdict = judged(scenario, pushes(counts, left=4, kept=1, **end))
    assert (verdict.symptom, verdict.is_bug) == (Symptom.ERROR, False)


def test_a_push_that_stored_too_little_says_nothing_of_memory():
    verdict = judged("memory", pushes(stored_bytes=10))
    assert (verdict.symptom, verdict.is_bug) == (Symptom.WRONG_OUTPUT, False)


def test_a_kill_and_a_refused_upload_are_judged_by_what_they_leave():
    killed: dict[str, Any] = {"status": -9, "signal": "SIGKILL", "stored_bytes": 0}
    assert judged("after-kill", pushes((4,), left=2, **killed)).is_bug
    assert judged("after-kill", pushes((4,), **killed)).symptom is Symptom.OK
    under_way = judged("after-kill", pushes((4,), left=1, **killed))
    assert under_way.symptom is Symptom.OK and under_way.reason.startswith("1 temporary file")
    assert judged("after-error", pushes((4,), left=2, status=1, stored_bytes=0)).is_bug


def test_a_probe_that_did_not_finish_its_pushes_is_a_fault_of_the_kit():
    assert judged("memory", pushes((4, 16))).symptom is Symptom.KIT_FAULT


def test_where_nobody_tells_memory_it_is_unsupported():
    assert judged("memory", pushes(own_bytes=None)).symptom is Symptom.UNSUPPORTED


@given(st.sampled_from([one for one in Symptom if one not in {Symptom.OK}]), st.sampled_from(BUG.scenarios))
def test_a_probe_that_fails_itself_is_another_failure(symptom, scenario):
    assert not judged(scenario.name, pushes(left=1, kept=1), symptom).is_bug


@pytest.mark.parametrize("size", [1, 1 << 30])
def test_a_size_that_tells_nothing_is_refused_with_the_sizes_that_do(size):
    with pytest.raises(UserError, match="give 1MiB to 64MiB"):
        inputs.prepare("memory", {"shard_bytes": size}, BUG.folder)


@pytest.mark.parametrize("fix", [one for one in BUG.fixes if one.kind is FixKind.WORKAROUND], ids=lambda one: one.name)
def test_a_workaround_is_one_file_to_paste_that_imports_nothing_of_the_kit(fix):
    tree = ast.parse(fix.path.read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    foreign = {name.partition(".")[0] for name in imported} - sys.stdlib_module_names
    assert foreign <= {"datasets", "pyarrow", "huggingface_hub"}


# --- the claims ---------------------------------------------------------------------------------------------------


def trial(scenario: str = "memory", fix: str = "none", datasets: str = "5.2.0", **made: Any) -> Any:
    measures = {"pushes": pushes(**made)}
    return evidence(
        bug=BUG.slug,
        scenario=scenario,
        fix=fix,
        outcome=Outcome(Symptom.OK, "", measures=measures),
        verdict=judged(scenario, measures["pushes"]),
        parameters={"shard_bytes": SHARD},
        target={"spec": "x", "datasets": datasets, "packages": {}},
    )


APART, KEPT, COLLECTED = "memory-of-two-processes", "memory-kept", "memory-collected"
CONFIRMED, REFUTED, REFINED = ClaimVerdict.CONFIRMED, ClaimVerdict.REFUTED, ClaimVerdict.REFINED
WAITS = ClaimVerdict.NOT_YET_TESTED
FLAT, STEEP = trial(), trial(kept=1.0)
CASES = [
    ("push-accumulates", [FLAT, trial(APART)], REFUTED),
    ("push-accumulates", [STEEP, trial(APART, kept=1.0)], CONFIRMED),
    ("push-accumulates", [STEEP, trial(APART)], REFINED),
    ("push-accumulates", [trial(datasets="4.4.2", kept=1.0), FLAT, trial(APART)], REFINED),
    ("push-accumulates", [FLAT], WAITS),
    ("free-memory", [trial(KEPT, kept=1.0), FLAT], CONFIRMED),
    ("free-memory", [trial(KEPT), FLAT], REFUTED),
    ("free-memory", [trial(KEPT, kept=1.0, datasets="4.5.0"), trial(datasets="4.5.0"), trial(KEPT), FLAT], REFINED),
    ("free-memory", [trial(KEPT, kept=1.0), STEEP], WAITS),
    ("free-memory", [trial(KEPT, kept=1.0), trial(datasets="4.5.0")], WAITS),
    ("gc-collect", [trial(COLLECTED), FLAT], CONFIRMED),
    ("gc-collect", [trial(COLLECTED), STEEP], REFUTED),
    ("gc-collect", [trial(COLLECTED)], WAITS),
    ("custom-loop", [trial(fix="own-loop", above=20 * MIB), FLAT], CONFIRMED),
    ("custom-loop", [trial(fix="own-loop", above=50 * MIB), FLAT], REFUTED),
    ("custom-loop", [trial(fix="own-loop", above=60 * MIB), FLAT], REFUTED),
    ("custom-loop", [trial(fix="own-loop"), trial(datasets="4.5.0")], WAITS),
]


@pytest.mark.parametrize(("slug", "found", "verdict"), CASES)
def test_each_claim_is_judged_by_what_was_measured(slug, found, verdict):
    finding = CLAIMS[slug].rule(found)
    assert finding.verdict is verdict
    assert bool(finding.evidence) == (verdict is not WAITS)


def test_a_finding_names_the_releases_and_the_growth():
    said = CLAIMS["push-accumulates"].rule([trial(datasets="4.4.2", kept=0.02), FLAT, trial(APART)]).measured
    assert "memory: datasets 4.4.2 to 5.2.0 (2 releases): 0.00 to 0.02 of a shard" in said


@given(st.sampled_from(BUG.claims), st.lists(evidences, max_size=2))
def test_evidence_of_anything_else_decides_nothing(claim, found):
    assert isinstance(claim.rule(found), ClaimFinding)


# --- in released versions -----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.targets
@pytest.mark.parametrize(
    ("release", "scenario", "fix", "status"),
    [
        ("4.6.0", "after-push", "none", Status.PRESENT),
        ("4.6.0", "after-push", "private-tmpdir", Status.ABSENT),
        ("4.6.0", "after-push", "own-loop", Status.ABSENT),
        ("4.6.0", "after-push", "remove-after-upload", Status.ABSENT),
        ("4.6.0", "after-error", "none", Status.PRESENT),
        ("4.6.1", "after-push", "none", Status.ABSENT),
        ("4.5.0", "after-kill", "none", Status.ABSENT),
        ("5.2.0", "after-kill", "none", Status.ABSENT),  # one file, of the shard that was under way
        ("4.6.0", "after-kill", "none", Status.PRESENT),
        ("4.5.0", "memory-kept", "none", Status.PRESENT),  # the measure can see shards that pile up
        ("5.2.0", "memory", "none", Status.ABSENT),
        ("5.2.0", "one-file", "none", Status.ABSENT),
    ],
)
def test_what_a_real_push_leaves(tmp_path, release, scenario, fix, status):
    lab = Lab(reports=tmp_path, quiet=True, target=f"datasets=={release} pyarrow==26.0.1")
    assert lab.run(BUG.slug, scenario=scenario, fix=fix).status is status
