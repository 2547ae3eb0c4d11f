"""Conclusions about a race follow from its counts: other counts, other words."""

from __future__ import annotations

from repro.model import Outcome, Symptom, Verdict
from repro.render.counts import conclusions, count_table, safety_table
from repro.studies.count import Count
from tests.evidence.examples import evidence


def counted(name: str, **symptoms: int) -> Count:
    trials = []
    for symptom, n in ((Symptom(k.replace("_", "-")), n) for k, n in symptoms.items()):
        verdict = Verdict(symptom, symptom is Symptom.HANG_AT_EXIT, "because of the test")
        trials += [evidence(outcome=Outcome(symptom, "x"), verdict=verdict)] * n
    return Count(name, tuple(trials))


def test_the_table_gives_k_of_n_for_each_ending_and_the_interval():
    text = count_table([counted("old", ok=1, hang_at_exit=3)]).to_markdown()
    assert "| old | 1/4 | 3/4 | 3/4 (30–95 %) |" in text


def test_workarounds_are_listed_in_order_of_safety():
    table = safety_table([counted("bad", hang_at_exit=4), counted("good", ok=40), counted("few", ok=4)])
    assert [row[0] for row in table.rows] == ["good", "few", "bad"]
    assert "35 clean trials" in table.note


def test_conclusions_change_with_the_counts():
    before = conclusions([counted("24", hang_at_exit=4)], "releases")
    after = conclusions([counted("24", ok=4)], "releases")
    assert before[0] == "releases: the bug showed in 1 of 1:"
    assert after[0] == "releases: it did not show in 1; that bounds its rate in each at 49% or less (95 %):"


def test_what_cannot_be_tested_is_named_with_the_reason():
    assert "  27: because of the test" in conclusions([counted("27", unsolvable=2)], "releases")
