"""What the Spaces report says of the hang, judged from trials made up for the purpose: one rule decides each rate."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repro import bugs
from repro.bugs.declaration import ClaimFinding, ClaimVerdict
from repro.bugs.exit_hang.claims import ON_THE_HUB
from repro.model import Outcome, Symptom, Verdict
from repro.rates import CLEAN_TRIALS
from tests.evidence.examples import evidence, evidences

CLAIMS = {claim.slug: claim for claim in bugs.load("exit-hang").claims}
CONFIRMED, REFUTED, REFINED, WAITS = (
    ClaimVerdict.CONFIRMED,
    ClaimVerdict.REFUTED,
    ClaimVerdict.REFINED,
    ClaimVerdict.NOT_YET_TESTED,
)
HANG, CRASH, OK = Symptom.HANG_AT_EXIT, Symptom.CRASH_AT_EXIT, Symptom.OK
GENERATOR, ITERATOR, LOOP, WHOLE = "arrow-generator", "datasets-iterator", "arrow-loop", "arrow-everything"


def trials(
    scenario: str,
    symptom: Symptom,
    n: int = 1,
    *,
    pyarrow: str = "26.0.1",
    datasets: str | None = None,
    fix: str = "none",
    layout: str = "medium",
) -> list[Any]:
    """``n`` trials with one ending."""
    signal, bug = "SIGABRT" if symptom is CRASH else None, symptom in {HANG, CRASH}
    outcome = Outcome(symptom, "", signal=signal, done=True, exit_s=3.2 if symptom is HANG else 0.1)
    given = {
        "bug": "exit-hang",
        "scenario": scenario,
        "fix": fix,
        "outcome": outcome,
        "verdict": Verdict(symptom, bug, "why"),
        "parameters": {"layout": layout},
        "target": {"spec": "x", "pyarrow": pyarrow, "datasets": datasets or "5.2.0", "packages": {}},
    }
    return [evidence(**given) for _ in range(n)]


def judged(slug: str, *groups: list[Any]) -> ClaimFinding:
    return CLAIMS[slug].rule([one for group in groups for one in group])


FEW, MANY = CLEAN_TRIALS - 1, CLEAN_TRIALS
BAD = trials(GENERATOR, HANG)
CASES = [
    ("streaming-hangs", [trials(ITERATOR, HANG)], REFINED),
    ("streaming-hangs", [trials(ITERATOR, OK, MANY)], REFUTED),
    ("streaming-hangs", [trials(ITERATOR, OK, FEW)], WAITS),
    ("streaming-hangs", [trials(ITERATOR, HANG, datasets="4.0.0"), trials(ITERATOR, OK, MANY)], REFINED),
    ("never-gives-ids", [trials(name, OK, MANY) for name in ON_THE_HUB], REFUTED),
    ("never-gives-ids", [trials(name, OK, MANY) for name in ON_THE_HUB[1:]], WAITS),
    ("never-gives-ids", [trials(ON_THE_HUB[0], OK, FEW), *[trials(n, OK, MANY) for n in ON_THE_HUB[1:]]], WAITS),
    ("never-gives-ids", [trials(name, OK, MANY) for name in ON_THE_HUB] + [trials("hub-groups", HANG)], REFUTED),
    ("never-gives-ids", [trials(ON_THE_HUB[1], OK, MANY), trials(ON_THE_HUB[2], CRASH)], REFINED),
    ("never-gives-ids", [trials(ON_THE_HUB[0], CRASH, datasets="4.0.0"), trials(ON_THE_HUB[0], OK, MANY)], REFINED),
    ("is-arrow", [BAD], CONFIRMED),
    ("is-arrow", [BAD, trials(GENERATOR, OK, MANY, pyarrow="27.0.0")], CONFIRMED),
    ("is-arrow", [trials(GENERATOR, OK, MANY)], WAITS),
    ("is-arrow", [trials(GENERATOR, OK, MANY), trials(ITERATOR, HANG)], REFUTED),
    ("is-arrow", [trials(GENERATOR, OK, FEW), trials(ITERATOR, HANG)], WAITS),
    ("is-arrow", [trials(GENERATOR, OK, MANY), trials(ITERATOR, HANG, pyarrow="25.0.0")], WAITS),
    ("loop", [trials(LOOP, CRASH)], CONFIRMED),
    ("loop", [trials(LOOP, HANG), trials(LOOP, OK, MANY, pyarrow="27.0.0")], REFINED),
    ("loop", [trials(LOOP, OK, MANY)], REFUTED),
    ("loop", [trials(LOOP, OK, MANY), trials(LOOP, OK, FEW, pyarrow="27.0.0")], WAITS),
    ("partial-only", [trials(WHOLE, HANG)], REFINED),
    ("partial-only", [BAD, trials(WHOLE, OK, MANY)], CONFIRMED),
    ("partial-only", [BAD, trials(WHOLE, OK, FEW)], WAITS),
    ("partial-only", [BAD, trials(WHOLE, OK, MANY, pyarrow="27.0.0")], WAITS),
    ("forever", [BAD], CONFIRMED),
    ("forever", [BAD, trials(LOOP, CRASH)], REFINED),
    ("no-fix-eta", [BAD], CONFIRMED),
    ("no-fix-eta", [BAD, trials(GENERATOR, OK, MANY, pyarrow="27.0.0")], REFINED),
    ("no-fix-eta", [BAD, trials(GENERATOR, OK, FEW, pyarrow="27.0.0")], WAITS),
    (
        "no-fix-eta",
        [trials(GENERATOR, HANG, pyarrow="10.0"), trials(GENERATOR, OK, MANY, pyarrow="9.0")],
        CONFIRMED,
    ),
    ("direct-read", [BAD, trials(GENERATOR, OK, MANY, fix="direct-read")], CONFIRMED),
    ("direct-read", [BAD, trials(GENERATOR, OK, FEW, fix="direct-read")], WAITS),
    ("direct-read", [BAD, trials(GENERATOR, HANG, fix="direct-read")], REFUTED),
    ("direct-read", [trials(GENERATOR, OK, MANY, fix="direct-read")], WAITS),
    ("direct-read", [BAD, trials(GENERATOR, Symptom.ERROR, MANY, fix="direct-read")], WAITS),
]


@pytest.mark.parametrize(("slug", "groups", "verdict"), CASES, ids=[f"{slug} {v}" for slug, _, v in CASES])
def test_the_evidence_decides_and_a_clean_race_only_after_enough_trials(slug, groups, verdict):
    finding = judged(slug, *groups)
    assert finding.verdict is verdict, finding
    assert bool(finding.evidence) == (verdict is not WAITS), "a verdict names what it rests on"
    assert finding.measured.startswith("run: repro run exit-hang") == (verdict is WAITS)


@pytest.mark.parametrize("slug", CLAIMS)
@pytest.mark.parametrize("symptom", [Symptom.KIT_FAULT, Symptom.UNSUPPORTED, Symptom.UNSOLVABLE])
def test_trials_that_say_nothing_decide_nothing(slug, symptom):
    faults = [trials(scenario, symptom, MANY) for scenario in (GENERATOR, ITERATOR, LOOP, WHOLE, *ON_THE_HUB)]
    assert judged(slug, *faults) == judged(slug)


@pytest.mark.parametrize("slug", sorted(set(CLAIMS) - {"forever"}))
def test_other_layouts_are_another_question(slug):
    others = [trials(scenario, HANG, layout="small") for scenario in (GENERATOR, ITERATOR, LOOP, WHOLE, *ON_THE_HUB)]
    assert judged(slug, *others).verdict is WAITS


def test_an_unsettled_rate_is_said_with_what_is_missing():
    finding = judged("direct-read", BAD, trials(GENERATOR, OK, FEW, fix="direct-read"))
    assert f"unsettled: not seen in {FEW} trials" in finding.measured


def test_the_ways_to_fail_are_counted_and_named():
    finding = judged("forever", trials(GENERATOR, HANG, 3), trials(GENERATOR, CRASH, 2))
    assert finding.measured == "of 5 failures 3 were hangs (the longest was ended after 3.2 s) and 2 crashes (SIGABRT)"


@settings(max_examples=30)
@given(st.lists(evidences, max_size=4))
def test_no_evidence_whatever_makes_a_rule_fall_over(found):
    for claim in CLAIMS.values():
        assert claim.rule(found).verdict in ClaimVerdict
