"""What the reports of #7894 say, judged from evidence made up for the purpose: each rule must be able to say no."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repro import bugs
from repro.bugs.declaration import ClaimFinding, ClaimVerdict
from repro.bugs.embed_sliced_list.oracle import NOTHING_EMBEDDED
from repro.model import Killer, Outcome, Symptom, Verdict
from tests.evidence.examples import evidence, evidences

CLAIMS = {claim.slug: claim for claim in bugs.load("embed-sliced-list").claims}
SMALL = {"rows": 8}
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
    needed: int | None = 100 << 20,
    phases: tuple[tuple[float, str], ...] = ((0.1, "build"), (0.2, "embed")),
    why: str = "why",
    code: int = 0,
):
    """One trial at the scale of the report unless ``parameters`` say otherwise."""
    killed = symptom is Symptom.OUT_OF_MEMORY
    outcome = Outcome(
        symptom,
        "",
        signal="SIGKILL" if killed else None,
        killer=Killer.KERNEL if killed else None,
        stderr_tail=stderr,
        measures={"files_opened": 900, "files_needed": 3} | ({} if needed is None else {"bytes_needed": needed}),
        peak_rss_bytes=1 << 30,
        phases=phases,
        exit_code=code,
    )
    return evidence(
        scenario=scenario,
        fix=fix,
        outcome=outcome,
        verdict=Verdict(symptom, bug, why),
        parameters={"inputs": None, "rows": None} | dict(parameters or {}),
        target={"spec": f"datasets=={datasets}", "python": "3.11.7", "datasets": datasets, "packages": {}},
    )


def fine(**options: Any):
    return seen(Symptom.OK, bug=False, **options)


def empty(datasets: str, code: int = 0):
    """A trial that ends well and has embedded nothing."""
    why = f"{NOTHING_EMBEDDED} (opened 0 files, needed 3)"
    return seen(Symptom.WRONG_OUTPUT, bug=False, datasets=datasets, parameters=SMALL, why=why, code=code)


def judged(slug: str, *trials: Any) -> ClaimFinding:
    return CLAIMS[slug].rule(trials)


CONFIRMED, REFUTED, REFINED = ClaimVerdict.CONFIRMED, ClaimVerdict.REFUTED, ClaimVerdict.REFINED

CASES = [
    ("sigkill-at-0", [seen()], CONFIRMED),
    ("sigkill-at-0", [seen(stderr="Uploading Shards:  30%")], REFUTED),
    ("sigkill-at-0", [seen(Symptom.EXCESS_READ)], REFUTED),
    ("native-crash", [seen()], REFUTED),
    ("native-crash", [seen(), seen(Symptom.CRASH)], CONFIRMED),
    ("native-crash", [seen(Symptom.CRASH), seen()], REFUTED),
    ("binary-limit", [seen(scenario="empty-list-row")], REFUTED),
    ("binary-limit", [seen(scenario="empty-list-row", needed=(2 << 30) - 1)], REFUTED),
    ("empty-list", [seen(scenario="empty-list-row")], CONFIRMED),
    ("empty-list", [seen(Symptom.EXCESS_READ, scenario="empty-list-row")], REFUTED),
    ("only-at-scale", [seen(Symptom.EXCESS_READ, parameters=SMALL)], REFINED),
    ("only-at-scale", [seen(parameters=SMALL)], REFUTED),
    ("only-at-scale", [seen(), fine(parameters=SMALL)], CONFIRMED),
    ("plain-works", [fine(scenario="plain-column")], CONFIRMED),
    ("plain-works", [seen(scenario="plain-column")], REFUTED),
    ("full-works", [seen(bug=False, scenario="full")], REFUTED),
    ("full-works", [fine(scenario="full")], CONFIRMED),
    ("select-too", [seen(), seen(Symptom.EXCESS_READ, scenario="select-contiguous", parameters=SMALL)], CONFIRMED),
    ("select-too", [seen(), fine(scenario="select-contiguous", parameters=SMALL)], REFUTED),
    ("combine-chunks", [seen(), seen(fix="combine-chunks")], CONFIRMED),
    ("combine-chunks", [seen(), fine(fix="combine-chunks")], REFUTED),
    ("pandas-works", [seen(), fine(fix="pandas-round-trip")], CONFIRMED),
    ("pandas-works", [seen(), seen(fix="pandas-round-trip")], REFUTED),
    ("pandas-works", [seen(), seen(Symptom.ERROR, bug=False, fix="pandas-round-trip")], REFINED),
    ("large-binary", [seen(), seen(Symptom.ERROR, bug=False, fix="large-binary")], REFINED),
    ("semaphore", [seen()], CONFIRMED),
    ("in-embed", [seen()], CONFIRMED),
    ("in-embed", [seen(phases=((0.1, "build"),))], REFUTED),
    ("in-embed", [seen(phases=())], REFUTED),
    ("no-accumulation", [seen()], CONFIRMED),
    ("num-shards", [seen()], CONFIRMED),
    ("num-shards", [seen(), fine()], REFUTED),
    ("cohort", [seen(bug=False, scenario="full")], ClaimVerdict.NOT_TESTABLE_HERE),
    ("silently-empty", [empty("4.4.1")], CONFIRMED),
    ("silently-empty", [empty("4.4.0")], CONFIRMED),
    ("silently-empty", [empty("4.4.1", code=1)], REFUTED),
    ("silently-empty", [fine(datasets="4.4.1")], REFUTED),
    ("only-on-main", [empty("4.4.2")], CONFIRMED),
    ("only-on-main", [seen(Symptom.EXCESS_READ, datasets="4.4.2", parameters=SMALL)], REFINED),
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
    finding = judged("contiguous-copy", *both)
    assert finding.verdict is REFINED
    assert finding.measured.endswith("its offset is 0, so the guard lets it through")
    assert finding.evidence == (first.shown_path, middle.shown_path)
    assert judged("contiguous-copy", *both[:3]).verdict is ClaimVerdict.NOT_YET_TESTED
    assert judged("contiguous-copy", *both, fine(fix="contiguous-copy")).verdict is CONFIRMED
    assert judged("contiguous-copy", *both, seen(fix="contiguous-copy", scenario="shard-middle")).verdict is REFUTED


def test_no_fix_is_refuted_by_a_later_release_that_is_healthy_and_not_by_an_earlier_one():
    affected, healed, older = seen(), fine(datasets="5.2.0"), fine(datasets="4.9.0")
    assert judged("no-fix", affected, healed).verdict is REFUTED
    assert judged("no-fix", healed, affected).verdict is REFUTED
    assert judged("no-fix", affected, older).verdict is ClaimVerdict.NOT_YET_TESTED


UNDECIDED = [
    ("binary-limit", [seen(scenario="empty-list-row", needed=2 << 30)]),
    ("binary-limit", [seen(scenario="empty-list-row", needed=None)]),
    ("binary-limit", [seen(Symptom.EXCESS_READ, scenario="empty-list-row")]),
    ("native-crash", [seen(Symptom.EXCESS_READ)]),
    ("semaphore", [seen(stderr="There appear to be 1 leaked semaphore objects")]),
    ("select-too", [fine(scenario="select-contiguous", parameters=SMALL)]),
    ("combine-chunks", [fine(fix="combine-chunks")]),
    ("combine-chunks", [seen(), seen(fix="combine-chunks", datasets="5.2.0")]),
    ("num-shards", [seen(stderr="Uploading Shards:   0%|          | 0/10")]),
    ("row-size", [fine(needed=None)]),
    ("cohort", [seen(bug=False, scenario="full", needed=None)]),
    ("silently-empty", [seen(Symptom.WRONG_OUTPUT, bug=False, datasets="4.4.1", parameters=SMALL)]),
    ("silently-empty", [empty("5.1.0")]),
    ("only-on-main", [seen(Symptom.ERROR, bug=False, datasets="4.4.2", parameters=SMALL)]),
]


@pytest.mark.parametrize(("slug", "trials"), UNDECIDED, ids=[slug for slug, _ in UNDECIDED])
def test_evidence_that_would_fit_either_answer_decides_nothing(slug, trials):
    assert judged(slug, *trials).verdict is ClaimVerdict.NOT_YET_TESTED


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
    for other in (SMALL, {"sessions": 10}, {"num_shards": 1}, {"bids_root": "/data"}, {"inputs": "nibabel"}):
        small = [seen(scenario=name, parameters=other) for name in names]
        assert judged(slug, *small).verdict is ClaimVerdict.NOT_YET_TESTED, other


def test_the_scale_of_the_report_may_be_spelled_out():
    spelled = {"inputs": "arc", "sessions": 902, "num_shards": 902, "seed": 7894}
    assert judged("sigkill-at-0", seen(parameters=spelled)).verdict is CONFIRMED


def test_the_newest_evidence_counts():
    assert judged("plain-works", seen(scenario="plain-column"), fine(scenario="plain-column")).verdict is CONFIRMED
    assert judged("plain-works", fine(scenario="plain-column"), seen(scenario="plain-column")).verdict is REFUTED


@settings(max_examples=30)
@given(st.lists(evidences, max_size=4))
def test_no_evidence_whatever_makes_a_rule_fall_over(trials):
    for claim in CLAIMS.values():
        assert claim.rule(trials).verdict in ClaimVerdict


def test_slugs_are_unique_and_every_claim_names_its_source():
    claims = bugs.load("embed-sliced-list").claims
    assert len(CLAIMS) == len(claims)
    assert all(claim.text and claim.source for claim in claims)
