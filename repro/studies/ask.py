"""Turns what a user typed (names, sizes, ``name=value``) into a question, and a question back into a command."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from repro import bugs
from repro.errors import UserError, unknown
from repro.evidence.store import command_for
from repro.model import NO_FIX, Bug, Limits, Parameter, Scalar, Scenario
from repro.units import parse_duration, parse_size

if TYPE_CHECKING:
    from repro.studies.runner import Question

_UNUSABLE = {errno.ENAMETOOLONG, errno.ENOTDIR, errno.ELOOP, errno.EACCES, errno.EPERM, errno.EFBIG, errno.EINVAL}
TRUE, FALSE = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0"})


@contextlib.contextmanager
def usable_paths() -> Iterator[None]:
    """Say in one line that a path or size as typed cannot be used at all; every other error passes."""
    try:
        yield
    except OSError as error:
        if error.errno not in _UNUSABLE:
            raise
        name = str(error.filename or "a file")
        shown = name if len(name) <= 80 else f"{name[:40]}…{name[-30:]}"
        raise UserError(f"cannot use {shown!r} ({error.strerror}): give another path or size") from error
    except RuntimeError as error:  # what pathlib raises for the home folder of a user who does not exist
        if "home directory" not in str(error):
            raise
        raise UserError("'~name' in a path: there is no such user here: write the path out") from error


def find_scenario(bug: Bug, name: str | None) -> Scenario:
    wanted = bug.default_scenario if name is None else name
    for scenario in bug.scenarios:
        if scenario.name == wanted:
            return scenario
    raise unknown("scenario", wanted, (s.name for s in bug.scenarios))


def read_parameter(parameter: Parameter, text: str) -> Scalar:
    """Read one value as its kind says; a UserError names the valid form."""
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


def read_parameters(bug: Bug, assignments: Iterable[str] | Mapping[str, Scalar]) -> dict[str, Scalar]:
    """``name=value`` texts (or a mapping, in a notebook) as checked values."""
    known = {p.name: p for p in bug.parameters}
    if isinstance(assignments, Mapping):
        assignments = [f"{name}={value}" for name, value in assignments.items() if value is not None]
    values: dict[str, Scalar] = {}
    for text in assignments:
        name, mark, value = text.partition("=")
        if not mark:
            raise UserError(f"--set {text!r} has no value: write --set {name}=…")
        if name not in known:
            raise unknown("parameter", name, known)
        values[name] = read_parameter(known[name], value)
    return values


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


def question(
    slug: str,
    *,
    scenario: str | None = None,
    fix: str | None = None,
    target: str | None = None,
    memory: str | int | None = None,
    timeout: str | float | None = None,
    parameters: Iterable[str] | Mapping[str, Scalar] = (),
) -> Question:
    """Build a question from words; every mistake is one line that names the valid choices."""
    from repro import targets
    from repro.studies.runner import Question, check_limits

    bug = bugs.load(slug)
    limits = read_limits(bug, memory, timeout)
    check_limits(limits)
    spec = bug.default_target if target is None else target
    targets.parse(spec)
    values = read_parameters(bug, parameters)
    with usable_paths():
        tried = bugs.fix(bug, NO_FIX.name if fix is None else fix)
    return Question(bug, find_scenario(bug, scenario), tried, spec, limits, values)


def reproduce_command(asked: Question, *, memray: bool = False, trials: int | None = None) -> str:
    """The command that asks the same question again."""
    named = asked.fix.name
    known = {fix.name for fix in asked.bug.fixes}
    fix = named if named in known else str(asked.fix.path)
    folders = {
        p.name for p in asked.bug.parameters if p.kind == "folder"
    }  # where a user keeps data is nobody's business
    given = {name: "<yours>" if name in folders else value for name, value in asked.given.items()}
    command = command_for(asked.bug.slug, asked.scenario.name, fix, asked.target, asked.limits, given, trials=trials)
    return f"{command} --memray" if memray else command
