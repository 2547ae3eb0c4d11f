"""A failing script as a bug: what it needs, what its first failure looked like, and the oracle that follows from it."""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import json
import re
import sys
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from repro import places
from repro.bugs.declaration import NO_FIX, RUN_SCRIPT, Bug, Prepared, Scenario
from repro.bugs.defaults import SETUP
from repro.errors import UserError
from repro.model import Limits, Outcome, Scalar, Symptom, Verdict
from repro.signature import Signature, recognised, signature

LIMITS = Limits(memory_bytes=None, timeout_s=60.0, grace_s=10.0)
SCENARIO = "script"
HEADER = re.compile(r"(?m)^# /// script$\s(?P<content>(^#(| .*)$\s)+)^# ///$")  # as PEP 723 gives it


@dataclass(frozen=True, slots=True)
class Needs:
    """The packages of a script: requirements as in a target spec, names alone, and where they were read."""

    pins: tuple[str, ...]
    source: str

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(canonicalize_name(Requirement(pin).name) for pin in self.pins)


@dataclass(frozen=True, slots=True)
class Recorded:
    """The failure that is looked for. ``wrong_if`` is a pattern of output that is wrong although the status is 0."""

    signature: Signature | None = None
    race: bool = False
    wrong_if: str = ""


def is_script(name: str) -> bool:
    return name.endswith(".py")


def load(name: str) -> Bug:
    """The bug that a script is. Raises UserError: no such file, no Python, or a header that cannot be read."""
    path = Path(name).expanduser()
    try:
        text = path.read_text("utf-8")
        ast.parse(text)
    except OSError as error:
        raise UserError(f"cannot read the script {name}: {error.strerror}; name an existing .py file") from error
    except (SyntaxError, ValueError) as error:
        raise UserError(f"{name} is not valid Python: correct it first: {error}") from error
    needs, folder = read_needs(text), _home(text)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "minimal.py").write_text(text if HEADER.search(text) else f"{header(needs.pins)}{text}", encoding="utf-8")
    (folder / "probe.py").write_bytes(RUN_SCRIPT.read_bytes())
    recorded = read_record(folder)
    name_of = re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-") or "script"
    state = hashlib.sha256(f"{text}\0{recorded.wrong_if}".encode()).hexdigest()[:6]
    shown = str(recorded.signature) if recorded.signature else "no failure recorded yet"
    return Bug(
        slug=f"{name_of}-{state}",  # the evidence of another state of the file is of another bug
        title=f"{path.name}: {shown}",
        summary=f"The script ends with: {shown}.",
        expected="The script ends with status 0.",
        links={},
        scenarios=(Scenario(SCENARIO, "the script as it is"),),
        fixes=(NO_FIX,),
        parameters=(),
        prepare=partial(_prepare, folder, needs.names, recorded),
        oracle=judge,
        folder=folder,
        default_scenario=SCENARIO,
        default_target=" ".join(needs.pins) or "latest",
        default_limits=LIMITS,
        needs=needs.names,
        race=recorded.race,
        typed=name,
        pins=needs.pins,
    )


def _prepare(
    folder: Path,
    packages: tuple[str, ...],
    recorded: Recorded,
    scenario: str,
    parameters: Mapping[str, Scalar],
    cache: Path,
) -> Prepared:
    script = folder / "minimal.py"
    digest = hashlib.sha256(script.read_bytes()).hexdigest()
    inputs = {"script": str(script), "sha256": digest, "packages": list(packages)}
    return Prepared(inputs, {"recorded": _record_form(recorded)}, {"script": script.name})


def judge(scenario: str, outcome: Outcome, expected: Mapping[str, Any]) -> Verdict:
    """Status 0 is healthy unless the output is wrong; the recorded failure is the bug; a failed import says nothing."""
    recorded = _record_of(expected["recorded"])
    if outcome.symptom is Symptom.OK:
        wrong = recorded.wrong_if and re.search(recorded.wrong_if, f"{outcome.stdout_tail}\n{outcome.stderr_tail}")
        if wrong:
            return Verdict(Symptom.WRONG_OUTPUT, True, f"its output matches {recorded.wrong_if!r}: {wrong[0][:200]!r}")
        return Verdict(Symptom.OK, False, "ended with status 0")
    seen = signature(outcome)
    known = recorded.signature
    if known is not None and recognised(seen, known, recorded.race):
        return Verdict(outcome.symptom, True, str(seen))
    if seen.raised in SETUP:
        return Verdict(outcome.symptom, False, f"the environment is broken: {seen}", testable=False)
    return Verdict(outcome.symptom, False, f"{seen}, not the recorded {known}" if known else str(seen))


def read_needs(text: str) -> Needs:
    """What a script needs: from its PEP 723 header, else from its imports, with what is installed here as versions."""
    found = HEADER.search(text)
    if found is not None:
        body = "\n".join(line.removeprefix("#").removeprefix(" ") for line in found["content"].splitlines())
        try:
            listed = [Requirement(one) for one in tomllib.loads(body).get("dependencies", [])]
        except (tomllib.TOMLDecodeError, InvalidRequirement, TypeError) as error:
            raise UserError(f"the header of the script cannot be read ({error}): correct its dependencies") from error
        return Needs(tuple(sorted(str(one).replace(" ", "") for one in listed)), "its header")
    return Needs(tuple(_imported(text)), "its imports, with the versions installed here")


def header(pins: Iterable[str]) -> str:
    """The PEP 723 header that a script without one would need."""
    listed = ", ".join(json.dumps(pin) for pin in pins)
    return f'# /// script\n# requires-python = ">=3.9"\n# dependencies = [{listed}]\n# ///\n'


def _imported(text: str) -> list[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    owners = importlib.metadata.packages_distributions()
    found: dict[str, str] = {}
    for name in sorted(names - sys.stdlib_module_names):
        owner = canonicalize_name(owners.get(name, [name])[0])
        try:
            found[owner] = f"{owner}=={importlib.metadata.version(owner)}"
        except importlib.metadata.PackageNotFoundError:
            found[owner] = owner
    return list(found.values())


def own_header(bug: Bug) -> bool:
    """Whether the script brings its header itself."""
    return HEADER.search(Path(bug.typed).expanduser().read_text("utf-8")) is not None


def as_seen(bug: Bug, text: str, target: Mapping[str, Any]) -> str:
    """The script to show: a header that the kit gave it names the versions with which it was seen to fail."""
    if own_header(bug):
        return text
    pins = with_versions(bug.needs, target.get("packages") or {}, target.get("local") or ())
    return header(pins) + text.removeprefix(header(bug.pins))


def with_versions(names: Iterable[str], held: Mapping[str, str], local: Collection[str]) -> list[str]:
    """Requirements of exactly what an environment held; what was built from a checkout has no release to name."""
    return [f"{name}=={held[name]}" if name in held and name not in local else name for name in names]


def record(bug: Bug, recorded: Recorded) -> None:
    """Keeps what the first failure looked like, beside the copy of the script."""
    (bug.folder / "recorded.json").write_text(json.dumps(_record_form(recorded), indent=1) + "\n", encoding="utf-8")


def read_record(folder: Path) -> Recorded:
    try:
        return _record_of(json.loads((folder / "recorded.json").read_text("utf-8")))
    except (OSError, ValueError, TypeError, KeyError):
        return Recorded()


def with_pattern(bug: Bug, wrong_if: str) -> Bug:
    """The same script with another pattern of wrong output; what was recorded without it no longer counts."""
    try:
        re.compile(wrong_if)
    except re.error as error:
        raise UserError(f"--wrong-if {wrong_if!r} is no regular expression: {error}") from error
    if read_record(bug.folder).wrong_if != wrong_if:
        record(bug, Recorded(wrong_if=wrong_if))
    return load(bug.typed)


def _record_form(recorded: Recorded) -> dict[str, Any]:
    return asdict(recorded)


def _record_of(form: Mapping[str, Any]) -> Recorded:
    known = form["signature"]
    return replace(Recorded(**form), signature=Signature(**known) if known else None)


def _home(text: str) -> Path:
    return places.cache() / "scripts" / hashlib.sha256(text.encode()).hexdigest()[:16]
