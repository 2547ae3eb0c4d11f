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
from repro.model import Outcome, Symptom, TargetInfo
from repro.rates import CLEAN_TRIALS
from repro.run.question import Question
from repro.run.runner import Runner
from repro.signature import raised_in, signature
from repro.studies.shrink.screen import Screen

TELL_S = 2.0
ASKED_AT = 0.9
"""As the script gets shorter than this part of what passed before, it is asked again whether it passes."""
Say = Callable[[str], object]


@dataclass(slots=True)
class CandidateJudge:
    """Decides of each candidate whether it still fails like the script, and keeps the shortest that does.

    A ``screen`` is asked first, where there is one. That what it lets through fails in a process of its own too, and
    passes where the whole passes, is asked when the script has become a tenth shorter, and at the end: nearly every
    candidate does, and the question costs two runs. One that does not ends this way of asking: ``strict``.
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
    screen: Screen | None = None
    shortest: str = ""
    told: tuple[float, int] = (0.0, 1 << 30)
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
        found = self._plausible(text)
        if found:
            found = self._screened(text) if self.screen else self.fails(text, *self.affected)
        if found and (self.strict or len(text) < ASKED_AT * len(self.best)):
            found = self.holds(text)
        with self._lock:
            self.tried[digest] = found
            if not found:  # what was kept may yet be taken back
                with (self.folder / "tried.jsonl").open("a", encoding="utf-8") as file:
                    file.write(json.dumps(digest) + "\n")
            if found and len(text) < len(self.shortest or self.best):
                self.shortest = text
                self._tell(text)
        return found

    def _tell(self, text: str) -> None:
        """Progress: a line when the script lost lines, at most one in two seconds."""
        now, lines = time.monotonic(), len(text.splitlines())
        if lines < self.told[1] and now - self.told[0] > TELL_S:
            self.told = (now, lines)
            what = "candidates" if self.screen else "runs"
            count = self.candidates if self.screen else self.trials
            self.say(f"{lines} lines, {len(text)} characters after {count} {what}, {now - self.started:.0f} s")

    def holds(self, text: str) -> bool:
        """Whether it stands a real run where the script fails, and one where it passes; the shortest is kept."""
        stands = self.screen is None or self.fails(text, *self.affected)
        if not stands or (self.healthy is not None and self.fails(text, *self.healthy)):
            if not self.strict:
                why = "fails where the script passes" if stands else "passes in a process of its own"
                self.say(f"what is left {why}: back to where it did not, and asking each time from now on")
                self.strict = True
                self.tried = {digest: kept for digest, kept in self.tried.items() if not kept}
                self.went_astray.set()
            return False
        with self._lock:
            if len(text) < len(self.best):
                self.best = text
                write_atomic(self.folder / "best.py", text.encode())
        return True

    def _screened(self, text: str) -> bool:
        """Whether it raises the same in a fork. What it cannot answer (too long, a signal) is answered no."""
        assert self.screen is not None and self.recorded.signature is not None
        path = self._written(text)
        status, said = self.screen.run(path)
        path.unlink(missing_ok=True)
        same = signature(Outcome(Symptom.ERROR, "", exit_code=status, stderr_tail=said)) == self.recorded.signature
        return same and (not self.came_from or raised_in(said) == self.came_from)

    def _written(self, text: str) -> Path:
        path = self.scratch / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}-{threading.get_ident()}.py"
        path.write_text(text, encoding="utf-8")
        return path

    def _plausible(self, text: str) -> bool:
        return parses(text) and (self.may_be_unbound or not unbound(text))

    def fails(self, text: str, question: Question, target: TargetInfo) -> bool:
        """Whether it shows the recorded failure; of a race, in any of as many runs as settle it."""
        path = self._written(text)
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
