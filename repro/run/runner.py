"""Runs trials: finds the environment and the inputs of a question, supervises the probe, judges, keeps evidence."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from repro import places, targets
from repro.bugs import calls
from repro.bugs.declaration import FixKind, Prepared
from repro.errors import EnvironmentFault, UserError, usable_paths
from repro.evidence.provenance import provenance
from repro.evidence.record import Evidence
from repro.evidence.store import Store
from repro.model import Limits, Outcome, Request, Stack, Symptom, TargetInfo, Unsolvable, Verdict
from repro.run.hub import hub_of, with_record
from repro.run.key import trial_key
from repro.run.question import Question, check_limits
from repro.trial import at_work, diagnose, stacks
from repro.trial.supervise import scratch_folder, supervise
from repro.units import format_size

_PINS = (
    (r"numpy\.core\.\w+ failed to import|compiled using NumPy 1\.x|numpy\.dtype size changed", "'numpy<2'"),
    (r"ImportError: cannot import name .* from 'huggingface_hub", "an older hub, as 'huggingface-hub<1'"),
)
"""What an import says that fails because a dependency is too new, and the pin that mends it."""


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
        patch = question.fix.path if question.fix.kind is FixKind.PATCH else None
        tested = question.needs
        found = self.environment(question.target, tested, patch)
        if isinstance(found, TargetInfo) and tested and len(targets.missing_from(found, tested)) == len(set(tested)):
            names = " or ".join(dict.fromkeys(tested))
            raise UserError(
                f"{question.target!r} holds no {names}, so a run says nothing of it: name a checkout of those"
            )
        return found

    def environment(self, target: str, requires: tuple[str, ...], patch: Path | None = None) -> TargetInfo | Unsolvable:
        """The environment of a spec that also holds ``requires``, with the patch applied."""
        key = (target, tuple(dict.fromkeys(requires)), patch)
        with self._lock:
            if key not in self._targets:
                spec = targets.parse(target)
                at_work.hold(places.reports())  # 'clean --cache' would take the environment while it is made
                with usable_paths():
                    self._targets[key] = targets.provision(spec, cache=self.cache, requires=key[1], patch=patch)
            return self._targets[key]

    def inputs(self, question: Question) -> Prepared:
        """The inputs of a question, made if need be."""
        asked = question.bug.slug, question.scenario.name, sorted(question.parameters.items())
        key = repr((*asked, question.bug.prepare))  # of a script it holds the failure that is looked for
        with self._lock:
            if key not in self._inputs:
                self._inputs[key] = calls.prepare(question.bug, question.scenario.name, question.parameters, self.cache)
            return self._inputs[key]

    def key(self, question: Question) -> str:
        """The hash of all that decides a trial of this question, as its files are now."""
        target = self.target(question)
        return trial_key(question, target, None if isinstance(target, Unsolvable) else self.inputs(question))

    def trial(
        self,
        question: Question,
        *,
        memray: bool = False,
        label: Mapping[str, Any] | None = None,
        reproduce: str | None = None,
    ) -> Evidence:
        """Runs the probe once and judges it. An environment that cannot exist is an outcome, not an exception.

        ``label`` says which study the trial belongs to; ``reproduce`` is the command of that study.
        """
        check_limits(question.limits)
        reproduce = reproduce or question.command(memray=memray)
        target = self.target(question)
        if isinstance(target, Unsolvable):
            return self.keep_impossible(question, target, reproduce, self.key(question), label)
        key = self.key(question)
        outcome, diagnosis = self.observe(question, target, memray=memray)
        verdict = judge(question, outcome, self.inputs(question).expected)
        kept = described(target, question.needs)
        return self.keep(question, kept, outcome, verdict, reproduce, key, label, diagnosis)

    def observe(
        self, question: Question, target: TargetInfo, *, memray: bool = False, prepared: Prepared | None = None
    ) -> tuple[Outcome, Mapping[str, Any] | None]:
        """Runs the probe once; what came out, unjudged and not kept, and what memray saw if it was asked.

        ``prepared`` are other inputs than those of the question.
        """
        prepared = prepared or self.inputs(question)
        if memray and not diagnose.available(target.python):
            raise UserError(f"memray is not in the target {target.spec!r}: it has no wheel for python there")
        workaround = question.fix.path if question.fix.kind is FixKind.WORKAROUND else None
        request = Request(
            question.bug.slug,
            question.scenario.name,
            question.fix.name,
            None if workaround is None else str(workaround),
            question.parameters,
            prepared.inputs,
            "",
        )
        diagnosis: Mapping[str, Any] | None = None
        with scratch_folder() as scratch, hub_of(question.bug, question.scenario, prepared) as hub:
            outcome = supervise(
                request,
                target.python,
                question.bug.probe,
                question.limits,
                scratch=scratch,
                wrapper=diagnose.wrapper(scratch) if memray else (),
                environment={**(hub.environment if hub else {}), **(diagnose.ENVIRONMENT if memray else {})},
                take_stacks=lambda pid: self._stacks(question, pid),
                stop=self.stop,
            )
            _refuse_tiny_cap(question.limits, outcome)
            if hub is not None:
                outcome = with_record(outcome, hub)
            if memray:
                diagnosis = self._diagnosis(target, question, scratch)
        return outcome, diagnosis

    def keep(
        self,
        question: Question,
        target: Mapping[str, Any],
        outcome: Outcome,
        verdict: Verdict,
        reproduce: str,
        key: str,
        label: Mapping[str, Any] | None = None,
        memray: Mapping[str, Any] | None = None,
    ) -> Evidence:
        """Saves one trial, once, complete with its label and the hash of all that decided it."""
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
            label=label,
            reproduce=reproduce,
            memray=memray,
            decided_by=key,
        )
        return self.store.save(evidence)

    def keep_impossible(
        self,
        question: Question,
        target: Unsolvable,
        reproduce: str,
        key: str,
        label: Mapping[str, Any] | None = None,
    ) -> Evidence:
        """The evidence of a question whose environment cannot exist."""
        verdict = Verdict(target.symptom, False, target.reason)
        outcome = Outcome(target.symptom, target.reason)
        return self.keep(question, {"spec": target.spec, "packages": {}}, outcome, verdict, reproduce, key, label)

    def _diagnosis(self, target: TargetInfo, question: Question, scratch: Path) -> dict[str, Any]:
        page = scratch / "flamegraph.html"
        probe = question.bug.probe
        report = diagnose.read_capture(target.python, scratch / diagnose.CAPTURE, probe, page)
        found = report.to_json()
        if report.flamegraph is not None:
            found["flamegraph"] = self.store.attach(question.bug.slug, "flamegraph.html", page.read_text("utf-8"))
        return found

    def _stacks(self, question: Question, pid: int) -> tuple[Stack, ...]:
        with self._lock:
            key = question.command()
            self._stacked[key] += 1
            wanted = self._stacked[key] <= self.stacks_per_question
        return stacks.collect(pid) if wanted else ()


def described(target: TargetInfo, tested: Sequence[str] = ()) -> dict[str, Any]:
    """The environment as evidence keeps it; of a checkout, also what is tested but does not come from it."""
    besides = targets.missing_from(target, tested)
    more = {"from_index": list(besides)} if besides else {}
    return {**target.summary(), "packages": dict(target.packages), "patch": target.patch, **more}


def judge(question: Question, outcome: Outcome, expected: Mapping[str, Any]) -> Verdict:
    """The oracle's verdict; what says nothing about the bug is not shown to the oracle at all.

    A probe that failed before it said ``started`` could not even import what it looks at: a broken environment.
    """
    if not outcome.symptom.informative:
        return Verdict(outcome.symptom, False, outcome.detail)
    if not outcome.started and not outcome.symptom.healthy:
        return Verdict(outcome.symptom, False, f"the environment is broken: {before_start(outcome)}", testable=False)
    return calls.judge(question.bug, question.scenario.name, outcome, expected)


def before_start(outcome: Outcome) -> str:
    """What a probe that never began said last, how it ended, and a pin to try where one is known to help."""
    said = [line.strip() for line in outcome.stderr_tail.splitlines() if line.strip()]
    pin = next((f"; try the target with {pin}" for mark, pin in _PINS if re.search(mark, outcome.stderr_tail)), "")
    return f"{said[-1][:300]} ({outcome.detail}){pin}" if said else outcome.detail


def _refuse_tiny_cap(limits: Limits, outcome: Outcome) -> None:
    if outcome.symptom is Symptom.OUT_OF_MEMORY and not outcome.started and limits.memory_bytes is not None:
        cap = format_size(limits.memory_bytes)
        raise EnvironmentFault(
            f"a cap of {cap} is below what importing the packages needs: give a larger --memory, as 512MiB"
        )
