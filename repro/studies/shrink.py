"""Finds a smaller script that still fails in the same way: Shrink Ray proposes, a supervised run of each decides."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import signal
import socketserver
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.version import Version

from repro import targets
from repro.bugs.declaration import Prepared
from repro.bugs.script import HEADER, Recorded, header, judge, own_header, read_needs, read_record, with_versions
from repro.decide.scripts import parses, unbound
from repro.errors import EnvironmentFault, UserError
from repro.files import write_atomic
from repro.model import Outcome, Symptom, TargetInfo, Unsolvable
from repro.rates import CLEAN_TRIALS
from repro.run.pool import Budget
from repro.run.question import Question
from repro.run.runner import Runner
from repro.signature import raised_in
from repro.trial.leftovers import TOKEN_VARIABLE
from repro.trial.scratch import KIT_TOKEN, scratch_folder
from repro.trial.supervise import Interrupted

TOOL = ("shrinkray==26.4.14.0", "black==26.10.1")
"""Later releases of Shrink Ray need llama-cpp-python, which has no wheels. It brings Black."""
OLDEST_PYTHON = Version("3.12")
SLACK, LEAST_S = 4.0, 10.0
"""A candidate may take so many times as long as the script, and at least so many seconds; a hang has its timeout."""
_DRIVER = Path(__file__).with_name("shrink_driver.py")
_ELSEWHERE = frozenset({Symptom.CRASH.value, Symptom.CRASH_AT_EXIT.value})
Say = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Shrunk:
    """What came out: the text, how many candidates were looked at and run, and whether nothing smaller is left."""

    text: str
    candidates: int
    trials: int
    seconds: float
    finished: bool


@dataclass(slots=True)
class _Judge:
    """Decides of each candidate whether it still fails like the script, and keeps the shortest that does."""

    runner: Runner
    affected: tuple[Question, TargetInfo]
    healthy: tuple[Question, TargetInfo] | None
    recorded: Recorded
    folder: Path
    scratch: Path
    say: Say
    came_from: str = ""
    may_be_unbound: bool = False
    best: str = ""
    candidates: int = 0
    trials: int = 0
    tried: dict[str, bool] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def keeps(self, text: str) -> bool:
        """Whether a candidate fails like the script where that fails, and passes where that passes."""
        digest = hashlib.sha256(text.encode()).hexdigest()
        with self._lock:
            self.candidates += 1
            if digest in self.tried:
                return self.tried[digest]
        found = self._plausible(text) and self._fails(text, *self.affected)
        found = found and not (self.healthy and self._fails(text, *self.healthy))
        with self._lock:
            self.tried[digest] = found
            with (self.folder / "tried.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps([digest, found]) + "\n")
            if found and (not self.best or len(text) < len(self.best)):
                self.best = text
                write_atomic(self.folder / "best.py", text.encode())
                spent = time.monotonic() - self.started
                self.say(
                    f"{len(text.splitlines())} lines, {len(text)} characters after {self.trials} runs, {spent:.0f} s"
                )
        return found

    def _plausible(self, text: str) -> bool:
        return parses(text) and (self.may_be_unbound or not unbound(text))

    def _fails(self, text: str, question: Question, target: TargetInfo) -> bool:
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


def shrink(
    runner: Runner,
    question: Question,
    *,
    healthy: Question | None,
    unchecked: bool = False,
    most_s: float,
    jobs: int | None = None,
    fresh: bool = False,
    say: Say = len,
) -> Shrunk:
    """Makes the script of ``question`` smaller for at most ``most_s`` seconds, going on from where it was stopped.

    A candidate counts if it fails with the recorded signature, raised in the same function of a library, and does not
    fail so in the environment of ``healthy``, where the whole script passes. ``unchecked`` does without that.

    Ctrl-C ends it with the best so far, as does the end of the time; the next call goes on from there.

    Raises:
        UserError: the script does not fail (or not there, or also in ``healthy``), or only a healthy environment could
            tell its failure from one that the shrinking makes.
    """
    recorded, text = read_record(question.bug.folder), _body((question.bug.folder / "minimal.py").read_text("utf-8"))
    affected = question, _environment(runner, question)
    passing = (healthy, _environment(runner, healthy)) if healthy is not None else None
    work = runner.cache / "shrink" / _key(question, affected[1], passing)
    work.mkdir(parents=True, exist_ok=True)
    if fresh:
        for name in ("tried.jsonl", "best.py"):
            (work / name).unlink(missing_ok=True)
    tool = _tool(runner.cache)
    with scratch_folder() as scratch:
        judged = _Judge(runner, affected, passing, recorded, work, scratch, say)
        judged.tried = _known(work / "tried.jsonl")
        judged.may_be_unbound = not parses(text) or bool(unbound(text))
        _first_look(judged, text, unchecked=unchecked)
        if (work / "best.py").is_file():
            judged.best = (work / "best.py").read_text("utf-8")
            say(f"going on from {len(judged.best.splitlines())} lines, found before")
        start = judged.best or text
        slots = Budget.of_machine(slots=jobs).slots if question.limits.memory_bytes is None else _slots(question, jobs)
        finished = _reduce(judged, tool, start, slots, most_s)
        best = _formatted(judged, tool, judged.best or text)
    spent = time.monotonic() - judged.started
    return Shrunk(_with_header(question, affected[1], best), judged.candidates, judged.trials, spent, finished)


def _first_look(judged: _Judge, text: str, *, unchecked: bool) -> None:
    """Runs the whole script once where it fails and where it passes: limits follow from it, and what tells it apart."""
    question, target = judged.affected
    name = question.bug.typed
    for _ in range(CLEAN_TRIALS if judged.recorded.race else 1):
        outcome, _ = judged.runner.observe(question, target)
        if judged.shows(outcome, judged.runner.inputs(question)):
            break
    else:
        raise UserError(f"{name} does not fail as recorded in {question.target!r}: run 'repro run {name}' there first")
    if outcome.symptom is Symptom.ERROR:
        judged.came_from = raised_in(outcome.stderr_tail)
    telling = judged.came_from or outcome.symptom.value in _ELSEWHERE or unchecked
    if judged.healthy is None and not telling:
        raise UserError(
            f"{name} fails by itself ({judged.recorded.signature}), so what is left of it could fail for another "
            "reason: name an environment where it passes (--healthy SPEC; 'repro bisect' finds one), or --healthy none"
        )
    if judged.healthy is not None and judged._fails(text, *judged.healthy):
        raise UserError(f"{name} fails in {judged.healthy[0].target!r} too: name one with --healthy where it passes")
    if outcome.symptom not in (Symptom.HANG, Symptom.HANG_AT_EXIT) and not judged.recorded.race:
        within = min(question.limits.timeout_s, max(LEAST_S, SLACK * outcome.wall_s))
        judged.affected = replace(question, limits=replace(question.limits, timeout_s=within)), target


def _reduce(judged: _Judge, tool: Path, start: str, slots: int, most_s: float) -> bool:
    """Runs Shrink Ray; whether it found nothing smaller any more."""
    path = judged.scratch / "script.py"
    path.write_text(start, encoding="utf-8")
    if not start.strip():
        return True
    with _answering(judged) as address:
        child = subprocess.Popen(
            [str(tool / "python"), "-P", str(_DRIVER), str(address), str(path), str(slots)],
            cwd=judged.scratch,
            env={**os.environ, TOKEN_VARIABLE: f"{KIT_TOKEN}-shrink", "TMPDIR": str(judged.scratch)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the kit, which ends it
            text=True,
        )
        try:
            _, said = child.communicate(timeout=most_s)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            return False
        finally:
            judged.runner.stop.set()
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
    if child.returncode:
        raise EnvironmentFault(f"Shrink Ray failed ({' '.join(said.split())[-300:]}): type it again to go on")
    return True


@contextlib.contextmanager
def _answering(judged: _Judge) -> Iterator[Path]:
    """A socket on which candidates come in; gone, with all that still runs, at the end."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError, ValueError, Interrupted):  # ValueError: no UTF-8
                answer = judged.keeps(self.rfile.read().decode())
                self.wfile.write(b"1" if answer else b"0")

    class Server(socketserver.ThreadingUnixStreamServer):
        daemon_threads = False  # server_close waits for them, so that no trial outlives it
        request_queue_size = 64

    address = judged.scratch / "kit"
    with Server(str(address), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield address
        finally:
            judged.runner.stop.set()
            server.shutdown()
            thread.join()
    judged.runner.stop.clear()


def _formatted(judged: _Judge, tool: Path, text: str) -> str:
    """The text as Black would write it, if that still fails; else as it is."""
    done = subprocess.run(
        [tool / "black", "--quiet", "--line-length", "100", "-"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout if not done.returncode and done.stdout.strip() and judged.keeps(done.stdout) else text


def _tool(cache: Path) -> Path:
    """The folder of Shrink Ray's programs, in an environment of its own."""
    fitting = [one for one in targets.installed() if Version(one.version) >= OLDEST_PYTHON]
    if not fitting:
        raise EnvironmentFault(
            f"shrinking needs Python {OLDEST_PYTHON} or newer (for Shrink Ray): 'uv python install {OLDEST_PYTHON}'"
        )
    spec = f"{' '.join(TOOL)} python=={'.'.join(fitting[-1].version.split('.')[:2])}"
    made = targets.provision(spec, cache=cache, requires=(), diagnostic=())
    if isinstance(made, Unsolvable):
        raise EnvironmentFault(f"Shrink Ray cannot be installed here: {made.reason}")
    return made.python.parent


def _environment(runner: Runner, question: Question) -> TargetInfo:
    made = runner.target(question)
    if isinstance(made, Unsolvable):
        raise UserError(f"no environment {question.target!r}: {made.reason}")
    return made


def _slots(question: Question, jobs: int | None) -> int:
    budget = Budget.of_machine(slots=jobs)
    return max(1, min(budget.slots, budget.memory_bytes // (question.limits.memory_bytes or 1)))


def _known(path: Path) -> dict[str, bool]:
    """What was tried before; a last line that a kill cut off is left out."""
    found = dict[str, bool]()
    with contextlib.suppress(OSError):
        for line in path.read_text("utf-8").splitlines():
            with contextlib.suppress(ValueError):
                digest, kept = json.loads(line)
                found[digest] = kept
    return found


def _key(question: Question, target: TargetInfo, healthy: tuple[Question, TargetInfo] | None) -> str:
    parts = [question.bug.slug, repr(question.limits), target.key, healthy[1].key if healthy else ""]
    parts.append((question.bug.folder / "minimal.py").read_text("utf-8"))
    parts.append(repr(read_record(question.bug.folder)))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


def _body(text: str) -> str:
    return re.sub(r"\A\n+", "", HEADER.sub("", text))


def _with_header(question: Question, target: TargetInfo, body: str) -> str:
    """The script with a header: its own one, else what it still imports, in the versions it was seen to fail with."""
    if own_header(question.bug):
        found = HEADER.search((question.bug.folder / "minimal.py").read_text("utf-8"))
        return f"{found[0].rstrip() if found else ''}\n{body}"
    return f"{header(with_versions(read_needs(body).names, target.packages, target.local))}{body}"
