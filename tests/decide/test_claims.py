"""A claim is judged by its own rule, from all the evidence, and nothing else."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from repro.bugs.declaration import Claim, ClaimFinding, ClaimVerdict, Witness
from repro.decide.claims import judge_claims
from tests.evidence.examples import evidence


def by_count(seen: Sequence[Witness]) -> ClaimFinding:
    if not seen:
        return ClaimFinding(ClaimVerdict.NOT_YET_TESTED, "run: repro run x")
    verdict = ClaimVerdict.CONFIRMED if len(seen) > 1 else ClaimVerdict.REFUTED
    return ClaimFinding(verdict, f"{len(seen)} trials", tuple(one.shown_path for one in seen))


def claim(slug: str) -> Claim:
    return Claim(slug, f"{slug} is so", "a report", by_count)


@given(st.lists(st.text(min_size=1), max_size=5))
def test_every_claim_is_judged_once_in_the_order_given(slugs):
    judged = judge_claims([claim(slug) for slug in slugs], [])
    assert [one.claim.slug for one in judged] == slugs


def test_a_claim_without_evidence_is_not_yet_tested():
    (judged,) = judge_claims([claim("a")], [])
    assert judged.finding.verdict is ClaimVerdict.NOT_YET_TESTED


def test_a_finding_names_the_evidence_it_rests_on():
    seen = [evidence(), evidence()]
    (judged,) = judge_claims([claim("a")], seen)
    assert judged.finding.verdict is ClaimVerdict.CONFIRMED
    assert judged.finding.evidence == tuple(one.shown_path for one in seen)
