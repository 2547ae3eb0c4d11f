"""The words of the kit: what is asked of a trial, what came out, and what that means. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

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
    def counts(self) -> bool:
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
    UNTESTABLE = "untestable"

    @property
    def exit_code(self) -> int:
        """Exit status of ``repro run``, as ``git bisect run`` reads it (125: skip this revision)."""
        match self:
            case Status.ABSENT:
                return 0
            case Status.PRESENT:
                return 1
            case Status.DIFFERENT_FAILURE | Status.UNTESTABLE:
                return 125


class Killer(StrEnum):
    """Who sent the SIGKILL that ended a probe."""

    KERNEL = "kernel"
    WATCHDOG = "watchdog"
    UNKNOWN = "unknown"


class FixKind(StrEnum):
    NONE = "none"
    RECIPE = "recipe"
    PATCH = "patch"


@dataclass(frozen=True, slots=True)
class Fix:
    """What is tried against a bug.

    ``path`` is the recipe (one pasteable function, named like the file) or the ``.patch`` file; ``None`` for ``none``.
    """

    name: str
    kind: FixKind = FixKind.NONE
    path: Path | None = None
    title: str = ""
    proposed_in: str = ""


NO_FIX = Fix("none", title="the released code as it is")


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

    ``packages`` is the complete ``name -> version`` table; ``patch`` names the diff applied to it, if any.
    """

    spec: str
    python: Path
    python_version: str
    packages: Mapping[str, str]
    key: str
    patch: str | None = None

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
    """What an oracle says of one trial: its symptom, whether that is the bug, and why, in a sentence."""

    symptom: Symptom
    is_bug: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """One ``--set name=value``. ``kind``: int, size (``64KiB``), float, bool, str, folder (of a user), or choices."""

    name: str
    kind: str | tuple[str, ...]
    default: Scalar
    help: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """A situation that the probe sets up. A ``control`` must stay healthy everywhere."""

    name: str
    title: str
    control: bool = False
    needs: tuple[str, ...] = ("datasets", "pyarrow")


@dataclass(frozen=True, slots=True)
class Prepared:
    """Inputs on disk for one request.

    ``inputs`` goes to the probe; ``expected`` only to the oracle (sha256 and the like, never shown to the probe);
    ``summary`` describes the inputs to a person.
    """

    inputs: Mapping[str, Any]
    expected: Mapping[str, Any] = field(default_factory=dict)
    summary: Mapping[str, Scalar] = field(default_factory=dict)


class Prepare(Protocol):
    """Makes (or finds) the inputs of a scenario below ``cache``; raises UserError on bad parameters."""

    def __call__(self, scenario: str, parameters: Mapping[str, Scalar], cache: Path) -> Prepared: ...


Oracle = Callable[[str, Outcome, Mapping[str, Any]], Verdict]
"""Pure: (scenario, outcome, expected) -> verdict."""


class ClaimVerdict(StrEnum):
    """What became of a belief once it was measured."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    REFINED = "refined"
    NOT_TESTABLE_HERE = "not testable here"
    NOT_YET_TESTED = "not yet tested"


@dataclass(frozen=True, slots=True)
class ClaimFinding:
    """The verdict on a claim, what was measured, and the evidence files it rests on."""

    verdict: ClaimVerdict
    measured: str
    evidence: tuple[str, ...] = ()


class Witness(Protocol):
    """What a claim's rule may read of one piece of evidence."""

    @property
    def scenario(self) -> str: ...
    @property
    def fix(self) -> str: ...
    @property
    def target(self) -> Mapping[str, Any]: ...
    @property
    def parameters(self) -> Mapping[str, Scalar]: ...
    @property
    def outcome(self) -> Outcome: ...
    @property
    def verdict(self) -> Verdict: ...
    @property
    def shown_path(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement of a report that can be measured.

    ``rule`` is pure: it gets the evidence of the bug, oldest first, and says what that evidence says of the statement.
    """

    slug: str
    text: str
    source: str
    rule: Callable[[Sequence[Witness]], ClaimFinding]


@dataclass(frozen=True, slots=True)
class CodePlace:
    """A line of a released package, found by what it says, so that each release gets its own line number.

    Attributes:
        file: path below ``site-packages``; its first part names the package: ``datasets/table.py``.
        after: regular expression of a line; the search begins there.
        pattern: regular expression of the line that is meant.
        permalink: address with ``{version}`` and ``{line}`` to fill in.
    """

    file: str
    after: str
    pattern: str
    permalink: str


@dataclass(frozen=True, slots=True)
class Gate:
    """Decides whether a fix is correct at all, before anything of it is timed: a probe of its own, judged like any.

    ``folder`` holds its ``probe.py``. Its oracle gives ``wrong-output`` to a fix that is out.
    """

    folder: Path
    parameters: tuple[Parameter, ...]
    prepare: Prepare
    oracle: Oracle


@dataclass(frozen=True, slots=True)
class Tournament:
    """How ``compare`` and ``survive`` try the fixes of a bug.

    Attributes:
        target: a release that shows the bug and that the patches fit.
        newest: the newest release upstream, unfixed by us: what every candidate is compared with.
        shard: the parameters of inputs whose first shard holds about so many bytes of random content.
        scale: the parameters of the inputs at the scale of the report.
    """

    target: str
    newest: str
    shard: Callable[[int], Mapping[str, Scalar]]
    scale: Mapping[str, Scalar]
    gate: Gate | None = None


@dataclass(frozen=True, slots=True)
class Bug:
    """One upstream defect, as its folder ``repro/bugs/<bug>/bug.py`` declares it.

    ``expected`` (what should happen instead) and ``cause`` are a sentence each, for the issue text and the page;
    ``cause_at`` is the line behind ``cause``; ``workaround`` names the recipe that users may safely paste.
    """

    slug: str
    title: str
    summary: str
    links: Mapping[str, str]
    scenarios: tuple[Scenario, ...]
    fixes: tuple[Fix, ...]
    parameters: tuple[Parameter, ...]
    prepare: Prepare
    oracle: Oracle
    folder: Path
    default_scenario: str
    expected: str = ""
    cause: str = ""
    default_target: str = "latest"
    default_limits: Limits = Limits()
    default_trials: int = 1
    race: bool = False
    claims: tuple[Claim, ...] = ()
    probe_requires: tuple[str, ...] = ("datasets", "pyarrow")
    cause_at: CodePlace | None = None
    workaround: str = ""
    tournament: Tournament | None = None


def status_of(verdicts: Iterable[Verdict]) -> Status:
    """The status that a set of trials gives.

    One recognised signature is enough for ``present`` (a race shows in some trials only). A failure that is not the
    bug never counts as the bug; trials that count for nothing (unsolvable, unsupported, kit-fault) never count as good.
    """
    counted = [v for v in verdicts if v.symptom.counts]
    if any(v.is_bug for v in counted):
        return Status.PRESENT
    if any(not v.symptom.healthy for v in counted):
        return Status.DIFFERENT_FAILURE
    return Status.ABSENT if counted else Status.UNTESTABLE
