"""Decides of each candidate of a shrinking whether it still fails like the whole script, by running it."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from repro.bugs.declaration import Prepared
from repro.bugs.script import Recorded, judge
from repro.decide.scripts import parses, unbound
from repro.files import write_atomic
from repro.model import Outcome, TargetInfo
from repro.rates import CLEAN_TRIALS
from repro.run.question import Question
from repro.run.runner import Runner
from repro.signature import raised_in

ASKED_AT = 0.9
"""As the script gets shorter than this part of what passed before, it is asked again whether it passes."""
Say = Callable[[str], object]


@dataclass(slots=True)
class CandidateJudge:
    """Decides of each candidate whether it still fails like the script, and keeps the shortest that does.

    That it passes where the whole passes is asked when the script has become a tenth shorter, and at the end: nearly
    every candidate does, and the question costs a run. One that does not ends this way of asking: ``strict``.
    """

    runner: Runner
    affected: tuple[Question, TargetInfo]
    healthy: tuple[Question, TargetInfo] | None
    recorded: Recorded
    folder: Path
    scratch: Path
    say: Say
    best: str
    came_from: str = ""
    may_be_unbound: bool = False
    shortest: str = ""
    strict: bool = False
    candidates: int = 0
    trials: int = 0
    tried: dict[str, bool] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)
    went_astray: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def keeps(self, text: str) -> bool:
        """Whether a candidate fails like the script where that fails, and passes where that passes."""
        digest = hashlib.sha256(text.encode()).hexdigest()
        with self._lock:
            self.candidates += 1
            if self.went_astray.is_set():
                return False
            if digest in self.tried:
                return self.tried[digest]
        found = self._plausible(text) and self.fails(text, *self.affected)
        if found and (self.strict or len(text) < ASKED_AT * len(self.best)):
            found = self.passes(text)
        with self._lock:
            self.tried[digest] = found
            with (self.folder / "tried.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps([digest, found]) + "\n")
            if found and len(text) < len(self.shortest or self.best):
                self.shortest = text
                spent = time.monotonic() - self.started
                size = f"{len(text.splitlines())} lines, {len(text)} characters"
                self.say(f"{size} after {self.trials} runs, {spent:.0f} s")
        return found

    def passes(self, text: str) -> bool:
        """Whether a candidate passes in the healthy environment; the shortest that does is what may be shown."""
        if self.healthy is not None and self.fails(text, *self.healthy):
            if not self.strict:
                self.say("what is left fails everywhere: back to where it did not, asking each time from now on")
                self.strict = True
                self.went_astray.set()
            return False
        with self._lock:
            if len(text) < len(self.best):
                self.best = text
                write_atomic(self.folder / "best.py", text.encode())
        return True

    def _plausible(self, text: str) -> bool:
        return parses(text) and (self.may_be_unbound or not unbound(text))

    def fails(self, text: str, question: Question, target: TargetInfo) -> bool:
        """Whether it shows the recorded failure; of a race, in any of as many runs as settle it."""
        path = self.scratch / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}-{threading.get_ident()}.py"
        path.write_text(text, encoding="utf-8")
        known = self.runner.inputs(question)
        prepared = Prepared({**known.inputs, "script": str(path)}, known.expected)
        try:
            for _ in range(CLEAN_TRIALS if self.recorded.race else 1):
                outcome, _ = self.runner.observe(question, target, prepared=prepared)
                with self._lock:
                    self.trials += 1
                if self.shows(outcome, prepared):
                    return True
        finally:
            path.unlink(missing_ok=True)
        return False

    def shows(self, outcome: Outcome, prepared: Prepared) -> bool:
        found = judge("", outcome, prepared.expected).is_bug
        return found and (not self.came_from or raised_in(outcome.stderr_tail) == self.came_from)
