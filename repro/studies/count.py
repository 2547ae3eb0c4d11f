"""Counts how often a race shows: interleaved trials of several questions, each until it is settled."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from repro.evidence.record import Evidence
from repro.rates import Rate
from repro.run.cache import Step, TrialCache, no_step
from repro.run.pool import Budget
from repro.run.question import Question


@dataclass(frozen=True, slots=True)
class Count:
    """The trials of one question, under the name it is shown by."""

    name: str
    evidence: tuple[Evidence, ...]
    race: bool = True

    @property
    def symptoms(self) -> Counter[str]:
        return Counter(e.verdict.symptom.value for e in self.evidence)

    @property
    def rate(self) -> Rate:
        return Rate.of(e.verdict for e in self.evidence)


def race_budget(jobs: int | None = None) -> Budget:
    """Two trials a core at a time by default, since most of a hanging trial is waiting."""
    return Budget.of_machine(slots=jobs or 2 * (os.cpu_count() or 1))


def count(
    cache: TrialCache,
    questions: Mapping[str, Question],
    trials: int | None = None,
    *,
    jobs: int | None = None,
    on_step: Step = no_step,
) -> list[Count]:
    """Runs each question ``trials`` times, or until it is settled, in turns. Two names of one question: A/A control."""
    runs = cache.run_all(questions, trials, race_budget(jobs), on_step)
    return [Count(name, run.evidence, run.race) for name, run in runs.items()]


def ranked(counts: Sequence[Count]) -> list[Count]:
    """In order of safety: lowest upper bound first; what fails differently or says nothing last."""
    return sorted(counts, key=lambda c: (c.rate.n == 0, c.rate.other > 0, c.rate.high, c.name))
