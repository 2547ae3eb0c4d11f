"""Whether a script of the issue failed as the bug's own trials do, and whether a script is worth running. Pure."""

from __future__ import annotations

import ast
import builtins
import re
import warnings
from collections.abc import Iterable

from repro.evidence.record import Evidence
from repro.model import Symptom
from repro.signature import last_exception

_ENDS = {Symptom.HANG, Symptom.HANG_AT_EXIT, Symptom.CRASH, Symptom.CRASH_AT_EXIT}
_SELF_JUDGED = {Symptom.WRONG_OUTPUT, Symptom.EXCESS_READ, Symptom.OUT_OF_MEMORY}
"""What a script can find out of itself, and then end with a status of its own."""
_BROKEN = re.compile(r"(?m)^(ImportError|ModuleNotFoundError|SyntaxError|IndentationError|TabError)\b")


def fits(run: Evidence, trials: Iterable[Evidence]) -> bool:
    """Whether ``run`` of a script shows what those ``trials`` show that show the bug.

    A script that cannot import or parse shows nothing. Of a bug that hangs or crashes the script must end so too; an
    exception must be one that a trial raised; a status of its own is an answer only where a script can know it.
    """
    symptom, stderr = run.verdict.symptom, run.outcome.stderr_tail
    if not run.verdict.informative or not run.verdict.is_bug or symptom.healthy:
        return False
    seen = [one for one in trials if one.verdict.is_bug]
    shown = {one.verdict.symptom for one in seen}
    if symptom in _ENDS:
        return bool(shown & _ENDS)
    if symptom is not Symptom.ERROR:
        return symptom in shown
    raised = last_exception(stderr)[0] or next(iter(_BROKEN.findall(stderr)), "")
    if _BROKEN.match(raised):
        return False
    if raised and raised != AssertionError.__name__:
        return raised in {last_exception(one.outcome.stderr_tail)[0] for one in seen}
    return bool(shown & (_SELF_JUDGED | {Symptom.ERROR}))


def parses(text: str) -> bool:
    """Whether it is Python that can be compiled."""
    try:
        with warnings.catch_warnings(action="ignore"):
            compile(text, "script", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def unbound(text: str) -> set[str]:
    """Names that a script reads and nothing in it binds: to run it would mostly show a NameError.

    ``text`` must parse. Scopes are not looked at, so what is bound anywhere counts as bound.
    """
    read, bound = set[str](), {"__file__", "__doc__", "__annotations__", *dir(builtins)}
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Name(name, ast.Load()):
                read.add(name)
            case ast.Name(name) | ast.FunctionDef(name) | ast.AsyncFunctionDef(name) | ast.ClassDef(name):
                bound.add(name)
            case ast.arg(name) | ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                bound.add(name)
            case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                bound.add(name)
            case ast.alias("*"):
                return set()
            case ast.alias(name, asname):
                bound.add(asname or name.partition(".")[0])
    return read - bound
