"""Counts how often a race shows: repeated, interleaved trials of several questions, and what k of n supports."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from repro.evidence.store import Evidence
from repro.studies.cells import Cells
from repro.studies.interleave import Turn, interleave
from repro.studies.runner import Question, Runner
from repro.studies.statistics import Interval, wilson

SAFE_BELOW = 0.10
"""A fix is called safe only if the upper 95 % bound of its failure rate is below this (35 clean trials, or more)."""


@dataclass(frozen=True, slots=True)
class Count:
    """The trials of one question. Trials that say nothing about the bug are left out of ``n``."""

    name: str
    evidence: tuple[Evidence, ...]

    @property
    def symptoms(self) -> Counter[str]:
        return Counter(e.verdict.symptom.value for e in self.evidence)

    @property
    def failures(self) -> Interval:
        """How many showed the bug, with the 95 % Wilson interval of the rate."""
        counted = [e for e in self.evidence if e.verdict.symptom.counts]
        return wilson(sum(e.verdict.is_bug for e in counted), len(counted))

    @property
    def strange(self) -> int:
        """How many failed in a way that is not the bug."""
        return sum(
            e.verdict.symptom.counts and not e.verdict.symptom.healthy and not e.verdict.is_bug for e in self.evidence
        )

    @property
    def judgement(self) -> str:
        """What the count supports, in words."""
        rate = self.failures
        if rate.n == 0:
            return "not testable here" if self.evidence else "not tested"
        if rate.k:
            return "not safe"
        if self.strange:
            return "fails differently"
        if rate.high < SAFE_BELOW:
            return f"safe: fails in less than {rate.high:.1%} (95 %)"
        return f"no failure seen; {rate.n} trials only say less than {rate.high:.0%} (95 %)"


def default_jobs() -> int:
    """Trials at a time for a race: two a core, since most of a hanging trial is waiting."""
    return 2 * (os.cpu_count() or 1)


def count(
    runner: Runner,
    questions: Mapping[str, Question],
    trials: int,
    *,
    jobs: int | None = None,
    seen: Callable[[], object] = int,
    cells: Cells | None = None,
) -> list[Count]:
    """Run each question ``trials`` times, interleaved (A B C A B C …), ``jobs`` at a time.

    Naming the same question twice gives an A/A control. With ``cells`` the trials that are known already are used.
    """
    found: dict[str, list[Evidence]] = {name: [] for name in questions}
    if cells is not None:
        names = list(questions)
        for place, name in enumerate(names):
            # the two sides of an A/A control must not be given the same trials
            twins = sum(questions[other] == questions[name] for other in names[:place])
            found[name] = cells.known(questions[name])[twins * trials : (twins + 1) * trials]
    done = {Turn(number, name) for name, kept in found.items() for number in range(len(kept))}
    turns = list(interleave(tuple(questions), trials, done))
    run = runner.trial if cells is None else cells.trial

    def one(turn: Turn) -> Evidence:
        evidence = run(questions[turn.candidate])
        seen()
        return evidence

    with ThreadPoolExecutor(jobs or default_jobs()) as pool:
        try:
            for turn, evidence in zip(turns, pool.map(one, turns), strict=True):
                found[turn.candidate].append(evidence)
        except BaseException:
            runner.stop.set()  # Ctrl-C reaches only the main thread: the others must be told
            pool.shutdown(cancel_futures=True)
            runner.stop.clear()
            raise
    return [Count(name, tuple(evidence)) for name, evidence in found.items()]


def ranked(counts: Sequence[Count]) -> list[Count]:
    """In order of safety: lowest upper bound first; what fails differently or says nothing last."""
    return sorted(counts, key=lambda c: (c.failures.n == 0, c.strange > 0, c.failures.high, c.name))
