"""Which evidence counts: of the code of today, newest of its question, under one set of limits."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from repro.decide.current import choose, is_trial
from repro.model import Limits, Outcome, Symptom, Verdict
from tests.render.reported import EMBED, embed, gate, minimal

OLD, NEW = embed("5.1.0", Symptom.OK, shows=False), embed("5.1.0", Symptom.OUT_OF_MEMORY, shows=True)
TIGHT = Limits(512 << 20, 120.0, 30.0)


def test_with_the_hash_of_today_only_what_it_made_counts():
    old, new = replace(OLD, decided_by="old-1"), replace(NEW, decided_by="new-1")
    assert choose(EMBED, [new, old], {"trial": "new"}).trials == (new,)
    assert choose(EMBED, [new, old], {"trial": "neither"}).trials == ()


def test_without_one_the_newest_evidence_decides():
    old, new = replace(OLD, decided_by="old-1"), replace(NEW, decided_by="new-1")
    assert choose(EMBED, [old, new]).trials == (new,)
    assert choose(EMBED, [OLD, NEW]).trials == (OLD, NEW), "none has a hash: they stand for themselves"


def test_evidence_without_hash_is_never_current_where_the_code_is_known():
    assert choose(EMBED, [OLD], {"trial": "new"}).evidence == ()
    assert choose(EMBED, [OLD], {}).evidence == ()


def test_each_kind_has_a_hash_of_its_own():
    probe, checked, script = (replace(e, decided_by=f"{i}-x") for i, e in enumerate((NEW, gate(), minimal())))
    kept = choose(EMBED, [probe, checked, script], {"trial": "0", "gate": "1", "minimal": "9"})
    assert kept.evidence == (probe, checked)
    assert kept.trials == (probe,)


def test_of_one_question_only_the_newest_content_counts_and_other_releases_are_other_questions():
    first, second = replace(OLD, decided_by="new-1"), replace(NEW, decided_by="new-2")
    elsewhere = replace(embed("5.2.0", Symptom.OK, shows=False), decided_by="new-3")
    kept = choose(EMBED, [first, elsewhere, second])
    assert kept.trials == (elsewhere, second)
    assert kept.left_out == (
        "1 older trial left out: the fix, the inputs, the expected answer or the environment changed since.",
    )


def test_trials_under_other_limits_are_left_out_and_the_bugs_own_limits_are_preferred():
    tight = embed("5.2.0", Symptom.OUT_OF_MEMORY, shows=True, limits=TIGHT)
    kept = choose(EMBED, [NEW, tight])
    assert kept.trials == (NEW,)
    (line,) = kept.left_out
    assert line.startswith("1 other trial left out: they ran under other limits than these: cap 2GiB")
    assert tight in kept.evidence and tight not in kept.usable


def test_without_trials_under_the_bugs_own_limits_those_of_the_newest_count():
    tight = embed("5.2.0", Symptom.OK, shows=False, limits=TIGHT)
    short = replace(tight, limits=replace(TIGHT, grace_s=0.05))
    assert choose(EMBED, [tight, short]).trials == (short,), "also a different grace is another limit"


def test_what_could_not_be_made_has_no_limits():
    verdict = Verdict(Symptom.UNSOLVABLE, False, "no such release")
    outcome = Outcome(Symptom.UNSOLVABLE, "no such release")
    none = embed("9.9", Symptom.UNSOLVABLE, shows=False, limits=TIGHT, verdict=verdict, outcome=outcome)
    assert choose(EMBED, [none, NEW]).trials == (none, NEW)


def test_diagnostic_runs_scripts_gates_and_searches_for_a_cap_are_no_trials():
    search = replace(NEW, provenance={"study": {"kind": "survive"}})
    assert [is_trial(e) for e in (NEW, gate(), minimal(), replace(NEW, memray={}), search)] == [True, *[False] * 4]


@given(st.lists(st.tuples(st.sampled_from(["a", "b", ""]), st.sampled_from("12"), st.booleans()), max_size=12))
def test_nothing_vanishes_without_a_word(made):
    evidence = [
        replace(OLD, id=f"{i:03}", decided_by=f"{sources}-{rest}", limits=TIGHT if tight else EMBED.default_limits)
        for i, (sources, rest, tight) in enumerate(made)
    ]
    kept = choose(EMBED, evidence)
    said = sum(int(line.split()[0]) for line in kept.left_out)
    assert len(kept.trials) + said == len(evidence)
    assert len({e.limits for e in kept.trials}) <= 1
    assert len({e.decided_by.partition("-")[0] for e in kept.trials}) <= 1
