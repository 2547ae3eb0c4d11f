"""A claim is judged by its own rule, from the evidence of its bug and nothing else; the ledger holds each once."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from repro import bugs
from repro.bugs.declaration import Claim, ClaimFinding, ClaimVerdict, Witness
from repro.bugs.pending import chapters
from repro.decide.claims import judge_claims, ledger
from tests.evidence.examples import evidence

BUGS = [bugs.load(slug) for slug in bugs.slugs()]
SOURCES = {"upload notes", "bug note", "why large uploads fail", "Spaces report", "sharded cache module"}


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


def test_a_chapter_is_judged_from_the_evidence_of_its_own_bug_and_what_waits_comes_last():
    first = next(bug for bug in BUGS if bug.claims)
    (chapter, *others) = ledger([first], {"Later": (claim("a"),)}, {first.slug: [evidence()], "another": [evidence()]})
    assert (chapter.title, chapter.slug) == (first.title, first.slug)
    assert [judged.claim for judged in chapter.judged] == list(first.claims)
    assert [(one.title, one.slug, [judged.finding for judged in one.judged]) for one in others] == [
        ("Later", "", [by_count(())])
    ]


def test_the_ledger_holds_some_forty_claims_or_more_and_none_twice():
    claims = [judged.claim for chapter in ledger(BUGS, chapters(), {}) for judged in chapter.judged]
    assert len(claims) >= 40
    assert len({claim.slug for claim in claims}) == len({claim.text for claim in claims}) == len(claims)
    assert {part.split(" (")[0] for claim in claims for part in claim.source.split(", ")} == SOURCES


def test_without_evidence_nothing_is_confirmed_or_refuted_and_every_row_says_why():
    findings = [judged.finding for chapter in ledger(BUGS, chapters(), {}) for judged in chapter.judged]
    assert {one.verdict for one in findings} == {ClaimVerdict.NOT_YET_TESTED, ClaimVerdict.NOT_TESTABLE_HERE}
    assert all(one.measured for one in findings)
