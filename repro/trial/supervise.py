"""Runs one probe under limits, watches it from outside, and writes down what happened."""

from __future__ import annotations

import json
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import psutil

from repro.errors import SpawnError
from repro.model import Limits, Outcome, Request, Sample, Stack, Symptom
from repro.trial import meters, process, stacks
from repro.trial.caps import Cap, open_cap
from repro.trial.cgroup import NOT_ENTERED, Cgroup
from repro.trial.classify import Facts, classify
from repro.trial.events import EventReader
from repro.trial.output import HeldFile, Output
from repro.trial.scratch import KIT_TOKEN, full, guardian, no_room, scratch_folder
from repro.trial.tree import Tree
from repro.units import about

__all__ = ["KIT_TOKEN", "Interrupted", "scratch_folder", "supervise"]

TICK_S = 0.02
ENTER_S = 1.0
MAX_SAMPLES = 400
TOOLS = Path(__file__).with_name("probe_tools.py")
"""What probes import; a script that is none, and so lies in the scratch folder itself, gets nothing."""


class Interrupted(Exception):
    """The trial was stopped by the kit (Ctrl-C); nothing of it is left."""


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
    machine_oom_kills: Callable[[], int | None] = meters.machine_oom_kills,
) -> Outcome:
    """Run ``python [wrapper] probe REQUEST EVENTS`` once and say how it ended.

    ``wrapper`` goes between the interpreter and the probe (``-m memray run …``). ``scratch`` is the working folder of
    the probe, from ``scratch_folder``. What goes wrong with this one trial is a ``kit-fault`` outcome.

    Raises:
        UserError: bad limits, or a scratch folder that cannot be written.
        Interrupted: ``stop`` was set; KeyboardInterrupt passes through. Either way nothing is left running.
    """
    request_file, events_file = scratch / "REQUEST.json", scratch / "EVENTS.jsonl"
    command = [str(python), *wrapper, str(probe), str(request_file), str(events_file)]
    is_probe = probe.parent != scratch
    tools = {"PYTHONPATH": str(scratch)} if is_probe else {}
    env = process.probe_environment(scratch, f"{KIT_TOKEN}-{uuid.uuid4().hex[:8]}", {**tools, **(environment or {})})
    files: list[HeldFile] = []
    try:
        request_file.write_text(json.dumps(replace(request, scratch=str(scratch)).to_json()))
        if is_probe:
            shutil.copy(TOOLS, scratch)
        events = HeldFile(events_file)
        files.append(events)
        outputs = Output(scratch / "stdout"), Output(scratch / "stderr")
        files += outputs
    except OSError as error:
        for file in files:
            file.close()
        raise no_room(scratch.parent, error.strerror or str(error)) from error
    cap: Cap | None = None
    try:
        cap = open_cap(limits.memory_bytes, cap_backend, announce=guardian().watch)
        if shutil.which(str(python)) is None:
            raise SpawnError(f"no such interpreter: {Path(python).name}")
        child = process.start(cap.wrap(command), env, scratch, *outputs)
        watch = _Watch(child, cap, limits, EventReader(events), outputs, take_stacks, stop, machine_oom_kills)
        outcome = watch.run()
    except SpawnError as error:
        return Outcome(Symptom.KIT_FAULT, str(error), cap_backend=cap.name if cap else "none")
    except (OSError, psutil.Error) as error:
        detail = f"the kit could not follow it: {error}"
        return Outcome(Symptom.KIT_FAULT, detail, cap_backend=cap.name if cap else "none")
    finally:
        if cap is not None:
            cap.close()
        if isinstance(cap, Cgroup):
            guardian().forget(cap.path)
        for file in files:
            file.close()
    if outcome.symptom in (Symptom.ERROR, Symptom.CRASH) and (why := full(scratch.parent)):
        return replace(outcome, symptom=Symptom.KIT_FAULT, detail=str(no_room(scratch.parent, why)))
    return outcome


class _Watch:
    """The polling loop of one trial."""

    def __init__(
        self,
        child: process.Child,
        cap: Cap,
        limits: Limits,
        reader: EventReader,
        outputs: tuple[Output, Output],
        take_stacks: Callable[[int], tuple[Stack, ...]],
        stop: threading.Event | None,
        machine_oom_kills: Callable[[], int | None],
    ) -> None:
        self.child, self.cap, self.limits, self.reader, self.outputs = child, cap, limits, reader, outputs
        self.take_stacks, self.stop = take_stacks, stop
        self.watchdog = limits.memory_bytes is not None and cap.name == "watchdog"
        self.tree = Tree(child.pid, child.ancestor, child.strays, count_files=self.watchdog)
        self.samples: list[Sample] = []
        self.stacks: tuple[Stack, ...] = ()
        self.done_at: float | None = None
        self.given_up_at: float | None = None  # taking stacks comes after it and is not the probe's time
        self.entered = self.escaped = False
        self.oom_after_done: bool | None = None
        self.machine_oom_kills, self.machine_kills = machine_oom_kills, machine_oom_kills()
        self.in_files = meters.memory_mounts() if self.watchdog else {}

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
            notes = self._notes()
            oom_kills, peak = self.cap.oom_kills(), self.cap.peak_bytes()
            survivors = self.child.finish(self.tree.known.values(), self.cap.pids())
        return self._outcome(reason, wall, survivors, oom_kills, peak, notes)

    def _now(self) -> float:
        return time.monotonic() - self.child.started_at

    def _tick(self) -> str:
        """One look at the trial; returns why it must be ended now, or an empty string."""
        now = self._now()
        self.cap.attach(self.child.pid)
        inside = self.cap.pids()
        rss, count = self.tree.sample(inside)
        self.samples.append(Sample(round(now, 3), rss, count))
        if len(self.samples) > 4 * MAX_SAMPLES:
            self.samples = list(thinned(self.samples, 2 * MAX_SAMPLES))
        for output in self.outputs:
            if output.flooded:
                with self.child.paused():
                    output.trim()
        oom_kills = self.cap.oom_kills()  # before the events: what is done then was not done when it rose
        already_done = self.done_at is not None
        if self.reader.poll().done and self.done_at is None:
            self.done_at = now
        if oom_kills:  # a killed pool worker leaves its parent waiting for ever
            self.oom_after_done = True if already_done else None if self.done_at is not None else False
            return "" if self.child.ended(0.2) else "group-oom"
        if self._over_the_cap(rss, inside, now):
            return "cap"
        late = now > self.limits.timeout_s if self.done_at is None else now > self.done_at + self.limits.grace_s
        if late:
            self.given_up_at = now
            self.stacks = self.take_stacks(self.child.pid)
            return "timeout" if self.done_at is None else "grace"
        return ""

    def _over_the_cap(self, rss: int, inside: Sequence[int], now: float) -> bool:
        """Whether the watchdog has to end it: where nothing else caps, or once a process left its cgroup."""
        cap = self.limits.memory_bytes
        if cap is None:
            return False
        if not self.watchdog and not self.escaped:
            self.entered = self.entered or self.child.pid in inside or self.reader.events.started is not None
            if self.entered or now > ENTER_S:
                self.escaped = self.cap.left_by(self.tree.known)
        return (self.watchdog or self.escaped) and self.tree.above(cap, rss)

    def _notes(self) -> tuple[str, ...]:
        """What a reader has to know of how memory was capped."""
        if self.escaped:
            return ("a process left the cgroup, so the watchdog capped it too",)
        used = meters.memory_mounts() if self.watchdog else {}
        grown = {mount: used.get(mount, 0) - before for mount, before in self.in_files.items()}
        large = max(16 << 20, (self.limits.memory_bytes or 0) // 20)
        return tuple(
            f"files below {mount} grew by {about(more)} meanwhile, which counts only while a file is open"
            for mount, more in grown.items()
            if more > large
        )

    def _outcome(
        self,
        reason: str,
        wall: float,
        survivors: int,
        oom_kills: int | None,
        kernel_peak: int | None,
        notes: tuple[str, ...],
    ) -> Outcome:
        events = self.reader.finish()
        before, after = self.machine_kills, self.machine_oom_kills()
        stderr = self.outputs[1].tail()
        refused = self.child.exit_code == NOT_ENTERED and events.started is None and self.cap.name.startswith("cgroup")
        cgroup_fault = ("it could not enter its cgroup",) if refused else ()
        cap = self.limits.memory_bytes
        too_much = cap is not None and self.cap.kernel_enforced and (kernel_peak or 0) > 1.05 * cap + (1 << 20)
        facts = Facts(
            exit_code=self.child.exit_code,
            signal=self.child.signal,
            started=events.started is not None,
            done=events.done,
            unsupported=events.unsupported,
            faults=(*cgroup_fault, *events.faults),
            ended_by_us=reason,
            group_oom_kills=oom_kills,
            oom_after_done=self.oom_after_done,
            machine_oom_kills=after - before if before is not None and after is not None else None,
            timeout_s=self.limits.timeout_s,
            grace_s=self.limits.grace_s,
            cap_broken=f"its memory cap did not hold: the kernel saw {about(kernel_peak or 0)}" if too_much else "",
            notes=notes,
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
