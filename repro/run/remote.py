"""A trial for another process or machine: words go there, redacted evidence comes back."""

from __future__ import annotations

import functools
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from repro import places
from repro.bugs.script import is_script
from repro.errors import UserError
from repro.evidence.provenance import machine_id
from repro.evidence.record import Evidence
from repro.evidence.store import Store
from repro.model import Limits, Scalar
from repro.run.key import is_current, sources_key
from repro.run.question import Question, question
from repro.run.runner import Runner


@dataclass(frozen=True, slots=True)
class SentTrial:
    """One trial of a question in words, so that bug, environment and inputs are found where it runs.

    ``key`` is the hash of what decides it, as the sender has it.
    """

    bug: str
    scenario: str
    fix: str
    target: str
    given: Mapping[str, Scalar]
    limits: Limits
    key: str

    @classmethod
    def of(cls, asked: Question, key: str) -> SentTrial:
        bug = asked.bug.slug
        if is_script(asked.bug.typed):
            bug = str(Path(asked.bug.typed).expanduser().absolute())
        return cls(bug, asked.scenario.name, asked.fix_word, asked.target, dict(asked.given), asked.limits, key)

    def __call__(self, stop: threading.Event) -> Evidence:
        """Runs it here; what comes out is redacted and on no disk.

        Raises:
            UserError: the code of the bug or of the supervisor is another one here.
            Interrupted: ``stop`` was set.
        """
        words = question(
            self.bug, scenario=self.scenario, fix=self.fix, target=self.target, parameters=self.given
        )  # fmt: skip
        asked = replace(words, limits=self.limits)
        if not is_current(self.key, sources_key(asked.bug)):
            raise UserError(f"a worker has another version of the kit or of {asked.bug.slug}: install the same on both")
        evidence = replace(_runner(), stop=stop).trial(asked)
        origin = dict(evidence.provenance)
        origin["machine"] = {**origin["machine"], "id": machine_id()}
        return replace(evidence, provenance=origin)


class _Unsaved(Store):
    """Redacts what it is to keep, and keeps nothing."""

    def save(self, evidence: Evidence) -> Evidence:
        return evidence.redacted(self.redactor)


@functools.cache
def _runner() -> Runner:
    """The runner of this process: environments and inputs are looked up once."""
    return Runner(places.cache(), _Unsaved(places.reports()))
