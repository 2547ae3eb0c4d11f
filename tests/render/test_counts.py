"""Conclusions about a race follow from its counts: other counts, other words."""

from __future__ import annotations

from repro.model import Outcome, Stack, Symptom, Verdict
from repro.render.counts import ShownCounts, conclusions, count_table, fixes_table, safety_table, stack_report
from repro.studies.count import Count
from tests.evidence.examples import evidence
from tests.render.reported import GDB


def counted(name: str, **symptoms: int) -> Count:
    trials = []
    for symptom, n in ((Symptom(k.replace("_", "-")), n) for k, n in symptoms.items()):
        verdict = Verdict(symptom, symptom is Symptom.HANG_AT_EXIT, "because of the test")
        trials += [evidence(outcome=Outcome(symptom, "x"), verdict=verdict)] * n
    return Count(name, tuple(trials))


def test_the_table_gives_k_of_n_for_each_ending_and_the_interval():
    text = count_table([counted("old", ok=1, hang_at_exit=3)]).to_markdown()
    assert "| old | 4 | 1 | 3 | fails in 3/4 (17–99.4 %) |" in text


def test_workarounds_are_listed_in_order_of_safety():
    table = safety_table([counted("bad", hang_at_exit=4), counted("good", ok=40), counted("few", ok=4)])
    assert [row[0] for row in table.rows] == ["good", "few", "bad"]
    assert "35 trials without a failure" in table.note


def test_a_clean_count_is_called_absent_only_from_35_trials_on():
    judged = {str(row[0]): str(row[2]) for row in safety_table([counted("few", ok=34), counted("enough", ok=35)]).rows}
    assert judged["few"].startswith("unsettled: not seen in 34 trials")
    assert judged["enough"] == "helps: not seen in 35 trials: less than 10 %"


def test_conclusions_change_with_the_counts():
    said = conclusions([counted("24", hang_at_exit=4), counted("25", ok=4), counted("26", ok=35)], "releases")
    assert said == [
        "releases: it shows (1 of 3):",
        "  24: fails in 4/4 (37–100 %)",
        "releases: it was not seen, in enough trials to say so (1 of 3):",
        "  26: not seen in 35 trials: less than 10 %",
        "releases: it was not seen, in too few trials to say that it is absent (1 of 3):",
        "  25: unsettled: not seen in 4 trials (rate below 60 %)",
    ]


def test_what_fails_otherwise_or_cannot_be_tested_is_neither_clean_nor_bad():
    said = conclusions([counted("27", unsolvable=2), counted("28", error=3)], "releases")
    assert "  27: because of the test" in said and "  28: fails in another way in 3 of 3 trials" in said
    assert len(said) == 4


def test_a_fix_that_could_not_be_tried_says_why_as_a_patch_that_does_not_apply():
    rows = fixes_table(
        [counted("none", hang_at_exit=3), counted("my.patch", unsupported=3), counted("take", error=3)]
    ).rows
    assert [row[2] for row in rows] == [
        "fails in 3/3 (27–100 %)",
        "not testable here: because of the test",
        "fails in another way in 3 of 3 trials: because of the test",
    ]


def test_counts_show_themselves_as_fixes_where_none_comes_first_else_as_questions():
    fixes = ShownCounts([counted("none", crash=3), counted("mend", ok=1)])
    plain = ShownCounts([counted("open", ok=1)])
    assert repr(fixes) == fixes.fixes().to_text() and repr(plain) == plain.table().to_text()
    assert fixes._repr_mimebundle_()["text/html"] == fixes.fixes().to_html()
    assert plain._repr_mimebundle_()["text/html"] == plain.table().to_html()
    assert repr(ShownCounts())


def test_stacks_are_told_with_the_bugs_own_diagnosis():
    trial = evidence(outcome=Outcome(Symptom.HANG_AT_EXIT, "x", stacks=(Stack("gdb", GDB),)))
    counts = [Count("new", (trial, trial))]
    assert "new: hang-at-exit: it waits for a pool\n" in stack_report(counts, lambda outcome: "it waits for a pool")[0]
    assert stack_report(counts)[0].startswith("new: hang-at-exit: there is no Python interpreter any more")
