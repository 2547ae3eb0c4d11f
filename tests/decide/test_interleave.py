"""Candidates take turns, and an interrupted study goes on where it stopped."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.decide.interleave import Turn, interleave
from repro.errors import UserError


def test_candidates_take_turns():
    assert [turn.candidate for turn in interleave("ABC", 2)] == list("ABCABC")
    assert list(interleave("AB", 1)) == [Turn(0, "A"), Turn(0, "B")]


@given(st.sets(st.tuples(st.integers(0, 4), st.sampled_from("ABC"))))
def test_resuming_runs_each_turn_exactly_once(finished):
    done = {Turn(*pair) for pair in finished}
    rest = list(interleave("ABC", 5, done))
    assert not done & set(rest)
    assert sorted([*done, *rest]) == list(interleave("ABC", 5))
    assert rest == sorted(rest)


def test_a_finished_study_can_be_extended():
    done = list(interleave("AB", 2))
    assert list(interleave("AB", 3, done)) == [Turn(2, "A"), Turn(2, "B")]


@pytest.mark.parametrize(
    ("candidates", "rounds", "remedy"),
    [
        (["b", "a", "a"], 1, "^'a' is named twice: give each candidate a name of its own, such as A1 and A2$"),
        ([], 1, "^nothing to compare: name at least one candidate$"),
        (["a"], 0, "^0 trials measure nothing: type --trials 1 or more$"),
    ],
)
def test_mistakes_say_what_to_type(candidates, rounds, remedy):
    with pytest.raises(UserError, match=remedy):
        interleave(candidates, rounds)
