"""Counting a race: interleaved, counted right, and never called safe on too few trials."""

from __future__ import annotations

import threading
from collections import Counter
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.model import Symptom, Verdict
from repro.rates import CLEAN_TRIALS
from repro.studies.count import SAFE_BELOW, Count, count, ranked


def trial(symptom: Symptom, is_bug: bool | None = None):
    bug = symptom in {Symptom.HANG_AT_EXIT, Symptom.CRASH_AT_EXIT} if is_bug is None else is_bug
    return SimpleNamespace(verdict=Verdict(symptom, bug, "because"))


def counted(**symptoms: int) -> Count:
    trials = [trial(Symptom(name.replace("_", "-"))) for name, n in symptoms.items() for _ in range(n)]
    return Count("it", tuple(trials))


class Runner:
    """Answers with the next of the symptoms that each question was given, and remembers the order."""

    def __init__(self) -> None:
        self.stop, self._lock = threading.Event(), threading.Lock()
        self.asked: list[str] = []

    def trial(self, question):
        with self._lock:
            self.asked.append(question)
        return trial(Symptom.OK)


@given(st.integers(1, 5), st.integers(1, 6), st.integers(1, 4))
def test_every_question_gets_its_trials_and_they_take_turns(questions, trials, jobs):
    runner = Runner()
    asked = {f"q{i}": f"question {i}" for i in range(questions)}
    counts = count(runner, asked, trials, jobs=jobs)  # type: ignore[arg-type]
    assert [len(c.evidence) for c in counts] == [trials] * questions
    if jobs == 1:
        assert runner.asked == list(asked.values()) * trials
    assert Counter(runner.asked) == dict.fromkeys(asked.values(), trials)


def test_a_failing_trial_stops_the_others_and_the_runner_can_be_used_again():
    runner = Runner()

    def fail(question):
        raise KeyboardInterrupt

    runner.trial = fail  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        count(runner, {"a": "q"}, 5, jobs=2)  # type: ignore[arg-type, dict-item]
    assert not runner.stop.is_set()


def test_trials_that_say_nothing_are_not_in_n():
    found = counted(ok=3, hang_at_exit=1, kit_fault=4, unsolvable=2)
    assert (found.failures.k, found.failures.n) == (1, 4)


def test_only_enough_clean_trials_are_called_safe():
    enough = CLEAN_TRIALS
    assert counted(ok=enough).judgement.startswith("safe")
    assert not counted(ok=enough - 1).judgement.startswith("safe")
    assert counted(ok=500, crash_at_exit=1).judgement == "not safe"


def test_a_failure_that_is_not_the_bug_is_neither_safe_nor_the_bug():
    found = counted(ok=50, wrong_output=1)
    assert found.judgement == "fails differently"
    assert found.failures.k == 0


def test_nothing_testable_is_said_so():
    assert counted(unsupported=3).judgement == "not testable here"


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=6))
def test_ranking_puts_the_lower_upper_bound_first(pairs):
    counts = [counted(ok=a, hang_at_exit=b) for a, b in pairs]
    bounds = [c.failures.high for c in ranked(counts) if c.failures.n]
    assert bounds == sorted(bounds)
