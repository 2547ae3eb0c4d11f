"""Counting a race: interleaved, counted right, and never called safe on too few trials."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repro.model import Status, Symptom, Verdict
from repro.rates import CLEAN_TRIALS
from repro.run.cache import TrialCache
from repro.studies.count import Count, count, ranked
from tests.studies.fakes import FakeRunner, made_up, question


def trial(symptom: Symptom, is_bug: bool | None = None) -> Any:
    bug = symptom in {Symptom.HANG_AT_EXIT, Symptom.CRASH_AT_EXIT} if is_bug is None else is_bug
    return SimpleNamespace(verdict=Verdict(symptom, bug, "because"))


def counted(**symptoms: int) -> Count:
    trials = [trial(Symptom(name.replace("_", "-"))) for name, n in symptoms.items() for _ in range(n)]
    return Count("it", tuple(trials))


@settings(max_examples=30)
@given(st.integers(1, 5), st.integers(1, 6), st.integers(1, 4))
def test_every_question_gets_its_trials_and_they_take_turns(questions: int, trials: int, jobs: int) -> None:
    with TemporaryDirectory() as folder:
        runner, bug = FakeRunner(Path(folder), lambda spec: Symptom.OK), made_up(Path(folder) / "bug", race=True)
        asked = {f"q{i}": question(bug, f"datasets=={i}") for i in range(questions)}
        counts = count(TrialCache(runner), asked, trials, jobs=jobs)
        assert [len(c.evidence) for c in counts] == [trials] * questions
        targets = [one.target for one in asked.values()]
        if jobs == 1:
            assert runner.asked == targets * trials
        assert Counter(runner.asked) == dict.fromkeys(targets, trials)


def test_a_failing_trial_stops_the_others_and_the_runner_can_be_used_again(tmp_path: Path) -> None:
    def fail(spec: str) -> Symptom:
        raise KeyboardInterrupt

    runner = FakeRunner(tmp_path, fail)
    with pytest.raises(KeyboardInterrupt):
        count(TrialCache(runner), {"a": question(made_up(tmp_path / "bug", race=True))}, 5, jobs=2)
    assert not runner.stop.is_set()


def test_trials_that_say_nothing_are_not_in_n() -> None:
    found = counted(ok=3, hang_at_exit=1, kit_fault=4, unsolvable=2)
    assert (found.rate.k, found.rate.n) == (1, 4)


def test_only_enough_clean_trials_are_called_safe() -> None:
    enough = CLEAN_TRIALS
    assert counted(ok=enough).rate.fix_words(race=True).startswith("helps")
    assert counted(ok=enough - 1).rate.fix_words(race=True).startswith("unsettled")
    assert counted(ok=500, crash_at_exit=1).rate.fix_words(race=True).startswith("does not help")


def test_a_failure_that_is_not_the_bug_is_neither_safe_nor_the_bug() -> None:
    found = counted(ok=50, wrong_output=1)
    assert found.rate.status(race=True) is Status.DIFFERENT_FAILURE
    assert found.rate.fix_words(race=True).startswith("fails in another way")
    assert found.rate.k == 0


def test_nothing_testable_is_said_so() -> None:
    assert counted(unsupported=3).rate.fix_words(race=True) == "not testable here"


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=6))
def test_ranking_puts_the_lower_upper_bound_first(pairs: list[tuple[int, int]]) -> None:
    counts = [counted(ok=a, hang_at_exit=b) for a, b in pairs]
    bounds = [c.rate.high for c in ranked(counts) if c.rate.n]
    assert bounds == sorted(bounds)
