"""Hashes all that decides a trial, and nothing that only describes it.

Code counts by its syntax tree, so that a comment or a docstring changes no hash. Of a declaration only what ``prepare``
and the oracle reach counts: titles, claims and the like do not, and what was asked stands in the question.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

import repro
from repro import hub, trial
from repro.bugs import defaults
from repro.bugs.declaration import RUN_SCRIPT, Bug, Claim, Fix, Parameter, Prepared, Scenario
from repro.forms import to_json
from repro.model import SCHEMA, TargetInfo, Unsolvable
from repro.run.question import Question

_KIT = Path(repro.__file__).parent
_INPUTS = _KIT / "inputs"
_NAMED = frozenset({Claim.__name__, Fix.__name__, Parameter.__name__, Scenario.__name__})
"""Declarations of which only the name counts: what else they hold is words, or stands in the question."""
_PARSING = threading.Lock()
"""Before Python 3.13 two threads that parse at the same time can get a SystemError (python/cpython#106905)."""


def trial_key(question: Question, target: TargetInfo | Unsolvable, prepared: Prepared | None) -> str:
    """``<sources>-<all>``: sha256 of the code that makes and judges the trial, and of that with everything asked.

    What an impossible environment is asked to do does not matter, but the reason why it is impossible does.
    """
    fix = question.fix
    environment = target.key if isinstance(target, TargetInfo) else [target.spec, target.symptom.value, target.reason]
    sources = sources_key(question.bug)
    parts: dict[str, Any] = {
        "sources": sources,
        "bug": question.bug.slug,
        "scenario": question.scenario.name,
        "fix": [fix.name, fix.kind.value, None if fix.path is None else _sha256(fix.path.read_bytes())],
        "parameters": to_json(question.parameters),
        "inputs": None if prepared is None else to_json(prepared.inputs),
        "expected": None if prepared is None else to_json(prepared.expected),
        "limits": asdict(question.limits),
        "environment": environment,
        **({"faults": question.scenario.faults} if question.bug.hub or question.scenario.hub else {}),
        **({"repositories": str(prepared.repositories)} if prepared and prepared.repositories else {}),
    }
    return f"{sources}-{_sha256(json.dumps(parts, sort_keys=True, default=str).encode())[:32]}"


def script_key(script: Path, question: Question, target: TargetInfo | Unsolvable) -> str:
    """The same for a script of an issue, which is judged by its end alone."""
    environment = target.key if isinstance(target, TargetInfo) else target.reason
    parts = [script_sources(script), environment, question.fix.name, asdict(question.limits)]
    return f"{script_sources(script)}-{_sha256(json.dumps(parts, sort_keys=True).encode())[:32]}"


def script_sources(script: Path) -> str:
    return _sha256(f"{_room(trial)}\n{script.read_text('utf-8')}".encode())[:32]


def is_current(decided_by: str, sources: str) -> bool:
    """Whether a trial was made and judged by the code of today."""
    return decided_by.partition("-")[0] == sources


def sources_key(bug: Bug) -> str:
    """sha256 of the syntax of the probe, of what prepares and judges, and of the supervisor."""
    parts = {f"{path.parent.name}/{path.name}": syntax for path, syntax in sorted(_sources(bug).items())}
    form: dict[str, Any] = {"schema": SCHEMA, "supervisor": _room(trial), "sources": parts}
    if bug.oracle is None:
        controls = [one.name for one in bug.scenarios if one.control]
        form["declared"] = [str(bug.failure), repr(bug.failure), bug.wrong_if, bug.race, controls]
    if bug.hub or any(one.hub for one in bug.scenarios):
        form["hub"] = _room(hub)
    return _sha256(json.dumps(form, sort_keys=True).encode())[:32]


def _sources(bug: Bug) -> dict[Path, str]:
    """The probe, ``prepare`` and the oracle, with all they import from the bug's folder and from the input makers.

    Of the files that hold ``prepare`` and the oracle only what these two reach counts; all others count whole.
    """
    entries: dict[Path, list[Callable[..., Any]]] = {}
    for function in (bug.prepare or defaults.constants, bug.oracle or defaults.compare):
        while isinstance(function, functools.partial):
            function = function.func
        entries.setdefault(Path(inspect.getfile(inspect.unwrap(function))), []).append(inspect.unwrap(function))
    script = [bug.folder / "minimal.py"] if bug.probe == RUN_SCRIPT else []
    waiting, found = [bug.probe, *script, *entries], dict[Path, str]()
    while waiting:
        path = waiting.pop()
        if path in found or not path.is_file():
            continue
        source = path.read_text("utf-8")
        starts = tuple((one.__name__, one.__code__.co_firstlineno) for one in entries.get(path, ()))
        found[path], imported = _syntax(source, starts)
        waiting += [one for one in _files(imported, path) if one.parent in (path.parent, bug.folder, _INPUTS)]
    return found


@functools.cache
def _syntax(source: str, starts: tuple[tuple[str, int], ...] = ()) -> tuple[str, tuple[str, ...]]:
    """sha256 of the syntax of a file without its docstrings and titles, and the modules it imports."""
    with _PARSING:
        tree = ast.parse(source)
    if starts:
        tree.body = _reached(tree.body, starts)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr) and _is_text(body[0].value):
            node.body = body[1:]  # type: ignore[attr-defined]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _NAMED:
            node.args, node.keywords = node.args[:1], []
    imported: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = [node.module] if node.module else []
            imported += [*above, *(".".join([*above, alias.name]) for alias in node.names)]
    return _sha256(ast.dump(tree).encode()), tuple(imported)


def _files(imported: Iterable[str], path: Path) -> Iterator[Path]:
    """The files of imported modules, as far as they are the kit's or lie beside ``path``."""
    for name in imported:
        if name.startswith(f"{_KIT.name}."):
            yield Path(f"{_KIT.parent.joinpath(*name.split('.'))}.py")
        elif "." not in name:
            yield path.with_name(f"{name}.py")


def _reached(body: list[ast.stmt], starts: tuple[tuple[str, int], ...]) -> list[ast.stmt]:
    """The statements at the top level that some functions need, by the names in them; a lambda is named by its line.

    Statements that define nothing always count.
    """
    defined = {name: node for node in body for name in _defines(node)}
    needed: list[ast.stmt] = [
        node for node in body if not any(True for _ in _defines(node)) and not _is_docstring(node)
    ]
    for name, line in starts:
        if name in defined:
            needed.append(defined[name])
        else:
            inside = [n for node in body for n in ast.walk(node) if isinstance(n, ast.Lambda) and n.lineno == line]
            needed += [ast.copy_location(ast.Expr(one), one) for one in inside] or body
    place = 0
    while place < len(needed):
        names = (n.id for n in ast.walk(needed[place]) if isinstance(n, ast.Name))
        needed += [defined[n] for n in dict.fromkeys(names) if n in defined and defined[n] not in needed]
        place += 1
    return sorted(needed, key=lambda node: node.lineno)


def _defines(node: ast.stmt) -> Iterator[str]:
    """The names that a statement at the top level defines."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name))


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and _is_text(node.value)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


@functools.cache
def _room(package: ModuleType) -> str:
    """Of the code that this process runs; read once, since it was imported once."""
    files = sorted(Path(package.__file__ or "").parent.glob("*.py"))
    return _sha256("".join(f"{path.name} {_syntax(path.read_text('utf-8'))[0]}\n" for path in files).encode())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
