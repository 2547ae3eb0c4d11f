"""Comparing fixes: correctness comes first, candidates take turns, and ratios are taken pair by pair."""

from __future__ import annotations

import itertools
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.text import Text

from repro.bugs.embed_sliced_list.gate.oracle import STORAGE, WRONG, judge
from repro.decide.current import GATE
from repro.errors import UserError
from repro.evidence.labels import label_of
from repro.lab import Lab
from repro.model import Outcome, Sample, Symptom, Verdict
from repro.render import compare as render
from repro.render.compare import comparison_chart, comparison_json, fixes_table, sentences, which_fix_markdown
from repro.run.question import Question
from repro.studies.candidates import AGAIN, UNFIXED, UPSTREAM, candidates, command, comparison_plan
from repro.studies.compare import ROUNDS_ENOUGH, Comparison, Row, collect, compare, steps
from repro.studies.measured import peak, seconds
from tests.evidence.examples import MIB, evidence
from tests.studies.made_up import GATED, RIGHT, Runner, embedded, fine

BUG = "embed-sliced-list"
PLAN = comparison_plan(BUG)
MEASURED = PLAN.measured


def entered(*fixes: str, **given: Any):
    return candidates(BUG, fixes=fixes, **given)


def gate_says(symptom: Symptom, reason: str):
    def answer(question: Question):
        done = Outcome(Symptom.OK, "done", done=symptom.informative)
        return (done, Verdict(symptom, False, reason)) if question.scenario.name == GATE else fine(question)

    return answer


# Who is tried, and in which order


def test_all_pass_the_gate_first_then_take_turns_after_an_uncounted_trial_of_each_environment(tmp_path):
    runner = Runner(tmp_path)
    compare(runner, entered("none", "take", "unconditional-copy"), 2)
    new, old = "none in datasets==5.2.0", "none in datasets==5.1.0"
    take, patch = "take in datasets==5.1.0", "unconditional-copy in datasets==5.1.0"
    gates, rest = runner.asked[:4], [name for _, name in runner.asked[4:]]
    assert gates == [(GATE, name) for name in (new, old, take, patch)]
    assert rest == [new, old, patch] + 2 * [new, old, take, patch, new]


def test_a_wrong_candidate_is_out_before_anything_is_timed(tmp_path):
    runner = Runner(tmp_path, {"take": gate_says(Symptom.WRONG_OUTPUT, "values in 3 of 200 cases")})
    found = compare(runner, entered("none", "take"), 3)
    assert [name for name in runner.asked if "take" in name[1]] == [(GATE, "take in datasets==5.1.0")]
    row = found.row("take")
    assert row is not None and row.wrong == "values in 3 of 200 cases" and not row.healthy
    assert "no: values in 3 of 200 cases" in fixes_table(found).to_text()


def test_a_candidate_that_only_refuses_sound_input_is_timed_and_the_table_says_so(tmp_path):
    runner = Runner(tmp_path, {"take": gate_says(Symptom.ERROR, "raised KeyError in 3 of 200 cases")})
    found = compare(runner, entered("take"), 1)
    row = found.row("take")
    assert row is not None and row.rounds and not row.wrong
    assert "never wrong; raised KeyError in 3 of 200 cases" in fixes_table(found).to_text()


def test_a_gate_that_did_not_finish_lets_nobody_through(tmp_path):
    runner = Runner(tmp_path, {"take": gate_says(Symptom.HANG, "not done after 120 s")})
    row = compare(runner, entered("none", "take"), 1).row("take")
    assert row is not None and not row.rounds and not row.healthy


def test_a_patch_that_does_not_apply_is_untestable_and_says_why(tmp_path):
    reason = "patch v520_copy.patch is already part of datasets 5.2.0"
    runner = Runner(tmp_path, {"unconditional-copy": gate_says(Symptom.UNSUPPORTED, reason)})
    found = compare(runner, entered("none", "unconditional-copy"), 1)
    row = found.row("unconditional-copy")
    assert row is not None and row.untestable == reason and not row.rounds and not row.wrong
    assert f"unconditional-copy could not be tested: {reason}." in sentences(found)


def test_the_newest_release_is_the_yardstick_whatever_the_gate_says_of_it(tmp_path):
    runner = Runner(tmp_path, {"none": gate_says(Symptom.WRONG_OUTPUT, "values in 1 of 200 cases")})
    found = compare(runner, entered("none", "take"), 5)
    take, unfixed = found.row("take"), found.row(UNFIXED)
    assert take is not None and unfixed is not None and not unfixed.rounds
    assert found.ratio(take) is not None


def test_a_wrong_measured_run_is_found_out_although_the_gate_saw_nothing(tmp_path):
    bad = Verdict(Symptom.WRONG_OUTPUT, False, "1 of 4 embedded values differ from their source")
    answer = {"take": lambda q: GATED if q.scenario.name == GATE else (embedded(), bad)}
    row = compare(Runner(tmp_path, answer), entered("take"), 1).row("take")
    assert row is not None and row.wrong == bad.reason


@pytest.mark.parametrize("repetitions", [0, 1, 3])
def test_the_progress_bar_never_runs_over(tmp_path, repetitions):
    seen = itertools.count()
    entrants = entered("none", "take", "unconditional-copy")
    compare(Runner(tmp_path), entrants, repetitions, on_step=lambda: next(seen))
    assert next(seen) <= steps(entrants, repetitions)


# What is measured


def timed(name: str, seconds: dict[int, float]) -> Row:
    return Row(name, MEASURED, rounds={n: evidence(outcome=embedded(t), verdict=RIGHT) for n, t in seconds.items()})


@given(
    st.dictionaries(st.integers(0, 15), st.floats(0.01, 100), min_size=1),
    st.floats(0.05, 20),
    st.sets(st.integers(0, 15), max_size=8),
)
def test_drift_of_the_machine_and_lost_rounds_do_not_touch_the_ratio(drift, factor, lost):
    """Each round is slower or faster for all alike; the candidate takes ``factor`` times as long as upstream."""
    rows = (
        timed(UPSTREAM, drift),
        timed("take", {n: factor * t for n, t in drift.items() if n not in lost}),
        timed(AGAIN, drift),
    )
    found = Comparison(rows)
    ratio, noise = found.ratio(rows[1]), found.noise
    assert found.ratio(rows[0]) is None, "upstream has no ratio to itself but that of its second name"
    assert (noise is None) == (len(drift) < ROUNDS_ENOUGH)
    if noise is not None:
        assert (noise.minimum, noise.maximum) == pytest.approx((1, 1), rel=1e-6)
    assert (ratio is None) == (len(drift.keys() - lost) < ROUNDS_ENOUGH), "of one pair a ratio says nothing"
    if ratio is not None:
        assert ratio.n == len(drift.keys() - lost)
        assert (ratio.minimum, ratio.maximum) == pytest.approx((factor, factor), rel=1e-6)


def test_four_rounds_print_no_ratio_and_five_do(tmp_path):
    for rounds, shown in ((4, False), (5, True)):
        found = compare(Runner(tmp_path / str(rounds)), entered("take"), rounds)
        row = found.row("take")
        assert row is not None and (found.ratio(row) is not None) is shown
        assert ("of upstream's time" in "\n".join(sentences(found))) is shown


def test_time_and_peak_are_those_of_the_embed_phase_alone():
    outcome = embedded(0.25, peak=30 * MIB)
    assert seconds(outcome, MEASURED) == pytest.approx(0.25)
    assert peak(outcome, MEASURED) == 30 * MIB


def test_without_proc_the_samples_of_the_supervisor_give_the_peak():
    samples = tuple(Sample(t, size * MIB, 1) for t, size in ((0.2, 300), (0.95, 140), (1.1, 190), (1.3, 170)))
    outcome = embedded(0.5, rss_before_embed_bytes=None, peak_embed_bytes=None)
    taken = Outcome(Symptom.OK, "", measures=outcome.measures, phases=outcome.phases, timeline=samples)
    assert peak(taken, MEASURED) == 50 * MIB


def test_a_trial_that_did_not_finish_has_neither_time_nor_peak():
    killed = Outcome(Symptom.OUT_OF_MEMORY, "", phases=((1.0, "embed"),), timeline=(Sample(1.5, 1, 1),))
    assert seconds(killed, MEASURED) is None and peak(killed, MEASURED) is None


# What is kept, and found again


def test_the_stored_evidence_alone_gives_the_same_table_and_the_section_of_the_issue(tmp_path):
    wrong = gate_says(Symptom.WRONG_OUTPUT, "schema: Nifti stores large_binary")
    runner = Runner(tmp_path, {"large-binary": wrong})
    found = compare(runner, entered("take", "large-binary"), 2)
    kept = runner.store.query(bug=BUG)
    again = collect(kept, PLAN)
    assert again is not None and fixes_table(again) == fixes_table(found)
    text = which_fix_markdown(kept, PLAN)
    assert "large-binary is out: schema: Nifti stores large_binary." in text
    assert all(name in text for name in ("take", UPSTREAM, AGAIN, "huggingface/datasets#7894"))
    assert which_fix_markdown([e for e in kept if not label_of(e)], PLAN) == ""


def test_only_the_newest_comparison_is_shown(tmp_path):
    runner = Runner(tmp_path)
    compare(runner, entered("take"), 1)
    compare(runner, entered("concat-columns"), 1)
    found = collect(runner.store.query(bug=BUG), PLAN)
    assert found is not None and [row.name for row in found.rows] == [UPSTREAM, "concat-columns", AGAIN]


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 13))
def test_an_interrupted_comparison_goes_on_where_it_was(stopped_after):
    with TemporaryDirectory() as folder:
        runner = Runner(Path(folder))
        runner.interrupt_at = stopped_after
        with pytest.raises(KeyboardInterrupt):
            compare(runner, entered("none", "take"), 3)
        assert not runner.stop.is_set(), "the runner can be used again"
        runner.interrupt_at = -1
        found = compare(runner, entered("none", "take"), 3, resume=True)
        assert len(runner.asked) == 3 + 2 + 4 * 3, "nothing was asked twice, and nothing was left out"
        assert [len(row.rounds) for row in found.rows] == [3, 3, 3, 3]


def test_without_resume_a_comparison_begins_anew(tmp_path):
    runner = Runner(tmp_path)
    compare(runner, entered("take"), 1)
    before = len(runner.asked)
    compare(runner, entered("take"), 1)
    assert len(runner.asked) == 2 * before
    compare(runner, entered("take"), 1, resume=True)
    assert len(runner.asked) == 2 * before


def test_the_evidence_of_the_gate_names_the_command_that_asks_again(tmp_path):
    runner = Runner(tmp_path)
    compare(runner, entered("take"), 0)
    (kept,) = runner.store.query(fix="take")
    assert "repro compare embed-sliced-list" in kept.reproduce and "--fix take" in kept.reproduce
    assert "--repetitions 0" in kept.reproduce


# What is said of it


def test_the_conclusion_names_who_shows_the_bug_and_who_is_cheapest(tmp_path):
    excess = Verdict(Symptom.EXCESS_READ, True, "opened 12 files, needed 4")

    def reads_all(question: Question):
        # upstream runs under the same fix name, in another release
        bad = question.scenario.name != GATE and "5.1.0" in question.target
        return (embedded(3.0), excess) if bad else fine(question)

    def light(question: Question):
        return GATED if question.scenario.name == GATE else (embedded(0.2, peak=50 * MIB), RIGHT)

    found = compare(Runner(tmp_path, {"none": reads_all, "direct-embed": light}), entered("none", "direct-embed"), 5)
    said = "\n".join(sentences(found))
    assert "The bug still shows with unfixed." in said
    assert "The smallest peak over the baseline is that of direct-embed: 1.00 × payload (2.00 upstream)." in said
    assert "The fastest is direct-embed, with 0.2 (0.2–0.2, n=5) of upstream's time; upstream against itself: 1" in said
    machine = {row["candidate"]: row for row in comparison_json(found)}
    assert machine["direct-embed"]["time_ratio"] == pytest.approx({"median": 0.2, "least": 0.2, "most": 0.2, "n": 5})
    assert machine[UNFIXED]["symptoms"] == ["excess-read"] * 5


def test_a_fix_that_refuses_what_upstream_embeds_is_not_called_right(tmp_path):
    def refusing(cases: int):
        measures = {"gate": {"count": 200, "kinds": {"raised": cases, "ok": 200 - cases}, "failures": []}}
        gate = Outcome(Symptom.OK, "done", done=True, measures=measures)
        said = Verdict(Symptom.ERROR, False, f"raised ArrowInvalid in {cases} of 200 cases")
        return lambda question: (gate, said) if question.scenario.name == GATE else fine(question)

    answers = {"none": refusing(17), "take": refusing(17), "flatten-values": refusing(39)}
    said = "\n".join(sentences(compare(Runner(tmp_path, answers), entered("take", "flatten-values"), 1)))
    assert "Right, and without the bug: take." in said
    assert "flatten-values is right on this shard, but refuses 22 sound cases that upstream takes" in said


def test_a_difference_within_the_noise_is_called_so(tmp_path):
    found = compare(Runner(tmp_path), entered("take"), 5)
    assert "within the noise" in "\n".join(sentences(found))


# The same fix in another scenario


def test_a_fix_may_be_tried_in_another_scenario_beside_the_first(tmp_path):
    """A guarded copy helps the middle shard and not the first, which is a slice at offset 0."""

    def guarded(question: Question):
        first = question.scenario.name == "shard-first"
        return (embedded(3.0), Verdict(Symptom.EXCESS_READ, True, "12 files")) if first else fine(question)

    both = entered("contiguous-copy", "contiguous-copy@shard-middle")
    assert [one.name for one in both] == [UPSTREAM, "contiguous-copy", "contiguous-copy@shard-middle"]
    assert [one.question.scenario.name for one in both] == ["shard-first", "shard-first", "shard-middle"]
    found = compare(Runner(tmp_path, {"contiguous-copy": guarded}), both, 1)
    said = "\n".join(sentences(found))
    assert "The bug still shows with contiguous-copy." in said
    assert "Right, and without the bug: contiguous-copy@shard-middle." in said


def test_what_is_no_scenario_after_the_at_is_part_of_the_fix(tmp_path):
    with pytest.raises(UserError, match="'take@nowhere'"):
        entered("take@nowhere")


def test_the_command_of_a_fix_in_another_scenario_says_so():
    both = entered("contiguous-copy@shard-middle")
    assert "--fix contiguous-copy@shard-middle" in command("compare", both, ())


# The chart


def drawn(found: Comparison, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The figure of the chart, kept from being written."""
    figures: list[Any] = []

    def keep(figure: Any) -> bytes:
        figure.draw_without_rendering()
        figures.append(figure)
        return b""

    monkeypatch.setattr(render, "png", keep)
    comparison_chart(found)
    return figures[0]


def test_the_whiskers_of_the_chart_are_least_and_most_and_the_band_is_upstream_against_itself(tmp_path, monkeypatch):
    seconds = iter([9.0, 1.0, 2.0, 3.0, 2.5, 1.5])  # the first warms up

    def varying(question: Question):
        return GATED if question.scenario.name == GATE else (embedded(next(seconds)), RIGHT)

    found = compare(Runner(tmp_path, {"take": varying}), entered("take"), 5)
    memory, time = drawn(found, monkeypatch).axes
    assert time.get_xlabel() == "time (× upstream's, pair by pair)"
    whisker = time.containers[0].lines[2][0].get_segments()[0]
    assert [x for x, _ in whisker] == pytest.approx([1.0, 3.0])
    assert len(time.patches) == len(memory.patches) == 1
    assert [label.get_text() for label in memory.get_yticklabels()] == [UPSTREAM, "take", AGAIN]


def test_the_chart_says_what_its_whiskers_are_worth_and_why_there_is_none(tmp_path, monkeypatch):
    answers = {
        "take": gate_says(Symptom.WRONG_OUTPUT, "values"),
        "none": lambda q: (
            (Outcome(Symptom.OUT_OF_MEMORY, ""), Verdict(Symptom.OUT_OF_MEMORY, True, "killed"))
            if q.scenario.name != GATE and "5.1.0" in q.target
            else fine(q)
        ),
    }
    found = compare(Runner(tmp_path, answers), entered("none", "take"), 5)
    words = {text.get_text().strip() for text in drawn(found, monkeypatch).findobj(Text)}
    assert {"out: wrong output", "not measured (out-of-memory)", "1 (by definition)"} <= words
    assert any(
        "Median, least and most of 5 rounds; the range of 5 holds the true median with 93.8%" in w for w in words
    )


# What the gate's probe reports, judged


@given(st.sampled_from([*WRONG, "raised"]), st.integers(1, 50))
def test_the_gate_rules_out_what_is_wrong_and_not_what_raises(kind, count):
    failure = {"kind": kind, "error": "KeyError" if kind == "raised" else "", "count": count, "traits": ["list"]}
    report = {"count": 50, "kinds": {kind: count, "ok": 50 - count}, "failures": [failure]}
    done = Outcome(Symptom.OK, "", done=True, measures={"gate": report, "storage": {"Nifti": STORAGE}})
    verdict = judge(GATE, done, {"cases": 50})
    assert verdict.symptom is (Symptom.ERROR if kind == "raised" else Symptom.WRONG_OUTPUT)
    assert f"in {count} of 50 cases (all list)" in verdict.reason and not verdict.is_bug


def test_another_storage_type_is_another_schema():
    report = {"count": 5, "kinds": {"ok": 5}, "failures": []}
    other = STORAGE.replace("binary", "large_binary")
    for storage, symptom in ((STORAGE, Symptom.OK), (other, Symptom.WRONG_OUTPUT)):
        done = Outcome(Symptom.OK, "", done=True, measures={"gate": report, "storage": {"Nifti": storage}})
        assert judge(GATE, done, {"cases": 5}).symptom is symptom


def test_a_gate_that_ran_other_cases_is_our_mistake():
    report = {"count": 4, "kinds": {"ok": 4}, "failures": []}
    done = Outcome(Symptom.OK, "", done=True, measures={"gate": report})
    assert judge(GATE, done, {"cases": 5}).symptom is Symptom.KIT_FAULT


# Mistakes


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"fixes": ["tkae"]}, "Did you mean 'take'"),
        ({"size": "1GB", "scale": True}, "leave --size out"),
        ({"size": "100"}, "4KiB or more"),
        ({"size": "10M"}, "MiB"),
        ({"parameters": ("rows",)}, "--set rows="),
        ({"repetitions": -1}, "--repetitions 3"),
        ({"bug": "exit-hang"}, "embed-sliced-list"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_type(tmp_path, given, said):
    with pytest.raises(UserError) as caught:
        Lab(reports=tmp_path, cache=tmp_path, quiet=True).compare(given.pop("bug", BUG), **given)
    assert said in str(caught.value) and "\n" not in str(caught.value)
