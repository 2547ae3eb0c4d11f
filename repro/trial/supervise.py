"""Runs one probe under limits, watches it from outside, and writes down what happened."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from repro.errors import SpawnError
from repro.model import Limits, Outcome, Request, Sample, Stack, Symptom
from repro.trial import meters, stacks
from repro.trial.caps import NOT_ENTERED, PREFIX, Cap, Cgroup, open_cap
from repro.trial.classify import Facts, classify
from repro.trial.events import EventReader
from repro.trial.guardian import Guardian
from repro.trial.process import Child, Output, probe_environment

TICK_S = 0.02
MAX_SAMPLES = 400
KIT_TOKEN = f"{os.getpid()}-{uuid.uuid4().hex[:12]}"


class Interrupted(Exception):
    """The trial was stopped by the kit (Ctrl-C); nothing of it is left."""


_GUARDIAN_LOCK = threading.Lock()


@cache
def _make_guardian() -> Guardian:
    return Guardian(KIT_TOKEN)


def _guardian() -> Guardian:
    with _GUARDIAN_LOCK:
        return _make_guardian()


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A temporary folder that is gone afterwards, whatever happens to the trial or to the kit."""
    path = Path(tempfile.gettempdir()).resolve() / f"{PREFIX}{os.getpid()}-{uuid.uuid4().hex[:12]}"
    _guardian().watch(path)  # before it exists: a kill between the two must leave nothing either
    path.mkdir(mode=0o700)
    try:
        yield path
    finally:
        for _ in range(3):  # an escaped process may still be writing while it dies
            shutil.rmtree(path, ignore_errors=True)
            if not path.exists():
                break
            time.sleep(0.05)
        _guardian().forget(path)


def thinned(samples: Sequence[Sample], limit: int = MAX_SAMPLES) -> tuple[Sample, ...]:
    """At most ``limit`` samples: of each run of neighbours the largest, so that no peak is lost."""
    if len(samples) <= limit:
        return tuple(samples)
    step = -(-len(samples) // limit)
    groups = (samples[i : i + step] for i in range(0, len(samples), step))
    return tuple(max(group, key=lambda s: s.rss_bytes) for group in groups)


def supervise(
    request: Request,
    python: Path | str,
    probe: Path,
    limits: Limits,
    *,
    scratch: Path,
    wrapper: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    take_stacks: Callable[[int], tuple[Stack, ...]] = stacks.collect,
    stop: threading.Event | None = None,
    cap_backend: str | None = None,
) -> Outcome:
    """Run ``python [wrapper] probe REQUEST EVENTS`` once and say how it ended.

    ``wrapper`` goes between the interpreter and the probe (``-m memray run …``). ``scratch`` is the working folder of
    the probe, from ``scratch_folder``. A spawn failure is a ``kit-fault`` outcome; bad limits raise UserError.

    Raises:
        Interrupted: ``stop`` was set; KeyboardInterrupt passes through. Either way nothing is left running.
    """
    request_file, events_file = scratch / "REQUEST.json", scratch / "EVENTS.jsonl"
    request_file.write_text(json.dumps(replace(request, scratch=str(scratch)).to_json()))
    command = [str(python), *wrapper, str(probe), str(request_file), str(events_file)]
    env = probe_environment(scratch, f"{KIT_TOKEN}-{uuid.uuid4().hex[:8]}", environment)
    cap = open_cap(limits.memory_bytes, cap_backend, announce=_guardian().watch)
    python_file = shutil.which(str(python))
    out, err = Output(scratch / "stdout"), Output(scratch / "stderr")
    try:
        if python_file is None:
            raise SpawnError(f"no such interpreter: {Path(python).name}")
        child = Child(cap.wrap(command), env, scratch, out, err)
        return _Watch(child, cap, limits, EventReader(events_file), (out, err), take_stacks, stop).run()
    except SpawnError as error:
        return Outcome(Symptom.KIT_FAULT, str(error), cap_backend=cap.name)
    finally:
        cap.close()
        if isinstance(cap, Cgroup):
            _guardian().forget(cap.path)
        out.close()
        err.close()


class _Watch:
    """The polling loop of one trial."""

    def __init__(
        self,
        child: Child,
        cap: Cap,
        limits: Limits,
        reader: EventReader,
        outputs: tuple[Output, Output],
        take_stacks: Callable[[int], tuple[Stack, ...]],
        stop: threading.Event | None,
    ) -> None:
        self.child, self.cap, self.limits, self.reader, self.outputs = child, cap, limits, reader, outputs
        self.take_stacks, self.stop = take_stacks, stop
        self.tree = meters.Tree(child.pid)
        self.samples: list[Sample] = []
        self.stacks: tuple[Stack, ...] = ()
        self.done_at: float | None = None
        self.given_up_at: float | None = None  # taking stacks comes after it and is not the probe's time
        self.machine_kills = meters.machine_oom_kills()

    def run(self) -> Outcome:
        reason, survivors = "", 0
        try:
            while not self.child.ended(TICK_S):
                if self.stop is not None and self.stop.is_set():
                    raise Interrupted
                reason = self._tick()
                if reason:
                    break
            wall = self.given_up_at or self._now()
            self.tree.last_words()
        finally:
            oom_kills, peak = self.cap.oom_kills(), self.cap.peak_bytes()
            survivors = self.child.finish(self.tree.known.values(), self.cap.pids())
        return self._outcome(reason, wall, survivors, oom_kills, peak)

    def _now(self) -> float:
        return time.monotonic() - self.child.started_at

    def _tick(self) -> str:
        """One look at the trial; returns why it must be ended now, or an empty string."""
        now = self._now()
        rss, count = self.tree.sample()
        self.samples.append(Sample(round(now, 3), rss, count))
        if len(self.samples) > 4 * MAX_SAMPLES:
            self.samples = list(thinned(self.samples, 2 * MAX_SAMPLES))
        self.cap.attach(self.child.pid)
        for output in self.outputs:
            if output.flooded:
                with self.child.paused():
                    output.trim()
        if self.reader.poll().done and self.done_at is None:
            self.done_at = now
        cap = self.limits.memory_bytes
        if cap is not None and self.cap.name == "watchdog" and self.tree.above(cap, rss):
            return "cap"
        if self.cap.oom_kills():  # a killed pool worker leaves its parent waiting for ever
            self.child.ended(0.2)
            return "group-oom"
        late = now > self.limits.timeout_s if self.done_at is None else now > self.done_at + self.limits.grace_s
        if late:
            self.given_up_at = now
            self.stacks = self.take_stacks(self.child.pid)
            return "timeout" if self.done_at is None else "grace"
        return ""

    def _outcome(
        self, reason: str, wall: float, survivors: int, oom_kills: int | None, kernel_peak: int | None
    ) -> Outcome:
        events, _cut_off = self.reader.finish()
        before, after = self.machine_kills, meters.machine_oom_kills()
        stderr = self.outputs[1].tail()
        refused = self.child.exit_code == NOT_ENTERED and events.started is None
        cgroup_fault = ("it could not enter its cgroup",) if refused else ()
        facts = Facts(
            exit_code=self.child.exit_code,
            signal=self.child.signal,
            started=events.started is not None,
            done=events.done,
            unsupported=events.unsupported,
            faults=(*cgroup_fault, *events.faults),
            ended_by_us="" if reason == "group-oom" else reason,
            group_oom_kills=oom_kills,
            machine_oom_kills=after - before if before is not None and after is not None else None,
            timeout_s=self.limits.timeout_s,
            grace_s=self.limits.grace_s,
        )
        ending = classify(facts)
        done_at = self.done_at if self.done_at is not None else wall
        return Outcome(
            symptom=ending.symptom,
            detail=ending.detail,
            exit_code=facts.exit_code,
            signal=facts.signal,
            killer=ending.killer,
            killer_basis=ending.basis,
            done=events.done,
            wall_s=round(wall, 3),
            exit_s=round(wall - done_at, 3) if events.done else None,
            peak_rss_bytes=self.tree.peak,
            peak_rss_source=self.tree.peak_source,
            peak_kernel_bytes=kernel_peak,
            cap_backend=self.cap.name,
            measures=events.measures,
            started=events.started or {},
            phases=tuple(events.phases),
            timeline=thinned(self.samples),
            stdout_tail=self.outputs[0].tail(),
            stderr_tail=stderr,
            stacks=self.stacks or stacks.from_stderr(stderr),
            survivors=survivors,
        )
