"""A runner that runs nothing: it makes up each trial, and remembers what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from repro.bugs.declaration import Prepared
from repro.decide.current import GATE
from repro.evidence.record import LABEL
from repro.evidence.store import Evidence, Store
from repro.model import Outcome, Symptom, TargetInfo, Unsolvable, Verdict
from repro.run.key import trial_key
from repro.run.question import Question
from tests.evidence.examples import MIB, evidence

Answer = Callable[[Question], tuple[Outcome, Verdict]]


def embedded(seconds: float = 1.0, peak: int = 100 * MIB, payload: int = 50 * MIB, **measures: Any) -> Outcome:
    """A trial that finished: embedded ``payload`` bytes in ``seconds``, with ``peak`` bytes over its baseline."""
    said = {"bytes_needed": payload, "files_opened": 4, "files_needed": 4}
    said |= {"rss_before_embed_bytes": 140 * MIB, "peak_embed_bytes": 140 * MIB + peak, **measures}
    phases = ((0.5, "build"), (0.9, "take"), (1.0, "embed"), (1.0 + seconds, "verify"))
    return Outcome(Symptom.OK, "done", done=True, wall_s=seconds + 2, measures=said, phases=phases)


RIGHT = Verdict(Symptom.OK, False, "every embedded file equals its source")
GATED = (Outcome(Symptom.OK, "done", done=True), Verdict(Symptom.OK, False, "200 of 200 cases right"))


def fine(question: Question) -> tuple[Outcome, Verdict]:
    """Everything is right."""
    return GATED if question.scenario.name == GATE else (embedded(), RIGHT)


class Runner:
    """``answers`` maps the name of a fix to what its trials give; all others are ``fine``."""

    def __init__(self, root: Path, answers: Mapping[str, Answer] | None = None) -> None:
        self.store, self.stop, self.answers = Store(root), threading.Event(), dict(answers or {})
        self.asked: list[tuple[str, str]] = []
        self.interrupt_at = -1

    def target(self, question: Question) -> TargetInfo | Unsolvable:
        return TargetInfo(question.target, Path("python"), "3.11.7", {}, question.target)

    def inputs(self, question: Question) -> Prepared:
        return Prepared({})

    def key(self, question: Question) -> str:
        return trial_key(question, self.target(question), self.inputs(question))

    def trial(
        self, question: Question, *, label: Mapping[str, Any] | None = None, reproduce: str | None = None
    ) -> Evidence:
        if len(self.asked) == self.interrupt_at:
            raise KeyboardInterrupt
        self.asked.append((question.scenario.name, f"{question.fix.name} in {question.target.split()[0]}"))
        outcome, verdict = self.answers.get(question.fix.name, fine)(question)
        plain = {"kit_version": "0.1.0", "git": None, "machine": {"os": "Linux"}}
        made = evidence(
            provenance=plain | ({LABEL: dict(label)} if label else {}),
            bug=question.bug.slug,
            scenario=question.scenario.name,
            fix=question.fix.name,
            target={"spec": question.target, "datasets": question.target.split()[0].partition("==")[2], "packages": {}},
            limits=question.limits,
            outcome=outcome,
            verdict=verdict,
            reproduce=reproduce or question.command(),
            decided_by=self.key(question),
        )
        return self.store.save(made)
