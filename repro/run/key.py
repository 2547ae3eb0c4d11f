"""Hashes all that decides a trial, and nothing that only describes it.

Code counts by its syntax tree, so that a comment, a docstring or a title changes no hash. What a bug declares in words
(scenarios, fixes, claims) is left out too: the parts of it that matter stand in the question.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import repro
from repro import trial
from repro.bugs.declaration import Bug, Prepared
from repro.evidence.record import plain
from repro.model import SCHEMA, TargetInfo, Unsolvable
from repro.run.question import Question

_KIT = Path(repro.__file__).parent
_INPUTS = _KIT / "inputs"


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
        "parameters": plain(question.parameters),
        "inputs": None if prepared is None else plain(prepared.inputs),
        "expected": None if prepared is None else plain(prepared.expected),
        "limits": asdict(question.limits),
        "environment": environment,
    }
    return f"{sources}-{_sha256(json.dumps(parts, sort_keys=True, default=str).encode())[:32]}"


def script_key(script: Path, question: Question, target: TargetInfo | Unsolvable) -> str:
    """The same for a script of an issue, which is judged by its end alone."""
    environment = target.key if isinstance(target, TargetInfo) else target.reason
    parts = [script_sources(script), environment, question.fix.name, asdict(question.limits)]
    return f"{script_sources(script)}-{_sha256(json.dumps(parts, sort_keys=True).encode())[:32]}"


def script_sources(script: Path) -> str:
    return _sha256(f"{_supervisor()}\n{script.read_text('utf-8')}".encode())[:32]


def is_current(decided_by: str, sources: str) -> bool:
    """Whether a trial was made and judged by the code of today."""
    return decided_by.partition("-")[0] == sources


def sources_key(bug: Bug) -> str:
    """sha256 of the syntax of the probe, of what prepares and judges, and of the supervisor."""
    parts = {path.name: _syntax(path) for path in sorted(_sources(bug))}
    form = {"schema": SCHEMA, "supervisor": _supervisor(), "sources": parts}
    return _sha256(json.dumps(form, sort_keys=True).encode())[:32]


def _sources(bug: Bug) -> set[Path]:
    """The probe, ``prepare`` and the oracle, with all they import from the bug's folder and from the input makers."""
    waiting = [bug.folder / "probe.py"]
    for function in (bug.prepare, bug.oracle):
        while isinstance(function, functools.partial):
            function = function.func
        file = inspect.getsourcefile(inspect.unwrap(function))
        waiting += [Path(file)] if file else []
    found: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path in found or not path.is_file():
            continue
        found.add(path)
        waiting += [one for one in _imported(path) if one.parent in (path.parent, bug.folder, _INPUTS)]
    return found


@functools.cache
def _imported(path: Path) -> tuple[Path, ...]:
    """Files that the kept statements of a file import, as far as they are the kit's or lie beside it."""
    names: list[str] = []
    for node in ast.walk(_kept(path)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    inside = [_KIT.parent.joinpath(*name.split(".")).with_suffix(".py") for name in names]
    beside = [path.with_name(f"{name}.py") for name in names if "." not in name]
    return tuple(one for one in (*inside, *beside) if one.is_file())


def _kept(path: Path) -> ast.Module:
    """The module without docstrings and, of a declaration, without what only describes the bug."""
    tree = ast.parse(path.read_text("utf-8"))
    if path.name == "bug.py":
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
        tree.body = [node for node in tree.body if not _describes(node)]
        called = {n.id for node in tree.body for n in ast.walk(node) if isinstance(n, ast.Name)} & used
        tree.body = [node for node in tree.body if not isinstance(node, ast.ImportFrom) or _names(node) & called]
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr) and _is_text(body[0].value):
            node.body = body[1:]  # type: ignore[attr-defined]
    return tree


def _describes(node: ast.stmt) -> bool:
    """A declaration at the top level: it calls something, and nothing of it runs in a trial."""
    value = getattr(node, "value", None)
    inside = ast.walk(value) if isinstance(value, ast.AST) and not isinstance(node, ast.Expr) else iter(())
    return isinstance(node, ast.Assign | ast.AnnAssign) and any(
        isinstance(n, ast.Call) and _called(n) not in {"frozenset", "set", "dict", "tuple", "Path"} for n in inside
    )


def _called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _names(node: ast.ImportFrom) -> set[str]:
    return {alias.asname or alias.name for alias in node.names}


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


@functools.cache
def _syntax(path: Path) -> str:
    return _sha256(ast.dump(_kept(path)).encode())


@functools.cache
def _supervisor() -> str:
    files: Iterator[Path] = Path(trial.__file__).parent.glob("*.py")
    return _sha256("".join(f"{path.name} {_syntax(path)}\n" for path in sorted(files)).encode())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
