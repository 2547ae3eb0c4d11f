"""What an issue text records of its script's failure, and how a later failure compares with it. Pure."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from repro.errors import UserError
from repro.forms import from_json, to_json
from repro.model import Limits, Outcome, Symptom
from repro.rates import CLEAN_TRIALS
from repro.signature import Signature, signature, stable
from repro.units import format_duration, format_size

SCHEMA = 2
MARK = "datasets-repro"
LONGEST_S, MOST_TRIALS, LEAST_CAP = 3600.0, 1000, 32 << 20
"""What a text may ask for at most: it may come from anyone."""
_OPENING, _CLOSING = f"<!-- {MARK} {{", "} -->"
_FENCE = re.compile(r"(`{3,})python")
_PIN = re.compile(r"(?<![\w.-])([A-Za-z][\w.-]*)==([^\s,;\"']+)")
_RACE = frozenset({Symptom.HANG, Symptom.HANG_AT_EXIT, Symptom.CRASH, Symptom.CRASH_AT_EXIT})


@dataclass(frozen=True, slots=True)
class Failure:
    """How a script fails, in what does not change from run to run: how it ended, and its last line of output."""

    signature: Signature
    said: str

    @classmethod
    def of(cls, outcome: Outcome) -> Failure:
        said = [line for line in outcome.stdout_tail.splitlines() if line.strip()]
        return cls(signature(outcome), stable(said[-1]) if said else "")

    def __str__(self) -> str:
        return f"{self.signature}, last line {self.said!r}" if self.said else str(self.signature)


@dataclass(frozen=True, slots=True)
class Record:
    """What an issue text carries in its HTML comment, beside the script itself.

    Attributes:
        target: the environment in which the script failed as recorded.
        trials: how many runs may show no failure before it is called healthy (more than 1 for a race).
        race: whether a hang and a crash at the end are the same failure.
    """

    bug: str
    target: str
    limits: Limits
    failure: Failure
    trials: int = 1
    race: bool = False

    @property
    def runs(self) -> int:
        """How many runs it takes at most; a race is healthy by the same rule as everywhere."""
        return max(self.trials, CLEAN_TRIALS) if self.race else self.trials

    def comment(self) -> str:
        """The HTML comment; nothing inside can end it early."""
        text = json.dumps({"schema": SCHEMA, **to_json(self)}, sort_keys=True)
        for mark in ("--", "<", ">"):
            text = text.replace(mark, mark[:-1] + f"\\u{ord(mark[-1]):04x}")
        return f"<!-- {MARK} {text} -->"


def read(text: str) -> tuple[str, Record]:
    """The script and the record of an issue text, in time that grows with its length and no faster.

    Raises:
        UserError: there is no record, it is of another schema or damaged, or there is no script.
    """
    start = text.rfind(_OPENING)
    end = text.find(_CLOSING, start)
    if start < 0 or end < 0:
        raise UserError(f"no '<!-- {MARK} … -->' comment in the text: write one with 'repro issue BUG'")
    try:
        data = json.loads(text[start + len(_OPENING) - 1 : end + 1])
        if data["schema"] != SCHEMA:
            raise UserError(f"the record has schema {data['schema']!r}, this kit reads {SCHEMA}: write the text anew")
        del data["schema"]
        record = _clamped(from_json(Record, data))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"the record in the text is damaged ({reason}): write it anew with 'repro issue BUG'"
        ) from error
    script = next((body for body in _blocks(text) if _header(body) is not None), None)
    if script is None:
        raise UserError("no ```python block with a '# /// script' header in the text: that is the script to run")
    return script, record


def _clamped(record: Record) -> Record:
    """The record, its limits cut down to what anybody may ask of a machine."""
    limits, cap = record.limits, record.limits.memory_bytes
    if not all(n > 0 for n in (limits.timeout_s, limits.grace_s, 1 if cap is None else cap, record.trials)):
        raise ValueError("a limit is not a positive number")
    longest = (min(limits.timeout_s, LONGEST_S), min(limits.grace_s, LONGEST_S))
    cut = Limits(None if cap is None else max(cap, LEAST_CAP), *longest)
    return replace(record, limits=cut, trials=min(record.trials, MOST_TRIALS))


def _blocks(text: str) -> Iterator[str]:
    """The contents of the closed ```python blocks."""
    fence, body = "", list[str]()
    for line in text.splitlines(keepends=True):
        if fence and line.strip() == fence:
            yield "".join(body)
            fence = ""
        elif fence:
            body.append(line)
        elif opened := _FENCE.match(line):
            fence, body = opened[1], []


def _header(script: str) -> str | None:
    """The content of the header that names the dependencies, as PEP 723 gives it; ``None`` if there is none."""
    content: list[str] | None = None
    last = 0
    for line in [*(line.rstrip() for line in script.splitlines()), ""]:
        if content is None:
            content = [] if line == "# /// script" else None
        elif line == "#" or line.startswith("# "):
            content.append(line[2:])
            last = len(content) if line == "# ///" else last
        elif last:
            return "\n".join(content[: last - 1])
        else:
            content = None
    return None


def requirements(script: str) -> tuple[str, ...]:
    """The packages that the header of ``script`` names, without versions: those come from the target."""
    header = _header(script)
    if header is None:
        raise UserError("the script has no '# /// script' header that names its dependencies")
    try:
        listed = tomllib.loads(header).get("dependencies", [])
        return tuple(dict.fromkeys(canonicalize_name(Requirement(text).name) for text in listed))
    except (tomllib.TOMLDecodeError, InvalidRequirement, TypeError, RecursionError) as error:
        raise UserError(f"the header of the script cannot be read ({error}): correct its dependencies") from error


def same(record: Record, seen: Failure) -> bool:
    """Whether ``seen`` is the recorded failure. Of a race, a hang and a crash are two faces of one failure.

    Who enforced a memory cap is the machine's affair.
    """
    before, now = record.failure.signature, seen.signature
    if record.race and {before.symptom, now.symptom} <= _RACE:
        return seen.said == record.failure.said
    if before.symptom == now.symptom == Symptom.OUT_OF_MEMORY:
        before, now = (replace(one, killer=None, signal=None, exit_code=None) for one in (before, now))
    return (before, record.failure.said) == (now, seen.said)


def is_newer(record: Record, packages: Mapping[str, str]) -> bool:
    """Whether packages are newer than the recorded ones, and none is older: only there the bug can be fixed."""
    pins = [(name, pin) for name, pin in _PIN.findall(record.target) if name != "python"]
    try:
        pairs = [(Version(pin), Version(packages[canonicalize_name(name)])) for name, pin in pins]
    except (InvalidVersion, KeyError):
        return False
    return any(now > then for then, now in pairs) and all(now >= then for then, now in pairs)


def limits_words(limits: Limits) -> str:
    """``cap 2GiB, at most 120s a run``."""
    cap = "no memory cap" if limits.memory_bytes is None else f"cap {format_size(limits.memory_bytes)}"
    return f"{cap}, at most {format_duration(limits.timeout_s)} a run"
