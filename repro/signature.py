"""How exactly a process failed: symptom, exception without volatile parts, exit status, killer. Pure."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

from repro.model import Outcome, Symptom, Verdict

_HEAD = re.compile(r"^(?:Exception Group )?Traceback \(most recent call last\):")
_MARGIN = re.compile(r"^  [+|] ")
"""What Python draws before the lines of an exception group; its members stand further in."""
_RAISED = re.compile(r"^(?P<type>[A-Za-z_][\w.]*)(?:: ?(?P<message>.*))?$")
_MEMBER = re.compile(r"^ {4,}\| (?P<raised>[A-Za-z_][\w.]*(?:: .*)?)$")
"""A member of an exception group: its type and message stand behind a deeper margin."""
_ENDS_MESSAGE = re.compile(r"^(?:\s*$|Exception ignored|Traceback |During handling|The above exception| {2,}[+|])")
_CHATTER = re.compile(r"\d%\||(?:it|examples|s|B)/s\b|Warning|\b(?:DEBUG|INFO|WARNING|ERROR)\b")
"""The last line of a progress bar or of a log is nothing that ``sys.exit`` said."""
MOST_LINES, MOST_MEMBERS = 5, 5
_FRAME = re.compile(r'^\s*(?:\| )?File "([^"]+)", line \d+, in (.+)$', re.MULTILINE)
_LIBRARY = re.compile(
    r"(?:/(?:site-packages|lib/python[\d.]+)/(?!(?:.*/)?site-packages/)|^(?=[\w/]+\.p(?:yx|xi)$))(.+)$"
)
_VOLATILE: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\b0x[0-9a-fA-F]+\b", "0x…"),
        (r"\b127\.0\.0\.1:\d+\b", "127.0.0.1:…"),
        (r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", "…"),
        (r"\b(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f]{12,}\b", "…"),
        (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?Z?\b", "…"),
        (r"(['\"])(?:<tmp>|~|<repo>|<cache>)?/[^'\"\n]*/[^'\"\n]*\1", r"\1…/\1"),
        (r"(?<![\w.])(?:<tmp>|~|<repo>|<cache>)?(?:/[^\s/'\"`:,;()<>]+){2,}", "…/"),
        (r"(?i)\b(pid|thread|port|process)[ =:]+\d+", r"\1 …"),
        (r"(?<![\w.])\d+(?:\.\d+)? ?(?:ms|s|seconds|it/s|s/it|[KMGT]i?B(?:/s)?)\b", "…"),
    )
)
"""What changes from run to run: addresses, ids, times, paths, sizes. A bare number stays: it may be the finding."""

_FACES = frozenset(s.value for s in (Symptom.HANG, Symptom.HANG_AT_EXIT, Symptom.CRASH, Symptom.CRASH_AT_EXIT))


@dataclass(frozen=True, slots=True)
class Signature:
    """How a process failed, in what does not change from run to run.

    ``raised`` is the type of the last exception, ``message`` the beginning of its text without volatile parts; of an
    exception group also what its members are. Without an exception it is what ``sys.exit`` said.
    """

    symptom: str
    exit_code: int | None = None
    signal: str | None = None
    killer: str | None = None
    raised: str = ""
    message: str = ""

    def __str__(self) -> str:
        """``error (ValueError: no such column)``, ``out-of-memory (SIGKILL by the kernel)``."""
        if self.raised:
            how = f"{self.raised}: {self.message}" if self.message else self.raised
        elif self.killer:
            who = "an unknown sender" if self.killer == "unknown" else f"the {self.killer}"
            how = f"{self.signal or 'a child'} by {who}"
        elif self.signal:
            how = self.signal
        else:
            how = f"exit status {self.exit_code}" if self.exit_code else ""
            how += f": {self.message}" if self.message else ""
        return f"{self.symptom} ({how})" if how else self.symptom


def signature(outcome: Outcome) -> Signature:
    """The signature of one outcome."""
    raised, message = last_exception(outcome.stderr_tail) if outcome.symptom is Symptom.ERROR else ("", "")
    if outcome.symptom is Symptom.ERROR and not raised and outcome.exit_code == 1:
        message = next((line for line in reversed(outcome.stderr_tail.splitlines()) if line.strip()), "")
        message = "" if _CHATTER.search(message) else message
    killer = outcome.killer.value if outcome.killer else None
    return Signature(outcome.symptom.value, outcome.exit_code, outcome.signal, killer, raised, stable(message))


def recognised(seen: Signature, known: Signature | Symptom, race: bool = False) -> bool:
    """Whether a failure is the known one: exactly it, or anything of a known symptom.

    Of a race at the end of a process, a hang and a crash are two faces of one failure.
    """
    symptom = known.value if isinstance(known, Symptom) else known.symptom
    if race and {seen.symptom, symptom} <= _FACES:
        return True
    return seen.symptom == symptom if isinstance(known, Symptom) else seen == known


def last_exception(stderr: str) -> tuple[str, str]:
    """Type and message of the exception that ended a process: the last of a chain, the last shown.

    Of a group it is the group itself, with its members behind its message.
    """
    found, rest, inside = ("", ""), list[str](), False
    lines = [_MARGIN.sub("", one) for one in stderr.splitlines()]
    for place, line in enumerate(lines):
        if _HEAD.match(line):
            inside = True
        elif inside and line and not line[0].isspace() and (raised := _RAISED.match(line)):
            found, rest, inside = (raised["type"], (raised["message"] or "").strip()), lines[place + 1 :], False
    said = list(itertools.takewhile(lambda line: not _ENDS_MESSAGE.match(line), rest))[: MOST_LINES - 1]
    members = [member["raised"] for line in rest if (member := _MEMBER.match(line))][:MOST_MEMBERS]
    whole = " ".join([found[1], *(line.strip() for line in said), *([f"({'; '.join(members)})"] if members else [])])
    return found[0], whole.strip()


def raised_in(stderr: str) -> str:
    """Where the exception that ended a process came from, as ``datasets/table.py array_cast``.

    Empty if the innermost frame is of no library: the script raised it itself.
    """
    frames = _FRAME.findall(stderr.rpartition("Traceback (most recent call last):")[2])
    path, function = frames[-1] if frames else ("", "")
    below = _LIBRARY.search(path)
    return f"{below[1]} {function}" if below else ""


def stable(text: str) -> str:
    """One line of at most 300 characters without what changes from run to run."""
    line = " ".join(text.split())
    for pattern, replacement in _VOLATILE:
        line = pattern.sub(replacement, line)
    return line[:300]


def why(outcome: Outcome, verdict: Verdict) -> str:
    """Why a trial got its verdict: the reason, with the last exception where it does not name it."""
    raised, message = last_exception(outcome.stderr_tail) if verdict.symptom is Symptom.ERROR else ("", "")
    line = f"{raised}: {message}" if message else raised
    return f"{verdict.reason}: {line[:300]}" if line and raised not in verdict.reason else verdict.reason
