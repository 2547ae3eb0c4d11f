"""What an issue text records of its script's failure, and how a later failure compares with it. Pure."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from repro.errors import UserError
from repro.forms import from_json, to_json
from repro.model import Limits, Outcome, Symptom
from repro.units import format_duration, format_size

SCHEMA = 1
MARK = "datasets-repro"
_RECORD = re.compile(rf"<!-- {MARK} (\{{.*?\}}) -->", re.DOTALL)
_FENCE = re.compile(r"^(`{3,})python[^\n]*\n(.*?)^\1\s*$", re.DOTALL | re.MULTILINE)
_HEADER = re.compile(r"(?m)^# /// script$\s(?P<content>(^#(| .*)$\s)+)^# ///$")  # as PEP 723 gives it
_RAISED = re.compile(r"(?m)^([A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit|Warning))\b")
_NUMBER = re.compile(r"\d+(?:\.\d+)*")
_RACE = frozenset({Symptom.HANG, Symptom.HANG_AT_EXIT, Symptom.CRASH, Symptom.CRASH_AT_EXIT})


@dataclass(frozen=True, slots=True)
class Failure:
    """How a script fails, in what does not change from run to run.

    ``said`` is the last line of its standard output with every number as ``#``; ``raised`` the exception's name.
    """

    symptom: str
    exit_code: int | None
    signal: str | None
    said: str
    raised: str

    @classmethod
    def of(cls, outcome: Outcome) -> Failure:
        said = [line.strip() for line in outcome.stdout_tail.splitlines() if line.strip()]
        raised = _RAISED.findall(outcome.stderr_tail)
        return cls(
            outcome.symptom.value,
            outcome.exit_code,
            outcome.signal,
            _NUMBER.sub("#", said[-1])[:300] if said else "",
            raised[-1] if raised else "",
        )

    def __str__(self) -> str:
        how = self.signal or (f"exit status {self.exit_code}" if self.exit_code is not None else self.symptom)
        how = how if how == self.symptom else f"{self.symptom} ({how})"
        return ", ".join(part for part in (how, self.raised, f"last line {self.said!r}" if self.said else "") if part)


@dataclass(frozen=True, slots=True)
class Record:
    """What an issue text carries in its HTML comment, beside the script itself.

    Attributes:
        target: the environment in which the script failed as recorded.
        trials: how many runs may show no failure before it is called fixed (more than 1 for a race).
        race: whether a hang and a crash at the end are the same failure.
    """

    bug: str
    target: str
    limits: Limits
    failure: Failure
    trials: int = 1
    race: bool = False

    def comment(self) -> str:
        """The HTML comment; nothing inside can end it early."""
        text = json.dumps({"schema": SCHEMA, **to_json(self)}, sort_keys=True)
        for mark in ("--", "<", ">"):
            text = text.replace(mark, mark[:-1] + f"\\u{ord(mark[-1]):04x}")
        return f"<!-- {MARK} {text} -->"


def read(text: str) -> tuple[str, Record]:
    """The script and the record of an issue text.

    Raises:
        UserError: there is no record, it is of another schema or damaged, or there is no script.
    """
    comments = _RECORD.findall(text)
    if not comments:
        raise UserError(f"no '<!-- {MARK} … -->' comment in the text: write one with 'repro issue BUG'")
    try:
        data = json.loads(comments[-1])
        if data["schema"] != SCHEMA:
            raise UserError(f"the record has schema {data['schema']!r}, this kit reads {SCHEMA}: write the text anew")
        del data["schema"]
        record = from_json(Record, data)
        _check(record)
    except (ValueError, TypeError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"the record in the text is damaged ({reason}): write it anew with 'repro issue BUG'"
        ) from error
    scripts = [body for _, body in _FENCE.findall(text)]
    scripts = [body for body in scripts if _HEADER.search(body)]
    if not scripts:
        raise UserError("no ```python block with a '# /// script' header in the text: that is the script to run")
    return scripts[0], record


def _check(record: Record) -> None:
    limits = record.limits
    if min(limits.timeout_s, limits.grace_s, limits.memory_bytes or 1, record.trials) <= 0:
        raise ValueError("a limit is not a positive number")


def requirements(script: str) -> tuple[str, ...]:
    """The packages that the header of ``script`` names, without versions: those come from the target."""
    found = _HEADER.search(script)
    if found is None:
        raise UserError("the script has no '# /// script' header that names its dependencies")
    body = "\n".join(line.removeprefix("#").removeprefix(" ") for line in found["content"].splitlines())
    try:
        listed = tomllib.loads(body).get("dependencies", [])
        return tuple(dict.fromkeys(canonicalize_name(Requirement(text).name) for text in listed))
    except (tomllib.TOMLDecodeError, InvalidRequirement, TypeError) as error:
        raise UserError(f"the header of the script cannot be read ({error}): correct its dependencies") from error


def same(record: Record, seen: Failure) -> bool:
    """Whether ``seen`` is the recorded failure. Of a race, a hang and a crash are two faces of one failure."""
    if record.race and {record.failure.symptom, seen.symptom} <= {s.value for s in _RACE}:
        return seen.said == record.failure.said
    return seen == record.failure


def limits_words(limits: Limits) -> str:
    """``cap 2GiB, at most 120s a run``."""
    cap = "no memory cap" if limits.memory_bytes is None else f"cap {format_size(limits.memory_bytes)}"
    return f"{cap}, at most {format_duration(limits.timeout_s)} a run"
