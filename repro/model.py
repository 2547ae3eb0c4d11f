"""The words of the kit: what is asked of a trial, what came out, and what that means. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

SCHEMA = 1
"""Version of every JSON form below; a reader refuses any other."""


Scalar = str | int | float | bool | None


class Symptom(StrEnum):
    """How one trial ended. A closed set; an unknown value raises."""

    OK = "ok"
    WRONG_OUTPUT = "wrong-output"
    EXCESS_READ = "excess-read"
    OUT_OF_MEMORY = "out-of-memory"
    HANG = "hang"
    HANG_AT_EXIT = "hang-at-exit"
    CRASH = "crash"
    CRASH_AT_EXIT = "crash-at-exit"
    ERROR = "error"
    UNSOLVABLE = "unsolvable"
    UNSUPPORTED = "unsupported"
    KIT_FAULT = "kit-fault"

    @property
    def informative(self) -> bool:
        """Whether the trial says anything about the bug (our mistakes and missing features do not)."""
        return self not in {Symptom.UNSOLVABLE, Symptom.UNSUPPORTED, Symptom.KIT_FAULT}

    @property
    def healthy(self) -> bool:
        return self is Symptom.OK


class Status(StrEnum):
    """What the trials together say about the bug in one target."""

    PRESENT = "present"
    ABSENT = "absent"
    DIFFERENT_FAILURE = "different-failure"
    UNSETTLED = "unsettled"
    UNTESTABLE = "untestable"

    @property
    def exit_code(self) -> int:
        """Exit status of ``repro run``, as ``git bisect run`` reads it (125: skip this revision)."""
        match self:
            case Status.ABSENT:
                return 0
            case Status.PRESENT:
                return 1
            case Status.DIFFERENT_FAILURE | Status.UNSETTLED | Status.UNTESTABLE:
                return 125


class Killer(StrEnum):
    """Who sent the SIGKILL that ended a probe."""

    KERNEL = "kernel"
    WATCHDOG = "watchdog"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a trial may use.

    Attributes:
        memory_bytes: cap on the memory of the probe and all its children together; ``None`` for no cap.
        timeout_s: wall time before the probe is called hung.
        grace_s: wall time a probe may take to exit after it said ``done``.
    """

    memory_bytes: int | None = None
    timeout_s: float = 120.0
    grace_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Request:
    """What the probe is asked to do: the content of ``REQUEST.json``.

    ``inputs`` holds what the kit prepared (paths, tables); ``scratch`` is a folder that is removed after the trial.
    """

    bug: str
    scenario: str
    fix: str
    fix_path: str | None
    parameters: Mapping[str, Scalar]
    inputs: Mapping[str, Any]
    scratch: str

    def to_json(self) -> dict[str, Any]:
        return {"schema": SCHEMA, **asdict(self)}


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading of the process tree: seconds since the start, summed RSS in bytes, processes."""

    t: float
    rss_bytes: int
    processes: int


@dataclass(frozen=True, slots=True)
class Stack:
    """What one stack tool said of a hung or crashed process; ``text`` is empty if it was not available."""

    tool: str
    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the supervisor saw of one probe, before any oracle judged it.

    ``symptom`` here is what the operating system and the events alone can tell; an oracle may refine ``ok`` to
    ``wrong-output`` or ``excess-read``.

    Attributes:
        detail: one sentence: why this symptom.
        exit_code: the exit status, ``None`` if the process was ended by a signal.
        signal: name of the signal that ended it, such as ``"SIGKILL"``.
        killer: who sent SIGKILL; ``None`` if nobody did.
        killer_basis: the observation that ``killer`` rests on.
        done: whether the last statement of the probe ran.
        exit_s: seconds between ``done`` and the end of the process; ``None`` if never done.
        peak_rss_bytes: highest summed RSS of the process tree that was **sampled** (see ``peak_rss_source``).
        peak_kernel_bytes: the kernel's exact peak of the cgroup (page cache included), or ``None``.
        cap_backend: what enforced the memory cap: cgroup-v1, cgroup-v2, systemd-run, watchdog or none.
    """

    symptom: Symptom
    detail: str
    exit_code: int | None = None
    signal: str | None = None
    killer: Killer | None = None
    killer_basis: str = ""
    done: bool = False
    wall_s: float = 0.0
    exit_s: float | None = None
    peak_rss_bytes: int = 0
    peak_rss_source: str = ""
    peak_kernel_bytes: int | None = None
    cap_backend: str = "none"
    measures: Mapping[str, Any] = field(default_factory=dict)
    started: Mapping[str, Any] = field(default_factory=dict)
    phases: tuple[tuple[float, str], ...] = ()
    timeline: tuple[Sample, ...] = ()
    stdout_tail: str = ""
    stderr_tail: str = ""
    stacks: tuple[Stack, ...] = ()
    survivors: int = 0


@dataclass(frozen=True, slots=True)
class TargetInfo:
    """A resolved environment, ready to run probes.

    ``packages`` is the complete ``name -> version`` table; ``patch`` names the diff applied to it, if any; ``local``
    names the packages that come from the checkouts and wheel files of the spec, not from the index.
    """

    spec: str
    python: Path
    python_version: str
    packages: Mapping[str, str]
    key: str
    patch: str | None = None
    local: tuple[str, ...] = ()

    def summary(self) -> dict[str, str]:
        """The part of the environment that goes into every result."""
        wanted = ("datasets", "pyarrow", "huggingface-hub", "pandas", "nibabel", "numpy", "fsspec")
        named = {name: self.packages[name] for name in wanted if name in self.packages}
        return {"spec": self.spec, "python": self.python_version, **named}


@dataclass(frozen=True, slots=True)
class Unsolvable:
    """No environment satisfies the spec. ``reason`` is one line of the resolver's own explanation."""

    spec: str
    reason: str
    symptom: Symptom = Symptom.UNSOLVABLE


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an oracle says of one trial: its symptom, whether that is the bug, and why, in a sentence.

    ``testable`` is false where the environment is broken: what failed there failed before the probe could begin.
    """

    symptom: Symptom
    is_bug: bool
    reason: str
    testable: bool = True

    @property
    def informative(self) -> bool:
        """Whether the trial says anything about the bug."""
        return self.testable and self.symptom.informative
