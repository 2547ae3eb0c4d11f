"""The ledger in Markdown: its sums are those of its rows, and each verdict leads to the evidence behind it."""

from __future__ import annotations

from repro.render.claims import claims_markdown, counts
from tests.render.reported import embed_evidence, exit_evidence, judged

EVIDENCE = {"embed-sliced-list": embed_evidence(), "exit-hang": exit_evidence()}


def test_the_sums_are_those_of_the_rows_and_evidence_is_linked_wherever_the_file_is():
    chapters = judged(EVIDENCE)
    text = claims_markdown(chapters, base="published/")
    assert sum(number for _, number in counts(chapters)) == sum(len(chapter.judged) for chapter in chapters)
    assert all(f"| {one.finding.verdict} |" in text for chapter in chapters for one in chapter.judged)
    killed = EVIDENCE["embed-sliced-list"][1]
    assert f"[{killed.id[-8:]}](published/evidence/embed-sliced-list/{killed.id}.json)" in text
