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
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.version import Version

from repro import targets
from repro.bugs.script import HEADER, header, own_header, read_needs, read_record, with_versions
from repro.decide.scripts import parses, unbound
from repro.errors import EnvironmentFault, UserError
from repro.model import Symptom, TargetInfo, Unsolvable
from repro.rates import CLEAN_TRIALS
from repro.run.pool import Budget
from repro.run.question import Question
from repro.run.runner import Runner
from repro.signature import raised_in
from repro.studies.shrink.judge import CandidateJudge, Say
from repro.studies.shrink.screen import Screen
from repro.trial.leftovers import TOKEN_VARIABLE
from repro.trial.scratch import KIT_TOKEN, scratch_folder
from repro.trial.supervise import Interrupted

TOOL = ("shrinkray==26.4.14.0", "black==26.10.1")
"""Later releases of Shrink Ray need llama-cpp-python, which has no wheels. It brings Black."""
OLDEST_PYTHON = Version("3.12")
SLACK, LEAST_S = 4.0, 10.0
"""A candidate may take so many times as long as the script, and at least so many seconds; a hang has its timeout."""
TICK_S = 0.1
_DRIVER = Path(__file__).with_name("driver.py")
_ELSEWHERE = frozenset({Symptom.CRASH.value, Symptom.CRASH_AT_EXIT.value})


@dataclass(frozen=True, slots=True)
class Shrunk:
    """What came out: the text, how many candidates were looked at and run, and whether nothing smaller is left."""

    text: str
    candidates: int
    trials: int
    seconds: float
    finished: bool


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
        judged = CandidateJudge(runner, affected, passing, recorded, work, scratch, say, best=text)
        judged.tried = _known(work / "tried.jsonl")
        judged.may_be_unbound = not parses(text) or bool(unbound(text))
        _first_look(judged, text, unchecked=unchecked)
        if (work / "best.py").is_file():
            judged.best = (work / "best.py").read_text("utf-8")
            say(f"going on from {len(judged.best.splitlines())} lines, found before")
        slots = Budget.of_machine(slots=jobs).slots if question.limits.memory_bytes is None else _slots(question, jobs)
        with _screening(judged, text, slots):
            finished = _reduce(judged, tool, slots, time.monotonic() + most_s)
        best = _formatted(judged, tool)
    spent = time.monotonic() - judged.started
    return Shrunk(_with_header(question, affected[1], best), judged.candidates, judged.trials, spent, finished)


def _first_look(judged: CandidateJudge, text: str, *, unchecked: bool) -> None:
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
    if judged.healthy is not None and judged.fails(text, *judged.healthy):
        raise UserError(f"{name} fails in {judged.healthy[0].target!r} too: name one with --healthy where it passes")
    if outcome.symptom not in (Symptom.HANG, Symptom.HANG_AT_EXIT) and not judged.recorded.race:
        within = min(question.limits.timeout_s, max(LEAST_S, SLACK * outcome.wall_s))
        judged.affected = replace(question, limits=replace(question.limits, timeout_s=within)), target


@contextlib.contextmanager
def _screening(judged: CandidateJudge, text: str, slots: int) -> Iterator[None]:
    """A screen for the time of the search, for exceptions: how a process dies or hangs is seen in a real run only."""
    question, target = judged.affected
    signature = judged.recorded.signature
    if signature is None or signature.symptom != Symptom.ERROR.value or judged.recorded.race:
        yield
        return
    screen = Screen(target, text, judged.scratch, slots, question.limits.timeout_s)
    try:
        judged.screen = screen if screen.usable else None
        yield
    finally:
        screen.close()
        judged.screen = None


def _reduce(judged: CandidateJudge, tool: Path, slots: int, until: float) -> bool:
    """Runs Shrink Ray, from the best so far; whether it found nothing smaller any more."""
    while True:
        judged.shortest = ""
        judged.went_astray.clear()
        finished = _propose(judged, tool, slots, until)
        if not judged.went_astray.is_set() and (not judged.shortest or judged.holds(judged.shortest)):
            return finished


def _propose(judged: CandidateJudge, tool: Path, slots: int, until: float) -> bool:
    path, said = judged.scratch / "script.py", judged.scratch / "stderr"
    path.write_text(judged.best, encoding="utf-8")
    with _answering(judged) as address, said.open("wb") as stderr:
        child = subprocess.Popen(
            [str(tool / "python"), "-W", "ignore", str(_DRIVER), str(address), str(path), str(slots)],
            cwd=judged.scratch,
            env={**os.environ, TOKEN_VARIABLE: f"{KIT_TOKEN}-shrink", "TMPDIR": str(judged.scratch)},
            stdin=subprocess.DEVNULL,
            stdout=stderr,
            stderr=stderr,
            start_new_session=True,  # Ctrl-C is for the kit, which ends it
        )
        try:
            while child.poll() is None and time.monotonic() < until and not judged.went_astray.wait(TICK_S):
                pass
        except KeyboardInterrupt:
            return False
        finally:
            judged.runner.stop.set()
            ended = child.poll()
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
    if ended:
        why = " ".join(said.read_text("utf-8", "replace").split())[-300:]
        raise EnvironmentFault(f"Shrink Ray failed ({why}): type it again to go on")
    return ended == 0


@contextlib.contextmanager
def _answering(judged: CandidateJudge) -> Iterator[Path]:
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
    address.unlink(missing_ok=True)  # of the round before
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


def _formatted(judged: CandidateJudge, tool: Path) -> str:
    """The best so far as Black would write it, if that still fails; else as it is."""
    black: list[str | Path] = [tool / "black", "--quiet", "--line-length", "100", "-"]
    done = subprocess.run(black, input=judged.best, capture_output=True, text=True, check=False)
    ok = not done.returncode and done.stdout.strip() and judged.keeps(done.stdout) and judged.holds(done.stdout)
    return done.stdout if ok else judged.best


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
    """What was tried before and is not the bug; a last line that a kill cut off is left out."""
    found = dict[str, bool]()
    with contextlib.suppress(OSError):
        for line in path.read_text("utf-8").splitlines():
            with contextlib.suppress(ValueError):
                found[json.loads(line)] = False
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
