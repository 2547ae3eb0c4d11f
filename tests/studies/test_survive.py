"""The smallest cap survived: bisection over caps, and the line through the answers."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repro.errors import UserError
from repro.lab import Lab
from repro.model import Outcome, Symptom, Verdict
from repro.render.compare import which_fix_markdown
from repro.render.survival import survival_chart, survival_json, survival_sentences, survival_table
from repro.run.question import Question
from repro.studies.candidates import UPSTREAM, Candidate, candidates, comparison_plan
from repro.studies.survive import collect, survive
from tests.evidence.examples import MIB
from tests.studies.made_up import RIGHT, Runner, embedded

BUG = "embed-sliced-list"
PLAN = comparison_plan(BUG)
GIB = 1 << 30
BASE = 80 * MIB


def pairs(*sizes: str, fixes: tuple[str, ...] = ("take",)) -> list[tuple[int, Candidate]]:
    return [(int(size), one) for size in sizes for one in candidates(BUG, fixes=fixes, size=size)]


def needs(slope: float, base: int = BASE):
    """A made-up fix that survives under ``base`` plus ``slope`` bytes for each byte of payload, and under no less."""

    def answer(question: Question) -> tuple[Outcome, Verdict]:
        payload = int(str(question.parameters["file_size"])) * 4
        need, cap = base + slope * payload, question.limits.memory_bytes
        if cap is None or cap >= need:
            done = embedded(payload=payload, rss_before_embed_bytes=100 * MIB)
            return Outcome(**{**fields(done), "peak_rss_bytes": int(need * 1.15)}), RIGHT
        killed = Outcome(Symptom.OUT_OF_MEMORY, "over the cap", measures={"bytes_needed": payload})
        return killed, Verdict(Symptom.OUT_OF_MEMORY, False, "out-of-memory")

    return answer


def fields(outcome: Outcome) -> dict[str, Any]:
    return {name: getattr(outcome, name) for name in outcome.__dataclass_fields__}


@pytest.mark.parametrize(("resolution", "ceiling"), [(0, GIB), (2, GIB), (0.05, 16 * MIB)])
def test_bounds_that_make_no_sense_are_refused_before_anything_runs(tmp_path, resolution, ceiling):
    runner = Runner(tmp_path)
    with pytest.raises(UserError):
        survive(runner, pairs("1048576"), ceiling=ceiling, resolution=resolution)
    assert runner.asked == []


@settings(max_examples=6, deadline=None)
@given(st.floats(1, 12), st.integers(1, 3))
def test_the_slope_is_the_bytes_of_memory_for_each_byte_of_payload(slope, jobs):
    with TemporaryDirectory() as folder:
        runner = Runner(Path(folder), {"take": needs(slope), "none": needs(1.0)})
        sizes = (str(32 * MIB), str(128 * MIB), str(512 * MIB))
        found = survive(runner, pairs(*sizes), ceiling=16 * GIB, resolution=0.01, jobs=jobs)
        assert found.candidates == [UPSTREAM, "take"]
        line = found.line("take")
        assert line is not None and line.slope == pytest.approx(slope, rel=0.03)
        for point in found.of("take"):
            assert point.failed is not None and point.cap is not None
            assert point.failed < BASE + slope * point.payload <= point.cap
        kept = collect(runner.store.query(bug=BUG), PLAN)
        assert kept is not None and survival_json(kept) == survival_json(found), "the stored evidence says the same"


@pytest.mark.parametrize(("sizes", "resolution", "line"), [(2, 0.05, False), (3, 0.15, False), (3, 0.05, True)])
def test_a_slope_takes_three_sizes_and_steps_of_five_percent(tmp_path, sizes, resolution, line):
    shown = pairs(*[str((64 << n) * MIB) for n in range(sizes)])
    found = survive(Runner(tmp_path, {"take": needs(2)}), shown, ceiling=8 * GIB, resolution=resolution)
    assert (found.line("take") is not None) is line
    assert any(sentence.startswith("take") for sentence in survival_sentences(found)) is line


def test_one_size_gives_a_point_and_no_line(tmp_path):
    found = survive(Runner(tmp_path, {"take": needs(2)}), pairs(str(64 * MIB)), ceiling=GIB)
    assert found.line("take") is None and list(survival_sentences(found)) == []


def test_a_fix_that_survives_under_no_cap_has_none_and_the_table_says_how_it_ended(tmp_path):
    found = survive(Runner(tmp_path, {"take": needs(100)}), pairs(str(64 * MIB)), ceiling=GIB)
    (point,) = found.of("take")
    assert point.cap is None and point.failed == GIB
    row = next(row for row in survival_table(found).rows if row[0] == "take")
    assert "none" in row and "1.00 GiB (out-of-memory)" in row


def test_wrong_output_is_not_survival(tmp_path):
    wrong = Verdict(Symptom.WRONG_OUTPUT, False, "1 of 4 differ")
    found = survive(Runner(tmp_path, {"take": lambda q: (embedded(), wrong)}), pairs("1048576"), ceiling=GIB)
    (point,) = found.of("take")
    assert point.cap is None and point.ending == "wrong-output"


def too_small(below: int):
    """A runner that refuses caps below ``below``, as the real one does where nothing can be imported."""
    answer = needs(0.5, base=40 * MIB)

    def go(question: Question):
        if (question.limits.memory_bytes or 0) < below:
            raise UserError("a cap is below what importing the packages needs")
        return answer(question)

    return go


def test_a_cap_under_which_nothing_can_start_is_not_survived(tmp_path):
    found = survive(Runner(tmp_path, {"take": too_small(90 * MIB)}), pairs(str(32 * MIB)), ceiling=GIB)
    (point,) = found.of("take")
    assert point.cap is not None and 90 * MIB <= point.cap <= 95 * MIB


def test_any_other_mistake_ends_the_study(tmp_path):
    runner = Runner(tmp_path, {"take": too_small(2 * GIB)})
    with pytest.raises(UserError, match="importing"):
        survive(runner, pairs(str(32 * MIB)), ceiling=GIB)
    assert not runner.stop.is_set()


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 15))
def test_an_interrupted_study_goes_on_where_it_was(stopped_after):
    answers = {"take": needs(3), "none": needs(2)}
    with TemporaryDirectory() as folder, TemporaryDirectory() as other:
        whole = Runner(Path(other), answers)
        survive(whole, pairs(str(64 * MIB), str(32 * MIB)), ceiling=8 * GIB)
        runner = Runner(Path(folder), answers)
        runner.interrupt_at = stopped_after
        with pytest.raises(KeyboardInterrupt):
            survive(runner, pairs(str(64 * MIB), str(32 * MIB)), ceiling=8 * GIB)
        runner.interrupt_at = -1
        survive(runner, pairs(str(64 * MIB), str(32 * MIB)), ceiling=8 * GIB, resume=True)
        assert runner.asked == whole.asked, "the same trials in the same order, none twice"


# What is shown


def test_the_plot_is_a_picture_also_when_nothing_survived(tmp_path):
    for slope in (2, 1000):
        runner = Runner(tmp_path / str(slope), {"take": needs(slope), "none": needs(slope)})
        found = survive(runner, pairs(str(32 * MIB), str(64 * MIB)), ceiling=GIB)
        assert survival_chart(found).startswith(b"\x89PNG")


def test_the_section_of_the_issue_holds_the_caps_and_the_slope(tmp_path):
    runner = Runner(tmp_path, {"take": needs(2), "none": needs(3)})
    found = survive(runner, pairs(str(64 * MIB), str(128 * MIB), str(256 * MIB)), ceiling=8 * GIB)
    assert len(list(survival_sentences(found))) == 2
    text = which_fix_markdown(runner.store.query(bug=BUG), PLAN)
    assert all(sentence in text for sentence in survival_sentences(found))
    assert "did not survive" in text


@pytest.mark.parametrize(("given", "said"), [({"sizes": ()}, "one size"), ({"sizes": ["9"]}, "4KiB")])
def test_a_mistake_is_one_line_that_says_what_to_type(tmp_path, given, said):
    with pytest.raises(UserError, match=said):
        Lab(reports=tmp_path, cache=tmp_path, quiet=True).survive(BUG, **given)
