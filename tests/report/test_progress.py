"""A line a section: where the whole is, and how long it still takes, from the times of the last run of that depth."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.report.progress import Place, Progress, left_words, still

PLAN: list[Place] = [("01", "a"), ("01", "b"), ("02", "a")]
TIMES = {("01", "a"): 100.0, ("01", "b"): 200.0, ("02", "a"): 300.0}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def walk(path: Path, seconds: list[float], depth: str = "quick", plan: list[Place] = PLAN) -> list[str]:
    """The lines of a run whose sections take so long."""
    said: list[str] = []
    clock = Clock()
    progress = Progress(path, depth, plan, said.append, clock)
    for place, took in zip(plan, seconds, strict=True):
        progress.begin(*place)
        clock.now += took
    assert progress.end() == sum(seconds)
    return said


def test_without_times_of_an_earlier_run_nothing_is_said_of_time(tmp_path):
    assert walk(tmp_path / "t.json", [1, 1, 1]) == ["[ 1/3] 01: a", "[ 2/3] 01: b", "[ 3/3] 02: a"]


def test_the_second_run_says_how_long_it_still_takes(tmp_path):
    walk(tmp_path / "t.json", [60, 120, 180])
    assert walk(tmp_path / "t.json", [60, 120, 180]) == [
        "[ 1/3] 01: a (about 6 min left)",
        "[ 2/3] 01: b (about 5 min left)",
        "[ 3/3] 02: a (about 3 min left)",
    ]


def test_the_two_depths_keep_their_times_apart(tmp_path):
    walk(tmp_path / "t.json", [60, 120, 180], "full")
    assert "left" not in walk(tmp_path / "t.json", [1, 1, 1], "quick")[0]
    assert "about 6 min left" in walk(tmp_path / "t.json", [1, 1, 1], "full")[0]


def test_a_run_of_one_notebook_leaves_the_times_of_the_others(tmp_path):
    walk(tmp_path / "t.json", [60, 120, 180])
    walk(tmp_path / "t.json", [600], plan=[("02", "a")])
    assert "about 13 min left" in walk(tmp_path / "t.json", [60, 120, 600])[0]


@pytest.mark.parametrize("broken", ["", "[1]", '{"quick": 3}', '{"quick": {"01": {"a": "x"}}}'])
def test_times_that_cannot_be_read_are_as_if_there_were_none(tmp_path, broken):
    (tmp_path / "t.json").write_text(broken)
    assert walk(tmp_path / "t.json", [1, 1, 1])[0] == "[ 1/3] 01: a"


def test_a_line_fits_80_columns(tmp_path):
    plan = [("01_" + "n" * 30, "s " * 60)]
    walk(tmp_path / "t.json", [600], plan=plan)
    (line,) = walk(tmp_path / "t.json", [600], plan=plan)
    assert len(line) <= 80 and line.endswith("… (about 10 min left)")


@given(st.floats(0, 5000), st.integers(0, 2))
def test_what_is_left_follows_the_pace_so_far(elapsed, current):
    left = still(PLAN, TIMES, current, elapsed)
    rest = sum(TIMES[place] for place in PLAN[current:])
    before = sum(TIMES[place] for place in PLAN[:current])
    assert left is not None
    if current and abs(elapsed - before) > 1:
        assert left != rest and (left < rest) == (elapsed < before)


def test_a_section_that_was_never_timed_makes_what_is_left_unknown_until_it_is_over():
    known = dict.fromkeys(PLAN[1:], 1.0)
    assert still(PLAN, known, 0, 0.0) is None
    assert still(PLAN, known, 1, 50.0) == 2.0


@pytest.mark.parametrize(
    ("seconds", "words"), [(None, ""), (0, "under 1 min left"), (59, "under 1 min left"), (150, "about 2 min left")]
)
def test_time_is_told_in_minutes(seconds, words):
    assert left_words(seconds) == words
