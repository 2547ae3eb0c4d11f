"""Whether a script of the issue failed as the bug's own trials do. Pure."""

from __future__ import annotations

import re
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
