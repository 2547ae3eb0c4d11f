"""A runner without processes or environments, for the studies that sit above it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from repro.bugs.declaration import NO_FIX, Bug, Fix, Prepared, Scenario
from repro.evidence.record import LABEL
from repro.evidence.redact import Redactor
from repro.evidence.store import Evidence, Store
from repro.model import Limits, Outcome, Symptom, TargetInfo, Unsolvable, Verdict
from repro.run.key import trial_key
from repro.run.question import Question

IS_BUG = frozenset({Symptom.EXCESS_READ, Symptom.HANG_AT_EXIT})


def made_up(folder: Path, **changes: Any) -> Bug:
    """A bug whose probe is never run."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "probe.py").write_text("# a probe\n")
    given: dict[str, Any] = {
        "slug": "made-up",
        "title": "made up",
        "summary": "",
        "links": {},
        "scenarios": (Scenario("only", "the only one"), Scenario("control", "healthy", control=True)),
        "fixes": (NO_FIX,),
        "parameters": (),
        "prepare": lambda scenario, parameters, cache: Prepared({}),
        "oracle": lambda scenario, outcome, expected: Verdict(outcome.symptom, False, ""),
        "folder": folder,
        "default_scenario": "only",
        "default_limits": Limits(1 << 30, 10.0, 10.0),
    }
    return Bug(**(given | changes))


class FakeRunner:
    """Answers at once: ``show`` says what symptom a spec shows, ``impossible`` names specs without an environment.

    Controls are healthy unless ``control`` says otherwise; ``asked`` holds the targets of all other trials.
    ``ending`` gives the outcome of a symptom, where a test needs more of it than the name.
    """

    def __init__(
        self,
        root: Path,
        show: Callable[[str], Symptom],
        *,
        impossible: Mapping[str, str] | None = None,
        packages: Callable[[str], Mapping[str, str]] = lambda spec: dict([spec.split("==")]) if "==" in spec else {},
    ) -> None:
        self.store = Store(root, Redactor())
        self.stop = threading.Event()
        self.show, self.packages, self.impossible = show, packages, dict(impossible or {})
        self.control: Callable[[str], Symptom] = lambda spec: Symptom.OK
        self.ending: Callable[[str, Symptom], Outcome] = lambda spec, symptom: Outcome(symptom, "", started={"t": 0})
        self.testable: Callable[[str], bool] = lambda spec: True
        self.is_bug: Callable[[str, Symptom], bool] = lambda spec, symptom: symptom in IS_BUG
        self.environment = "1"
        self.files: Mapping[str, Any] = {}
        self.asked: list[str] = []
        self.controls_asked: list[str] = []

    def target(self, question: Question) -> TargetInfo | Unsolvable:
        spec = question.target
        if spec in self.impossible:
            return Unsolvable(spec, self.impossible[spec])
        return TargetInfo(spec, Path("python"), "3.11.7", self.packages(spec), f"{spec} {self.environment}")

    def inputs(self, question: Question) -> Prepared:
        return Prepared({}, self.files)

    def key(self, question: Question) -> str:
        target = self.target(question)
        return trial_key(question, target, None if isinstance(target, Unsolvable) else self.inputs(question))

    def trial(
        self, question: Question, *, label: Mapping[str, Any] | None = None, reproduce: str | None = None
    ) -> Evidence:
        control = question.scenario.control
        (self.controls_asked if control else self.asked).append(question.target)
        target, show = self.target(question), self.control if control else self.show
        symptom = target.symptom if isinstance(target, Unsolvable) else show(question.target)
        testable = control or self.testable(question.target)
        provenance = {"time_utc": "2026-11-01T00:00:00Z", "git": {"commit": "c0ffee", "dirty": False}}
        evidence = Evidence.create(
            bug=question.bug.slug,
            scenario=question.scenario.name,
            fix=question.fix.name,
            parameters=question.parameters,
            target={"spec": question.target, "packages": {}}
            if isinstance(target, Unsolvable)
            else {**target.summary(), "packages": dict(target.packages)},
            limits=question.limits,
            outcome=self.ending(question.target, symptom),
            verdict=Verdict(
                symptom, testable and self.is_bug(question.target, symptom), f"showed {symptom.value}", testable
            ),
            provenance=provenance | ({LABEL: dict(label)} if label else {}),
            reproduce=reproduce or question.command(),
            decided_by=self.key(question),
        )
        return self.store.save(evidence)


def question(bug: Bug, spec: str = "datasets==1.0", fix: Fix = NO_FIX, **changes: Any) -> Question:
    """The only scenario of ``bug``, in ``spec``."""
    given: dict[str, Any] = {"scenario": bug.scenarios[0], "limits": bug.default_limits} | changes
    return Question(bug, given.pop("scenario"), fix, spec, given.pop("limits"), **given)
