"""Cache of trials, keyed by content hash: reuses stored trials whose hash is unchanged, runs the missing ones."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol

from repro.bugs.declaration import Prepared
from repro.errors import EnvironmentFault
from repro.evidence.record import Evidence
from repro.evidence.store import Store
from repro.model import Symptom, TargetInfo, Unsolvable
from repro.rates import Rate
from repro.run.pool import Budget, Executor, Job, Pool
from repro.run.question import Question
from repro.run.remote import SentTrial
from repro.run.result import Run

Step = Callable[[], object]
"""Called after each trial."""


def no_step() -> None:
    """Nobody watches."""


class Trials(Protocol):
    """What a study needs of a runner."""

    @property
    def store(self) -> Store: ...
    @property
    def stop(self) -> threading.Event: ...
    def target(self, question: Question) -> TargetInfo | Unsolvable: ...
    def inputs(self, question: Question) -> Prepared: ...
    def key(self, question: Question) -> str: ...
    def trial(
        self, question: Question, *, label: Mapping[str, Any] | None = None, reproduce: str | None = None
    ) -> Evidence: ...


@dataclass(slots=True)
class TrialCache:
    """The trials that are known. The evidence files are the only record, so nothing can be lost or counted twice.

    With ``reuse=False`` only the trials of this object count. A fault of the kit answers nothing: it is never reused.
    ``executor`` runs those that are missing.
    """

    runner: Trials
    reuse: bool = True
    executor: Executor = field(default_factory=Pool)
    _kept: dict[str, list[Evidence]] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def known(self, question: Question) -> list[Evidence]:
        """The trials that answer this question, oldest first. Looks its environment up, and makes it if need be."""
        key = self.runner.key(question)
        with self._lock:
            return list(self._all().get(key, ()))

    def trial(self, question: Question) -> Evidence:
        """Runs one more trial and remembers it."""
        return self._remember(question, self.runner.trial(question))

    def _remember(self, question: Question, kept: Evidence) -> Evidence:
        with self._lock:
            found = self._all().setdefault(self.runner.key(question), [])
            if kept.verdict.symptom is not Symptom.KIT_FAULT and all(one.id != kept.id for one in found):
                found.append(kept)
        return kept

    def diagnosed(self, question: Question) -> list[Evidence]:
        """The stored diagnostic runs of this question, oldest first: what memray slows down answers nothing else."""
        if not self.reuse:
            return []
        key = self.runner.key(question)
        kept = self.runner.store.query(bug=question.bug.slug)
        return [e for e in kept if e.memray and e.decided_by == key and e.verdict.symptom is not Symptom.KIT_FAULT]

    def run(self, question: Question, trials: int | None, budget: Budget | None = None, on_step: Step = no_step) -> Run:
        """The answer to one question: ``trials`` trials, or with ``None`` as many as it takes to settle it.

        If it failed, the bug's controls are asked too: where one fails, nothing can be said of the bug.
        """
        (run,) = self.run_all({"": question}, trials, budget, on_step).values()
        return run

    def run_all(
        self,
        questions: Mapping[str, Question],
        trials: int | None,
        budget: Budget | None = None,
        on_step: Step = no_step,
    ) -> dict[str, Run]:
        """The answers to several questions, their trials interleaved (A B C A B C …) so that drift hits all alike.

        With ``trials=None`` each race goes on until it is settled. Rounds are run whole, so that the order in which
        trials happen to end has no say in when a count stops. The same question under two names gives an A/A control:
        the two never share a trial.
        """
        budget = self.executor.room(budget or Budget.of_machine(slots=1))
        found = self._start(questions, trials)
        while waiting := {n: more for n, q in questions.items() if (more := self._missing(q, found[n], trials))}:
            each = max(1, -(-budget.slots // len(waiting)))
            turns = [name for number in range(each) for name, more in waiting.items() if number < more]
            jobs = [self._job(questions[name]) for name in turns]
            ended: dict[int, Evidence] = {}
            with closing(self.executor.run(jobs, budget, self.runner.stop)) as ending:
                for place, evidence in ending:
                    ended[place] = self._remember(questions[turns[place]], evidence)
                    on_step()
            for place, name in enumerate(turns):
                found[name].append(ended[place])
        return {name: self.answer(question, found[name], trials) for name, question in questions.items()}

    def missing(self, question: Question, trials: int | None) -> int:
        """How many trials are still to be run at most."""
        return self._missing(question, self.known(question)[:trials], trials)

    def answer(self, question: Question, evidence: Sequence[Evidence], trials: int | None = None) -> Run:
        """The trials as an answer, with the control that fails in the same target, if one does."""
        failed = any(e.verdict.informative and not e.verdict.symptom.healthy for e in evidence)
        broken = next(self._broken(question), None) if failed else None
        shown = trials if question.bug.race or trials != 1 else None
        return Run(tuple(evidence), question.command(trials=shown), question.bug.race, broken)

    def _start(self, questions: Mapping[str, Question], trials: int | None) -> dict[str, list[Evidence]]:
        """What is known of each question; between two names of the same question its trials are shared out."""
        found: dict[str, list[Evidence]] = {}
        names = list(questions)
        for name, question in questions.items():
            twins = [other for other in names if questions[other] == question]
            known = self.known(question)
            if len(twins) == 1:
                found[name] = known[:trials]
            else:
                found[name] = known[twins.index(name) :: len(twins)][:trials]
        return found

    def _missing(self, question: Question, evidence: Sequence[Evidence], trials: int | None) -> int:
        if isinstance(self.runner.target(question), Unsolvable):
            return 1 - min(1, len(evidence))
        if trials is not None:
            return max(0, trials - len(evidence))
        if not question.bug.race:
            return max(0, question.bug.default_trials - len(evidence))
        rate = Rate.of(e.verdict for e in evidence)
        silent = len(evidence) - rate.n - rate.other
        return 0 if rate.settled or silent > MOST_SILENT else rate.still_needed

    def _job(self, question: Question) -> Job[Evidence]:
        """One trial; what is to run in an environment that cannot exist is answered without leaving this process."""
        work, share = partial(self.runner.trial, question), _share(question)
        if isinstance(self.runner.target(question), Unsolvable):
            return Job(work, share)
        sent = SentTrial.of(question, self.runner.key(question))
        return Job(work, share, sent, partial(self._arrived, question))

    def _arrived(self, question: Question, evidence: Evidence) -> Evidence:
        """Keeps the trial of another process or machine as what answers this question here."""
        target = self.runner.target(question)
        there = evidence.target.get("packages", {})
        if isinstance(target, Unsolvable) or dict(there) != dict(target.packages):
            raise EnvironmentFault(
                f"{question.target!r} is another environment on a worker: set REPRO_CACHE to a folder that all "
                "machines share, or pin more packages in --target"
            )
        key = self.runner.key(question)
        return self.runner.store.save(replace(evidence, decided_by=key, reproduce=question.command()))

    def _broken(self, question: Question) -> Iterator[Evidence]:
        for control in question.controls:
            one = next(iter(self.known(control)), None) or self.trial(control)
            if one.verdict.symptom.informative and not one.verdict.symptom.healthy:
                yield one

    def _all(self) -> dict[str, list[Evidence]]:
        """Key -> trials, oldest first. What cannot be read is passed over: its trial is run again."""
        if self._kept is None:
            self._kept = {}
            for one in self.runner.store.search().evidence if self.reuse else ():
                if one.decided_by and one.memray is None and one.verdict.symptom is not Symptom.KIT_FAULT:
                    self._kept.setdefault(one.decided_by, []).append(one)
        return self._kept


def _share(question: Question) -> int | None:
    """Bytes to keep free for a trial: its cap. One without a cap runs alone, unless its bug is a race, not a hunger."""
    return 0 if question.bug.race and question.limits.memory_bytes is None else question.limits.memory_bytes


MOST_SILENT = 3
"""Trials that say nothing (an unsupported feature, a fault of ours) before a race is given up."""
