"""Asks one question (bug, scenario, fix, target) with one or more trials, and keeps the evidence."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from repro import targets
from repro.errors import UserError
from repro.evidence.provenance import provenance
from repro.evidence.store import Evidence, Store
from repro.model import (
    NO_FIX,
    Bug,
    Fix,
    FixKind,
    Limits,
    Outcome,
    Prepared,
    Request,
    Scalar,
    Scenario,
    Stack,
    Symptom,
    TargetInfo,
    Unsolvable,
    Verdict,
)
from repro.studies.ask import reproduce_command, usable_paths
from repro.studies.scripts import locate
from repro.trial import diagnose, stacks
from repro.trial.supervise import scratch_folder, supervise
from repro.units import format_size

MIN_CAP_BYTES = 32 << 20
MINIMAL = "minimal"
"""The scenario under which a run of ``minimal.py`` is kept."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a trial is to find out. ``given`` holds only the parameters that were set; the bug supplies the rest."""

    bug: Bug
    scenario: Scenario
    fix: Fix
    target: str
    limits: Limits
    given: Mapping[str, Scalar] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, Scalar]:
        return {p.name: p.default for p in self.bug.parameters} | dict(self.given)


@dataclass(slots=True)
class Runner:
    """Runs trials. Environments and inputs are looked up once per runner, however many trials use them.

    Stacks of a hang are taken for the first ``stacks_per_question`` hangs of a question: they cost some seconds each.
    """

    cache: Path
    store: Store
    stop: threading.Event = field(default_factory=threading.Event)
    stacks_per_question: int = 1
    _targets: dict[tuple[str, tuple[str, ...], Path | None], TargetInfo | Unsolvable] = field(default_factory=dict)
    _inputs: dict[str, Prepared] = field(default_factory=dict)
    _stacked: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def target(self, question: Question) -> TargetInfo | Unsolvable:
        """The environment of a question, made if need be."""
        requires = tuple(dict.fromkeys((*question.bug.probe_requires, *question.scenario.needs)))
        patch = question.fix.path if question.fix.kind is FixKind.PATCH else None
        key = (question.target, requires, patch)
        with self._lock:
            if key not in self._targets:
                spec = targets.parse(question.target)
                with usable_paths():
                    self._targets[key] = targets.provision(spec, cache=self.cache, requires=requires, patch=patch)
            return self._targets[key]

    def inputs(self, question: Question) -> Prepared:
        """The inputs of a question, made if need be."""
        key = repr((question.bug.slug, question.scenario.name, sorted(question.parameters.items())))
        with self._lock:
            if key not in self._inputs:
                with usable_paths():
                    self._inputs[key] = question.bug.prepare(question.scenario.name, question.parameters, self.cache)
            return self._inputs[key]

    def trial(self, question: Question, *, memray: bool = False) -> Evidence:
        """Run the probe once and judge it. An environment that cannot exist is an outcome, not an exception."""
        check_limits(question.limits)
        target = self.target(question)
        if isinstance(target, Unsolvable):
            return self._impossible(question, target)
        prepared = self.inputs(question)
        memray_report: dict[str, Any] | None = None
        if memray and not diagnose.available(target.python):
            raise UserError(f"memray is not in the target {target.spec!r}: it has no wheel for python there")
        request = Request(
            question.bug.slug,
            question.scenario.name,
            question.fix.name,
            str(question.fix.path) if question.fix.kind is FixKind.RECIPE else None,
            question.parameters,
            prepared.inputs,
            "",
        )
        with scratch_folder() as scratch:
            outcome = supervise(
                request,
                target.python,
                question.bug.folder / "probe.py",
                question.limits,
                scratch=scratch,
                wrapper=diagnose.wrapper(scratch) if memray else (),
                environment=diagnose.ENVIRONMENT if memray else None,
                take_stacks=lambda pid: self._stacks(question, pid),
                stop=self.stop,
            )
            self._refuse_tiny_cap(question.limits, outcome)
            if memray:
                memray_report = self._diagnosis(target, question, scratch)
        verdict = judge(question, outcome, prepared.expected)
        described = {**target.summary(), "packages": dict(target.packages), "patch": target.patch}
        return self._keep(question, described, outcome, verdict, memray_report)

    def minimal(self, bug: Bug, spec: str, script: str = "minimal.py") -> Evidence:
        """Run the script that goes into the issue, as a reader would: plain, but under the bug's limits.

        It follows no probe contract: status 0 means it did not fail; anything else is the failure it shows.
        """
        scenario = Scenario(
            MINIMAL if script == "minimal.py" else script.removesuffix(".py"), "the script of the issue"
        )
        question = Question(bug, scenario, NO_FIX, spec, bug.default_limits)
        target = self.target(question)
        if isinstance(target, Unsolvable):
            return self._impossible(question, target)
        request = Request(bug.slug, scenario.name, NO_FIX.name, None, {}, {}, "")
        with scratch_folder() as scratch:
            outcome = supervise(
                request, target.python, bug.folder / script, bug.default_limits, scratch=scratch, stop=self.stop
            )
        if outcome.exit_code == 0:
            outcome = replace(outcome, symptom=Symptom.OK, detail="exit status 0", done=True)
        said = [line for line in outcome.stdout_tail.splitlines() if line.strip()]
        detail = outcome.signal or f"exit status {outcome.exit_code}"
        reason = f"{detail}: {said[-1]}" if said else detail
        described = {
            **target.summary(),
            "packages": dict(target.packages),
            "patch": None,
            "environment": targets.environment_text(target),
            "cause": locate(bug.cause_at, target),
        }
        verdict = Verdict(outcome.symptom, not outcome.symptom.healthy and outcome.symptom.counts, reason)
        return self._keep(question, described, outcome, verdict, None)

    def trials(
        self, question: Question, count: int, *, memray: bool = False, jobs: int = 1, seen: Callable[[], object] = int
    ) -> list[Evidence]:
        """``count`` trials of the same question, ``jobs`` at a time; ``seen`` is called after each."""

        def one(_: int) -> Evidence:
            evidence = self.trial(question, memray=memray)
            seen()
            return evidence

        if jobs <= 1 or count <= 1:
            return [one(i) for i in range(count)]
        with ThreadPoolExecutor(jobs) as pool:
            try:
                return list(pool.map(one, range(count)))
            except BaseException:
                self.stop.set()  # Ctrl-C reaches only the main thread: the others must be told
                pool.shutdown(cancel_futures=True)
                self.stop.clear()
                raise

    def _impossible(self, question: Question, target: Unsolvable) -> Evidence:
        """The evidence of a question whose environment cannot exist."""
        verdict = Verdict(target.symptom, False, target.reason)
        described = {"spec": target.spec, "packages": {}}
        return self._keep(question, described, Outcome(target.symptom, target.reason), verdict, None)

    def _diagnosis(self, target: TargetInfo, question: Question, scratch: Path) -> dict[str, Any]:
        page = scratch / "flamegraph.html"
        probe = question.bug.folder / "probe.py"
        report = diagnose.read_capture(target.python, scratch / diagnose.CAPTURE, probe, page)
        described = report.to_json()
        if report.flamegraph is not None:
            described["flamegraph"] = self.store.attach(question.bug.slug, "flamegraph.html", page.read_text("utf-8"))
        return described

    def _stacks(self, question: Question, pid: int) -> tuple[Stack, ...]:
        with self._lock:
            key = reproduce_command(question)
            self._stacked[key] += 1
            wanted = self._stacked[key] <= self.stacks_per_question
        return stacks.collect(pid) if wanted else ()

    def _refuse_tiny_cap(self, limits: Limits, outcome: Outcome) -> None:
        if outcome.symptom is Symptom.OUT_OF_MEMORY and not outcome.started and limits.memory_bytes is not None:
            cap = format_size(limits.memory_bytes)
            raise UserError(
                f"a cap of {cap} is below what importing the packages needs: give a larger --memory, as 512MiB"
            )

    def _keep(
        self,
        question: Question,
        target: Mapping[str, Any],
        outcome: Outcome,
        verdict: Verdict,
        memray: Mapping[str, Any] | None,
    ) -> Evidence:
        evidence = Evidence.create(
            bug=question.bug.slug,
            scenario=question.scenario.name,
            fix=question.fix.name,
            parameters=question.parameters,
            target=target,
            limits=question.limits,
            outcome=replace(outcome, symptom=verdict.symptom),
            verdict=verdict,
            provenance=provenance(),
            reproduce=reproduce_command(question, memray=memray is not None),
            memray=memray,
        )
        return self.store.save(evidence)


def judge(question: Question, outcome: Outcome, expected: Mapping[str, Any]) -> Verdict:
    """The oracle's verdict; what says nothing about the bug is not shown to the oracle at all."""
    if not outcome.symptom.counts:
        return Verdict(outcome.symptom, False, outcome.detail)
    return question.bug.oracle(question.scenario.name, outcome, expected)


def check_limits(limits: Limits) -> None:
    """Refuse limits under which no interpreter can even start."""
    if limits.memory_bytes is not None and limits.memory_bytes < MIN_CAP_BYTES:
        given, least = format_size(limits.memory_bytes), format_size(MIN_CAP_BYTES)
        raise UserError(
            f"a cap of {given} is below what an interpreter needs ({least}): give a larger --memory, as 512MiB"
        )
    if limits.timeout_s <= 0 or limits.grace_s <= 0:
        raise UserError("a timeout must be longer than 0 s: give --timeout 120s")
