"""What a bug declares: scenarios, fixes, parameters, inputs, the oracle, claims, and how its fixes are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from repro.model import Limits, Outcome, Scalar, Symptom, Verdict
from repro.signature import Signature

RUN_SCRIPT = Path(__file__).parents[1] / "trial" / "run_script.py"
"""The probe of a bug that has only a script."""


class FixKind(StrEnum):
    NONE = "none"
    WORKAROUND = "workaround"
    PATCH = "patch"


@dataclass(frozen=True, slots=True)
class Fix:
    """What is tried against a bug.

    ``path`` is the workaround (one pasteable function, named like its file) or the ``.patch`` file; none for ``none``.
    """

    name: str
    kind: FixKind = FixKind.NONE
    path: Path | None = None
    title: str = ""
    proposed_in: str = ""


NO_FIX = Fix("none", title="the released code as it is")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One ``--set name=value``. ``kind``: int, size (``64KiB``), float, bool, str, folder (of a user), or choices."""

    name: str
    kind: str | tuple[str, ...]
    default: Scalar
    help: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """A situation that the probe sets up. A ``control`` must stay healthy everywhere.

    ``needs`` are packages besides those of the bug; ``inputs`` and ``expected`` are what a bug without a ``prepare``
    gives to the probe, and what its measures are compared with where it has no oracle. ``faults`` are what the Hub of
    its trials does wrong (``repro/hub/faults.py``), as ``put:reset``; ``hub`` asks for one where the bug does not.
    """

    name: str
    title: str
    control: bool = False
    needs: tuple[str, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)
    expected: Mapping[str, Any] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    hub: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """Inputs on disk for one request.

    ``inputs`` goes to the probe; ``expected`` only to the oracle (sha256 and the like, never shown to the probe);
    ``summary`` describes the inputs to a person. ``repositories`` is a folder with ``datasets/OWNER/NAME/…`` in it,
    which the Hub of a trial serves from the start, in place; another content needs another name.
    """

    inputs: Mapping[str, Any]
    expected: Mapping[str, Any] = field(default_factory=dict)
    summary: Mapping[str, Scalar] = field(default_factory=dict)
    repositories: Path | None = None


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
class Measured:
    """Where a trial of the bug says what the work cost: the phase that is timed, and names of measures, in bytes.

    Attributes:
        phase: the phase that is timed; it ends where ``until`` begins.
        payload: the measure with the size of what the work was about.
        baseline, peak: the measures with the memory held before the phase, and the process's own peak in it.
    """

    phase: str
    until: str
    payload: str
    baseline: str
    peak: str


@dataclass(frozen=True, slots=True)
class ComparisonPlan:
    """How ``compare`` and ``survive`` try the fixes of a bug.

    Attributes:
        target: a release that shows the bug and that the patches fit.
        newest: the newest release upstream, unfixed by us: what every candidate is compared with.
        shard: the parameters of inputs whose first shard holds about so many bytes of random content.
        scale: the parameters of the inputs at the scale of the report.
        measured: where a trial says what it cost.
        gate: decides whether a fix is correct at all, before anything of it is timed.
    """

    target: str
    newest: str
    shard: Callable[[int], Mapping[str, Scalar]]
    scale: Mapping[str, Scalar]
    measured: Measured
    gate: Gate | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """What tables show of a trial beside its symptom. ``cell`` is pure; an empty text means: not measured."""

    title: str
    cell: Callable[[Outcome], str]


@dataclass(frozen=True, slots=True)
class OwnData:
    """A user's own folder as the input: the parameter that takes it, and a check that raises UserError if unfit."""

    parameter: str
    check: Callable[[Path], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    """One upstream defect, as its folder declares it in ``bug.py``; ``docs/add-a-bug.md`` lists the fields.

    Attributes:
        needs: the packages under test, in every target.
        failure: how the bug shows where no ``oracle`` says so: a symptom, or exactly this signature.
        wrong_if: a pattern of output that is wrong although the probe ends well, for the same case.
        prepare, oracle: ``None`` for those of ``repro.bugs.defaults``.
        expected, cause: what should happen instead, and why it does not; a sentence each, ``cause=""`` for unknown.
        cause_at: the line behind ``cause``.
        workaround: names the workaround that users may safely paste.
        small: parameters of inputs that are made at once, for questions of whether and not of how much.
        columns: what tables show of its trials.
        where: says of a hung process where it stands (empty: unknown).
        own_data: how it takes a folder of the user's own data.
        asked: names the fixes that the reporter asked about.
        typed: what a user types for it, if not the slug.
        pins: requirements of every target that does not name those packages itself.
        hub: whether each trial gets a loopback Hub of its own; the measure ``hub`` is what that saw.
    """

    slug: str
    title: str
    summary: str
    scenarios: tuple[Scenario, ...]
    default_scenario: str = ""
    folder: Path = Path()
    needs: tuple[str, ...] = ("datasets", "pyarrow")
    failure: Symptom | Signature = Symptom.WRONG_OUTPUT
    wrong_if: str = ""
    prepare: Prepare | None = None
    oracle: Oracle | None = None
    parameters: tuple[Parameter, ...] = ()
    fixes: tuple[Fix, ...] = (NO_FIX,)
    links: Mapping[str, str] = field(default_factory=dict)
    expected: str = ""
    cause: str = ""
    cause_at: CodePlace | None = None
    default_target: str = "latest"
    default_limits: Limits = field(default_factory=Limits)
    default_trials: int = 1
    race: bool = False
    claims: tuple[Claim, ...] = ()
    workaround: str = ""
    comparison: ComparisonPlan | None = None
    small: Mapping[str, Scalar] = field(default_factory=dict)
    columns: tuple[Column, ...] = ()
    where: Callable[[Outcome], str] | None = None
    own_data: OwnData | None = None
    asked: tuple[str, ...] = ()
    typed: str = ""
    pins: tuple[str, ...] = ()
    hub: bool = False

    def __post_init__(self) -> None:
        if not self.scenarios:
            raise ValueError("a bug needs at least one scenario")
        if not self.default_scenario:
            object.__setattr__(self, "default_scenario", self.scenarios[0].name)

    @property
    def all_needs(self) -> tuple[str, ...]:
        """The packages that any of its scenarios needs."""
        return tuple(dict.fromkeys((*self.needs, *(name for one in self.scenarios for name in one.needs))))

    @property
    def probe(self) -> Path:
        """``probe.py`` of the folder; without one, what runs ``minimal.py`` as a probe."""
        own = self.folder / "probe.py"
        return own if own.is_file() else RUN_SCRIPT
