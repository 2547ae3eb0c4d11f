"""A question is what a trial is to find out; read from what a user typed, and written back as a command."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from repro import bugs, targets
from repro.bugs.declaration import NO_FIX, Bug, Fix, Parameter, Scenario
from repro.errors import UserError, unknown, usable_paths
from repro.model import Limits, Scalar
from repro.units import format_duration, format_size, parse_duration, parse_size

MIN_CAP_BYTES = 32 << 20
TRUE, FALSE = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0"})

Given = Iterable[str] | Mapping[str, Scalar]
"""Parameters: ``name=value`` texts, or a mapping."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a trial is to find out. ``given`` holds only the parameters that were set; the bug supplies the rest."""

    bug: Bug
    scenario: Scenario
    fix: Fix
    target: str
    limits: Limits
    given: Mapping[str, Scalar] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, Scalar]:
        return {p.name: p.default for p in self.bug.parameters} | dict(self.given)

    @property
    def needs(self) -> tuple[str, ...]:
        """The packages under test."""
        return tuple(dict.fromkeys((*self.bug.needs, *self.scenario.needs)))

    @property
    def controls(self) -> tuple[Question, ...]:
        """The bug's controls in the same target, for the question whether anything works there at all."""
        needs = set(self.scenario.needs)
        fitting = (s for s in self.bug.scenarios if s.control and set(s.needs) <= needs and s != self.scenario)
        return tuple(replace(self, scenario=control, fix=NO_FIX) for control in fitting)

    def command(self, *, trials: int | None = None, memray: bool = False) -> str:
        """The shell command that asks the same again; limits are spelled out, since a default may change."""
        words = ["repro", "run", self.bug.typed or self.bug.slug, "--scenario", self.scenario.name]
        if self.fix.name != NO_FIX.name:
            words += ["--fix", self.fix_word]
        words += ["--target", self.target, *limit_words(self.limits)]
        words += ["--trials", str(trials)] if trials is not None else []
        folders = {p.name for p in self.bug.parameters if p.kind == "folder"}  # a user's own are nobody's business
        words += set_words({name: "<yours>" if name in folders else value for name, value in self.given.items()})
        return shlex.join([*words, "--memray"] if memray else words)

    @property
    def fix_word(self) -> str:
        """The fix as it is typed: its name, or the path of a file that is none of the bug's."""
        known = {fix.name for fix in self.bug.fixes}
        return self.fix.name if self.fix.name in known else str(self.fix.path)


def limit_words(limits: Limits) -> list[str]:
    memory = "none" if limits.memory_bytes is None else format_size(limits.memory_bytes)
    return ["--memory", memory, "--timeout", format_duration(limits.timeout_s)]


def set_words(given: Mapping[str, Scalar]) -> list[str]:
    shown = {n: str(v).lower() if isinstance(v, bool) else v for n, v in given.items() if v is not None}
    return [word for name, value in shown.items() for word in ("--set", f"{name}={value}")]


def question(
    slug: str,
    *,
    scenario: str | None = None,
    fix: str | None = None,
    target: str | None = None,
    memory: str | int | None = None,
    timeout: str | float | None = None,
    parameters: Given = (),
) -> Question:
    """Builds a question from words; every mistake is one line that names the valid choices."""
    bug = bugs.load(slug)
    limits = read_limits(bug, memory, timeout)
    check_limits(limits)
    spec = bug.default_target if target is None else targets.with_pins(target, bug.pins)
    targets.parse(spec)
    values = read_parameters(bug, parameters)
    with usable_paths():
        tried = bugs.fix(bug, NO_FIX.name if fix is None else fix)
    return Question(bug, find_scenario(bug, scenario), tried, spec, limits, values)


def find_scenario(bug: Bug, name: str | None) -> Scenario:
    wanted = bug.default_scenario if name is None else name
    for scenario in bug.scenarios:
        if scenario.name == wanted:
            return scenario
    raise unknown("scenario", wanted, (s.name for s in bug.scenarios))


def read_parameter(parameter: Parameter, text: str) -> Scalar:
    """Reads one value as its kind says; a UserError names the valid form."""
    name, kind = parameter.name, parameter.kind
    if isinstance(kind, tuple):
        if text not in kind:
            raise unknown(f"value of {name}", text, kind)
        return text
    try:
        match kind:
            case "int":
                return int(text)
            case "float":
                return float(text)
            case "size":
                return parse_size(text)
            case "str":
                return text
            case "folder":  # absolute, so that redaction recognises it
                with usable_paths():
                    return str(Path(text).expanduser().absolute())
            case "bool" if text.lower() in TRUE | FALSE:
                return text.lower() in TRUE
    except ValueError:
        pass
    example = {"int": "3", "float": "0.5", "bool": "true or false"}.get(kind, kind)
    raise UserError(f"{name}={text!r} is not of the kind {kind}: write {name}={example}")


def read_parameters(bug: Bug, given: Given) -> dict[str, Scalar]:
    """``name=value`` texts (or a mapping, in a notebook) as checked values."""
    known = {p.name: p for p in bug.parameters}
    if isinstance(given, Mapping):
        given = [f"{name}={value}" for name, value in given.items() if value is not None]
    values: dict[str, Scalar] = {}
    for text in given:
        name, mark, value = text.partition("=")
        if not mark:
            raise UserError(f"--set {text!r} has no value: write --set {name}=…")
        if name not in known:
            raise unknown("parameter", name, known)
        values[name] = read_parameter(known[name], value)
    return values


def own_parameters(bug: Bug, given: Iterable[str] | None) -> dict[str, Scalar]:
    """The assignments that are meant for this bug; its own small inputs where nothing was said (``None``)."""
    if given is None:
        return dict(bug.small)
    names = {p.name for p in bug.parameters}
    return read_parameters(bug, [text for text in given if text.partition("=")[0] in names])


def read_limits(bug: Bug, memory: str | int | None, timeout: str | float | None) -> Limits:
    """The bug's limits with what was given in their place; ``memory="none"`` lifts the cap."""
    limits = bug.default_limits
    if memory is not None:
        lifted = str(memory).lower() == "none"
        limits = replace(limits, memory_bytes=None if lifted else parse_size(str(memory)))
    if timeout is not None:
        seconds = parse_duration(str(timeout))
        limits = replace(limits, timeout_s=seconds, grace_s=min(limits.grace_s, seconds))
    return limits


def check_limits(limits: Limits) -> None:
    """Refuses limits under which no interpreter can even start."""
    if limits.memory_bytes is not None and limits.memory_bytes < MIN_CAP_BYTES:
        given, least = format_size(limits.memory_bytes), format_size(MIN_CAP_BYTES)
        raise UserError(
            f"a cap of {given} is below what an interpreter needs ({least}): give a larger --memory, as 512MiB"
        )
    if limits.timeout_s <= 0 or limits.grace_s <= 0:
        raise UserError("a timeout must be longer than 0 s: give --timeout 120s")
