"""Answers a question from the trials kept so far, as far as nothing that matters changed, and runs what is missing."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from repro import __version__
from repro.errors import UserError
from repro.evidence.labels import label, label_of
from repro.evidence.store import Evidence, Store
from repro.forms import to_json
from repro.model import SCHEMA, Bug, Prepared, Symptom, TargetInfo, Unsolvable
from repro.studies.ask import reproduce_command
from repro.studies.result import Run
from repro.studies.runner import Question
from repro.studies.scheduler import Budget, Job, run_jobs

KIND = "cell"
_SAYS_NOTHING = frozenset({"claims.py", "upstream_test.py"})


class Trials(Protocol):
    """What this study needs of a runner."""

    @property
    def store(self) -> Store: ...
    @property
    def stop(self) -> threading.Event: ...
    def target(self, question: Question) -> TargetInfo | Unsolvable: ...
    def inputs(self, question: Question) -> Prepared: ...
    def trial(self, question: Question) -> Evidence: ...


@dataclass(slots=True)
class Cells:
    """The answers that are known. Each trial carries the key of its question in its own evidence file.

    The evidence is the only record: a kit that is killed at any moment loses the trials in progress and no other, and
    nothing can be counted twice. With ``reuse=False`` only the trials of this object count.
    """

    runner: Trials
    reuse: bool = True
    _kept: dict[str, list[Evidence]] | None = None
    _keys: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def known(self, question: Question) -> list[Evidence]:
        """The trials that answer this question, oldest first. Looks its environment up, and makes it if need be."""
        key = self._key(question)
        with self._lock:
            if self._kept is None:
                self._kept = kept_trials(self.runner.store) if self.reuse else {}
            return sorted(self._kept.get(key, ()), key=lambda one: one.id)

    def trial(self, question: Question) -> Evidence:
        """Run one more trial and keep it as an answer to this question."""
        key = self._key(question)
        kept = label(self.runner.store, self.runner.trial(question), {"kind": KIND, "id": KIND, "key": key})
        with self._lock:
            if self._kept is None:
                self._kept = kept_trials(self.runner.store) if self.reuse else {}
            if all(kept.id != one.id for one in self._kept.setdefault(key, [])):
                self._kept[key].append(kept)
        return kept

    def run(self, question: Question, count: int, budget: Budget | None = None) -> Run:
        """The first ``count`` trials of the question; those that are missing are run, as many at a time as fit."""
        job = Job(lambda: self.trial(question), question.limits.memory_bytes)
        jobs = [job] * self.missing(question, count)
        for _ in run_jobs(jobs, budget or Budget.of_machine(slots=1), self.runner.stop):
            pass
        return self.answer(question, count)

    def missing(self, question: Question, count: int) -> int:
        """How many of ``count`` trials are still to be run; of an environment that cannot exist one is enough."""
        known = self.known(question)
        impossible = isinstance(self.runner.target(question), Unsolvable)
        return max(0, (1 if impossible else count) - len(known))

    def answer(self, question: Question, count: int) -> Run:
        """The first ``count`` trials that are known. Raises ValueError if there is none."""
        known = self.known(question)
        if not known:
            raise ValueError("no trial of this question was run yet")
        return Run(tuple(known[:count]), reproduce_command(question, trials=count if count > 1 else None))

    def _key(self, question: Question) -> str:
        asked = repr((question.bug.slug, question.scenario, question.fix, question.target, question.limits))
        asked += repr(sorted(question.parameters.items()))
        if asked not in self._keys:  # within one run of the kit neither files nor environments are looked at again
            target = self.runner.target(question)
            prepared = None if isinstance(target, Unsolvable) else self.runner.inputs(question)
            self._keys[asked] = cell_key(question, target, prepared)
        return self._keys[asked]


def cell_key(question: Question, target: TargetInfo | Unsolvable, prepared: Prepared | None) -> str:
    """sha256 over all that decides a trial: sources of the bug, fix, parameters, inputs, limits, environment.

    What an impossible environment is asked to do does not matter, but the reason why it is impossible does.
    """
    fix = question.fix
    environment = target.key if isinstance(target, TargetInfo) else [target.spec, target.symptom.value, target.reason]
    parts: dict[str, Any] = {
        "schema": SCHEMA,
        "kit": __version__,
        "bug": question.bug.slug,
        "sources": sources(question.bug),
        "scenario": question.scenario.name,
        "fix": [fix.name, fix.kind.value, None if fix.path is None else _sha256(fix.path)],
        "parameters": to_json(question.parameters),
        "inputs": None if prepared is None else to_json(prepared.inputs),
        "expected": None if prepared is None else to_json(prepared.expected),
        "limits": asdict(question.limits),
        "environment": environment,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def sources(bug: Bug) -> Mapping[str, str]:
    """File -> sha256 of the Python sources beside ``bug.py`` that probe, prepare and judge (scripts for readers do
    not)."""
    files = (path for path in bug.folder.glob("*.py") if path.name not in _SAYS_NOTHING)
    return {path.name: _sha256(path) for path in sorted(files) if not path.name.startswith("minimal")}


def kept_trials(store: Store) -> dict[str, list[Evidence]]:
    """Key -> the trials kept under it, oldest first. What cannot be read is passed over: its trial is run again.

    A fault of the kit answers nothing, so it is never reused.
    """
    found: dict[str, list[Evidence]] = {}
    for path in sorted((store.root / "evidence").glob("*/*.json"), key=lambda path: path.name):
        try:
            if f'"{KIND}"' not in path.read_text("utf-8"):  # most files are of other studies: do not parse them
                continue
            evidence = store.load(path)
        except (OSError, UnicodeDecodeError, UserError):
            continue
        mark = label_of(evidence)
        if mark.get("kind") == KIND and evidence.verdict.symptom is not Symptom.KIT_FAULT:
            found.setdefault(str(mark.get("key")), []).append(evidence)
    return found


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
