"""A failing script as a bug: what it needs, what its first failure looked like, and the oracle that follows from it."""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import json
import re
import sys
import tokenize
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
RULE = 2
"""How signatures are made; what was recorded by another rule is seen anew."""
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
        text = source_text(path)
        ast.parse(text, path.name)
    except OSError as error:
        raise UserError(f"cannot read the script {name}: {error.strerror}; name an existing .py file") from error
    except (SyntaxError, ValueError) as error:
        raise UserError(f"{name} is not valid Python: correct it first: {error}") from error
    _refuse_neighbours(path, text)
    needs, folder = read_needs(text), _home(text)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "minimal.py").write_text(text if HEADER.search(text) else f"{header(needs.pins)}{text}", encoding="utf-8")
    (folder / "probe.py").write_bytes(RUN_SCRIPT.read_bytes())
    recorded = read_record(folder)
    name_of = re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-") or "script"
    state = hashlib.sha256(f"{text}\0{recorded.wrong_if}".encode()).hexdigest()[:6]
    unseen = f"{path.name} was not seen to fail yet"
    wrong = recorded.wrong_if
    title, summary = told(recorded) or (unseen, f"{unseen}.")
    return Bug(
        slug=f"{name_of}-{state}",  # the evidence of another state of the file is of another bug
        title=title,
        summary=summary,
        expected=f"Its output does not match {wrong!r}." if wrong else "The script ends with status 0.",
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
        wrong_if=recorded.wrong_if,
    )


def source_text(path: Path) -> str:
    """The text of a Python file, by its byte order mark or its coding line, which says UTF-8 from now on."""
    with tokenize.open(path) as file:
        first, rest = file.readline() + file.readline(), file.read()
    return re.sub(r"(?m)^([ \t\f]*#.*?coding[:=][ \t]*)[-\w.]+", r"\1utf-8", first) + rest


def _refuse_neighbours(path: Path, text: str) -> None:
    """A trial runs a copy elsewhere; and what lies beside a script is no package of the index by that name."""
    for name in sorted(_import_names(text)):
        for beside in (path.parent / f"{name}.py", path.parent / name / "__init__.py"):
            if beside.is_file() and beside.resolve() != path.resolve():
                raise UserError(
                    f"{path.name} imports {name}, which lies beside it: put what it needs of that into the script, "
                    "which runs as a copy in an empty folder"
                )


def looks_around(text: str) -> list[str]:
    """What of its surroundings a script reads, which a trial does not have: arguments, input, variables, files."""
    found = set[str]()
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Name("__file__"):
                found.add("__file__")
            case ast.Attribute(ast.Name("sys"), "argv" | "stdin" as name):
                found.add(f"sys.{name}")
            case ast.Attribute(ast.Name("os"), "environ" | "getenv" as name):
                found.add(f"os.{name}")
            case ast.Call(ast.Name("input")):
                found.add("input()")
    return sorted(found)


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


def imported_modules(text: str) -> list[str]:
    """The modules that the import statements of a script name, without those of the standard library."""
    names = dict[str, None]()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= dict.fromkeys(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names[node.module] = None
    return [name for name in names if name.partition(".")[0] not in sys.stdlib_module_names]


def _import_names(text: str) -> set[str]:
    return {name.partition(".")[0] for name in imported_modules(text)}


def _imported(text: str) -> list[str]:
    names = _import_names(text)
    owners = importlib.metadata.packages_distributions()
    found: dict[str, str] = {}
    for name in sorted(names):
        owner = canonicalize_name(owners.get(name, [name])[0])
        try:
            found[owner] = f"{owner}=={importlib.metadata.version(owner)}"
        except importlib.metadata.PackageNotFoundError:
            raise UserError(
                f"it imports {name}, which is not installed here: name its package and version in a '# /// script' "
                f'header, as # dependencies = ["{name}==1.0"]'
            ) from None
    return list(found.values())


def told(recorded: Recorded) -> tuple[str, str] | None:
    """The recorded failure as the title of an issue and as its first sentence; ``None`` if there is none."""
    known = recorded.signature
    if known is None:
        return None
    sometimes = " in some runs" if recorded.race else ""
    if known.raised:
        error = f"{known.raised}: {known.message}" if known.message else known.raised
        shown = error if "`" in error else f"`{error}`"
        return f"{error}{f' ({sometimes.strip()})' * recorded.race}", f"The script below raises {shown}{sometimes}."
    if recorded.wrong_if:
        output = f"The output of the script below is wrong{sometimes}: it matches `{recorded.wrong_if}`."
        return f"Wrong output: {recorded.wrong_if}", output
    by = {None: "", "unknown": " by an unknown sender"}.get(known.killer, f" by the {known.killer}")
    how = {
        Symptom.HANG: "hangs before its last statement",
        Symptom.HANG_AT_EXIT: "hangs at exit, after its last statement",
        Symptom.CRASH: f"crashes ({known.signal})",
        Symptom.CRASH_AT_EXIT: f"crashes at exit, after its last statement ({known.signal})",
        Symptom.OUT_OF_MEMORY: f"is killed for the memory it takes ({known.signal or 'a child of it'}{by})",
    }.get(Symptom(known.symptom), f"ends with status {known.exit_code}")
    return f"The process {how}{sometimes}", f"The process of the script below {how}{sometimes}."


def own_header(bug: Bug) -> bool:
    """Whether the script brings its header itself."""
    return HEADER.search(source_text(Path(bug.typed).expanduser())) is not None


def with_versions(names: Iterable[str], held: Mapping[str, str], local: Collection[str]) -> list[str]:
    """Requirements of exactly what an environment held; what was built from a checkout has no release to name."""
    return [f"{name}=={held[name]}" if name in held and name not in local else name for name in names]


def record(bug: Bug, recorded: Recorded) -> None:
    """Keeps what the first failure looked like, beside the copy of the script."""
    (bug.folder / "recorded.json").write_text(
        json.dumps({"rule": RULE, **_record_form(recorded)}, indent=1) + "\n", encoding="utf-8"
    )


def read_record(folder: Path) -> Recorded:
    try:
        form = json.loads((folder / "recorded.json").read_text("utf-8"))
        return _record_of(form) if form.pop("rule", None) == RULE else Recorded()
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
