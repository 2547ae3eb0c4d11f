"""What the reports of #7894 say, judged from evidence made up for the purpose: each rule must be able to say no."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro import bugs
from repro.bugs.declaration import ClaimFinding, ClaimVerdict
from repro.model import Killer, Outcome, Symptom, Verdict
from tests.evidence.examples import evidence, evidences

CLAIMS = {claim.slug: claim for claim in bugs.load("embed-sliced-list").claims}
BAR = "Uploading Shards:   0%|          | 0/902"


def seen(
    symptom: Symptom = Symptom.OUT_OF_MEMORY,
    *,
    bug: bool = True,
    scenario: str = "shard-first",
    fix: str = "none",
    datasets: str = "5.1.0",
    parameters: Mapping[str, Any] | None = None,
    stderr: str = BAR,
    needed: int = 100 << 20,
):
    """One trial at the scale of the report unless ``parameters`` say otherwise."""
    killed = symptom is Symptom.OUT_OF_MEMORY
    outcome = Outcome(
        symptom,
        "",
        signal="SIGKILL" if killed else None,
        killer=Killer.KERNEL if killed else None,
        stderr_tail=stderr,
        measures={"files_opened": 900, "files_needed": 3, "bytes_needed": needed},
        peak_rss_bytes=1 << 30,
    )
    return evidence(
        scenario=scenario,
        fix=fix,
        outcome=outcome,
        verdict=Verdict(symptom, bug, "why"),
        parameters={"inputs": None, "rows": None} | dict(parameters or {}),
        target={"spec": f"datasets=={datasets}", "python": "3.11.7", "datasets": datasets, "packages": {}},
    )


def fine(**options: Any):
    return seen(Symptom.OK, bug=False, **options)


def judged(slug: str, *trials: Any) -> ClaimFinding:
    return CLAIMS[slug].rule(trials)


SMALL = {"rows": 8}
CONFIRMED, REFUTED, REFINED = ClaimVerdict.CONFIRMED, ClaimVerdict.REFUTED, ClaimVerdict.REFINED

CASES = [
    ("sigkill-at-0", [seen()], CONFIRMED),
    ("sigkill-at-0", [seen(stderr="Uploading Shards:  30%")], REFUTED),
    ("sigkill-at-0", [seen(Symptom.EXCESS_READ)], REFUTED),
    ("native-crash", [seen()], REFUTED),
    ("native-crash", [seen(Symptom.CRASH), seen()], CONFIRMED),
    ("binary-limit", [seen(scenario="empty-list-row")], REFUTED),
    ("binary-limit", [seen(scenario="empty-list-row", needed=3 << 30)], CONFIRMED),
    ("empty-list", [seen(scenario="empty-list-row")], CONFIRMED),
    ("empty-list", [seen(Symptom.EXCESS_READ, scenario="empty-list-row")], REFUTED),
    ("only-at-scale", [seen(Symptom.EXCESS_READ, parameters=SMALL)], REFINED),
    ("plain-works", [fine(scenario="plain-column")], CONFIRMED),
    ("plain-works", [seen(scenario="plain-column")], REFUTED),
    ("full-works", [seen(bug=False, scenario="full")], REFUTED),
    ("full-works", [fine(scenario="full")], CONFIRMED),
    ("select-too", [seen(Symptom.EXCESS_READ, scenario="select-contiguous", parameters=SMALL)], CONFIRMED),
    ("combine-chunks", [seen(), seen(fix="combine-chunks")], CONFIRMED),
    ("combine-chunks", [seen(), fine(fix="combine-chunks")], REFUTED),
    ("pandas-works", [seen(), fine(fix="pandas-round-trip")], CONFIRMED),
    ("pandas-works", [seen(), seen(fix="pandas-round-trip")], REFUTED),
    ("row-size", [fine(datasets="5.2.0")], REFINED),
]


@pytest.mark.parametrize(("slug", "trials", "verdict"), CASES, ids=[f"{slug} {v}" for slug, _, v in CASES])
def test_the_evidence_decides(slug, trials, verdict):
    finding = judged(slug, *trials)
    assert finding.verdict is verdict
    assert set(finding.evidence) <= {trial.shown_path for trial in trials}
    assert finding.evidence, "a verdict names what it rests on"


def test_a_copy_only_if_the_offset_is_not_zero_is_judged_by_first_and_middle_shard():
    first, middle = (
        seen(fix="contiguous-copy"),
        fine(fix="contiguous-copy", scenario="shard-middle"),
    )
    both = [seen(), seen(scenario="shard-middle"), first, middle]
    assert judged("contiguous-copy", *both).verdict is not CONFIRMED


def test_no_fix_is_refuted_by_a_release_that_is_healthy():
    affected, healed = seen(), fine(datasets="5.2.0")
    assert judged("no-fix", affected, healed).verdict is REFUTED


@pytest.mark.parametrize("slug", CLAIMS)
def test_without_evidence_every_claim_is_untested_and_names_the_command(slug):
    finding = judged(slug)
    assert finding.verdict in (ClaimVerdict.NOT_YET_TESTED, ClaimVerdict.NOT_TESTABLE_HERE)
    if finding.verdict is ClaimVerdict.NOT_YET_TESTED:
        assert finding.measured.startswith("run: repro run embed-sliced-list")


@pytest.mark.parametrize("slug", CLAIMS)
def test_trials_that_say_nothing_decide_nothing(slug):
    faults = [seen(Symptom.KIT_FAULT, bug=False, scenario=name) for name in ("shard-first", "empty-list-row", "full")]
    assert judged(slug, *faults) == judged(slug)


@pytest.mark.parametrize("slug", ["sigkill-at-0", "empty-list", "native-crash", "full-works", "row-size"])
def test_small_inputs_say_nothing_of_the_scale_of_the_report(slug):
    names = ("shard-first", "empty-list-row", "full")
    small = [seen(scenario=name, parameters=SMALL) for name in names]
    assert judged(slug, *small).verdict is ClaimVerdict.NOT_YET_TESTED


def test_the_newest_evidence_counts():
    assert judged("plain-works", seen(scenario="plain-column"), fine(scenario="plain-column")).verdict is CONFIRMED
    assert judged("plain-works", fine(scenario="plain-column"), seen(scenario="plain-column")).verdict is REFUTED


@given(st.lists(evidences, max_size=4))
def test_no_evidence_whatever_makes_a_rule_fall_over(trials):
    for claim in CLAIMS.values():
        assert claim.rule(trials).verdict in ClaimVerdict


def test_slugs_are_unique_and_every_claim_names_its_source():
    claims = bugs.load("embed-sliced-list").claims
    assert len(CLAIMS) == len(claims)
    assert all(claim.text and claim.source for claim in claims)
