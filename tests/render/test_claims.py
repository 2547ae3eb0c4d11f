"""The ledger in Markdown: its sums are those of its rows, and each verdict leads to the evidence behind it."""

from __future__ import annotations

from repro.bugs.declaration import Claim, ClaimFinding, ClaimVerdict
from repro.decide.claims import Judged
from repro.render.claims import claims_markdown, claims_table, counts
from tests.render.reported import embed_evidence, exit_evidence, judged

EVIDENCE = {"embed-sliced-list": embed_evidence(), "exit-hang": exit_evidence()}


def test_the_sums_are_those_of_the_rows_and_evidence_is_linked_wherever_the_file_is():
    chapters = judged(EVIDENCE)
    text = claims_markdown(chapters, base="published/")
    assert sum(number for _, number in counts(chapters)) == sum(len(chapter.judged) for chapter in chapters)
    assert all(f"| {one.finding.verdict} |" in text for chapter in chapters for one in chapter.judged)
    killed = EVIDENCE["embed-sliced-list"][1]
    assert f"[{killed.id[-8:]}](published/evidence/embed-sliced-list/{killed.id}.json)" in text


def test_claims_that_were_tested_come_first_in_their_own_order():
    def judged(slug: str, verdict: ClaimVerdict) -> Judged:
        return Judged(Claim(slug, slug, "a report", lambda seen: finding), finding := ClaimFinding(verdict, "so many"))

    open_, yes, no = ClaimVerdict.NOT_YET_TESTED, ClaimVerdict.CONFIRMED, ClaimVerdict.REFUTED
    table = claims_table([judged("a", open_), judged("b", yes), judged("c", open_), judged("d", no)])
    assert [row[0] for row in table.rows] == ["b", "d", "a", "c"]
    assert table.rows[0] == ("b", "a report", "confirmed", "so many")
