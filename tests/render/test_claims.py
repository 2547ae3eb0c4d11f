"""The ledger: every claim once, with a verdict that a rule computed or a reason why there is none yet."""

from __future__ import annotations

from repro.bugs.declaration import Claim, ClaimFinding, ClaimVerdict
from repro.claims import ledger
from repro.decide.claims import Judged
from repro.render.claims import claims_markdown, claims_table, counts
from tests.render.reported import embed_evidence, exit_evidence

EVIDENCE = {"embed-sliced-list": embed_evidence(), "exit-hang": exit_evidence()}


def test_it_holds_some_forty_claims_or_more_and_none_twice():
    claims = [j.claim for chapter in ledger({}) for j in chapter.judged]
    assert len(claims) >= 40
    assert len({claim.slug for claim in claims}) == len({claim.text for claim in claims}) == len(claims)


def test_sources_are_the_reporters_five_documents():
    known = {"upload notes", "bug note", "why large uploads fail", "Spaces report", "sharded cache module"}
    sources = {
        part.split(" (")[0] for chapter in ledger({}) for j in chapter.judged for part in j.claim.source.split(", ")
    }
    assert sources == known


def test_without_evidence_nothing_is_confirmed_or_refuted_and_every_row_says_why():
    judged = [j for chapter in ledger({}) for j in chapter.judged]
    assert {j.finding.verdict for j in judged} == {ClaimVerdict.NOT_YET_TESTED, ClaimVerdict.NOT_TESTABLE_HERE}
    assert all(j.finding.measured for j in judged)


def test_evidence_turns_rules_into_verdicts():
    found = {j.claim.slug: j.finding.verdict for chapter in ledger(EVIDENCE) for j in chapter.judged}
    assert found["combine-chunks"] is ClaimVerdict.CONFIRMED
    assert found["native-crash"] is ClaimVerdict.REFUTED
    assert found["no-fix"] is ClaimVerdict.REFUTED
    assert found["no-fix-eta"] is ClaimVerdict.REFINED, "it fails in 26.0.1, and in none of 20 runs of 27.0.0"


def test_a_race_without_failures_in_few_runs_confirms_nothing():
    few = {"exit-hang": exit_evidence(n=4)}
    found = {j.claim.slug: j.finding for chapter in ledger(few) for j in chapter.judged}
    assert found["direct-read"].verdict is ClaimVerdict.NOT_YET_TESTED


def test_the_sums_are_those_of_the_rows_and_evidence_is_linked_wherever_the_file_is():
    chapters = ledger(EVIDENCE)
    text = claims_markdown(chapters, base="published/")
    assert sum(number for _, number in counts(chapters)) == sum(len(chapter.judged) for chapter in chapters)
    assert all(f"| {judged.finding.verdict} |" in text for chapter in chapters for judged in chapter.judged)
    killed = EVIDENCE["embed-sliced-list"][1]
    assert f"[{killed.id[-8:]}](published/evidence/embed-sliced-list/{killed.id}.json)" in text


def test_claims_that_were_tested_come_first_in_their_own_order():
    def judged(slug: str, verdict: ClaimVerdict) -> Judged:
        return Judged(Claim(slug, slug, "a report", lambda seen: finding), finding := ClaimFinding(verdict, "so many"))

    open_, yes, no = ClaimVerdict.NOT_YET_TESTED, ClaimVerdict.CONFIRMED, ClaimVerdict.REFUTED
    table = claims_table([judged("a", open_), judged("b", yes), judged("c", open_), judged("d", no)])
    assert [row[0] for row in table.rows] == ["b", "d", "a", "c"]
    assert table.rows[0] == ("b", "a report", "confirmed", "so many")
