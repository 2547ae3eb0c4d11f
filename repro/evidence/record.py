"""The record of one trial, and its versioned JSON form."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from math import isfinite
from pathlib import Path
from types import UnionType
from typing import Any, get_origin, get_type_hints

from repro.errors import UserError, unknown
from repro.evidence.redact import Redactor
from repro.model import SCHEMA, Killer, Limits, Outcome, Sample, Scalar, Stack, Status, Symptom, Verdict
from repro.rates import Rate

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,150}")  # nothing that leads out of the folder
_OUTCOME = {
    name: (hint | int if hint is float else hint)
    for name, hint in get_type_hints(Outcome).items()
    if get_origin(hint) in (None, UnionType)
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """One trial: what was asked, in which environment, what came out and what that means.

    Attributes:
        id: UTC time and random digits; sorts by time, unique also when trials end at the same moment.
        parameters: every parameter with its value.
        target: ``spec``, ``python``, the versions of the main packages by name, ``packages`` (all of them), ``patch``.
        provenance: kit version and commit, time, machine (``provenance.py``).
        reproduce: the command that asks the same question again.
        memray: what the diagnostic run saw; ``None`` for a plain run.
        path: the file it was saved to or loaded from; not part of the JSON form.
    """

    id: str
    bug: str
    scenario: str
    fix: str
    parameters: Mapping[str, Scalar]
    target: Mapping[str, Any]
    limits: Limits
    outcome: Outcome
    verdict: Verdict
    provenance: Mapping[str, Any]
    reproduce: str
    memray: Mapping[str, Any] | None = None
    decided_by: str = ""
    path: Path | None = field(default=None, compare=False)

    @classmethod
    def create(
        cls,
        *,
        bug: str,
        scenario: str,
        fix: str,
        parameters: Mapping[str, Scalar],
        target: Mapping[str, Any],
        limits: Limits,
        outcome: Outcome,
        verdict: Verdict,
        provenance: Mapping[str, Any],
        reproduce: str,
        memray: Mapping[str, Any] | None = None,
        decided_by: str = "",
    ) -> Evidence:
        """The record of a trial that has just ended, with a new id."""
        return cls(
            new_id(),
            bug,
            scenario,
            fix,
            parameters,
            target,
            limits,
            outcome,
            verdict,
            provenance,
            reproduce,
            memray,
            decided_by,
        )

    @property
    def status_alone(self) -> Status:
        """The status if this were the only trial."""
        return Rate.of([self.verdict]).status(race=False)

    @property
    def shown_path(self) -> str:
        """The file as a reader would type it: relative to the current folder where that is shorter."""
        if self.path is None:
            return f"evidence/{self.bug}/{self.id}.json"
        relative = os.path.relpath(self.path)
        return min(relative, str(self.path.absolute()), key=len)

    def to_json(self) -> dict[str, Any]:
        """JSON-ready; numbers that JSON lacks (NaN, infinities) become texts."""
        form = {"schema": SCHEMA, **{f.name: plain(getattr(self, f.name)) for f in fields(self) if f.name != "path"}}
        return {**form, "status_alone": self.status_alone.value}

    @classmethod
    def from_json(cls, data: Any) -> Evidence:
        """The inverse of ``to_json``. Raises UserError: other schema, unknown symptom, anything missing or wrong."""
        if not isinstance(data, Mapping) or "schema" not in data:
            raise UserError("not an evidence file: it has no schema; delete it, or run the trial again")
        if data["schema"] != SCHEMA:
            raise UserError(
                f"evidence of schema {data['schema']!r}, this kit reads {SCHEMA}: use the version of the kit that "
                "wrote it, or delete the file and run its 'reproduce' command again"
            )
        try:
            given = {"decided_by": "", **{f.name: data[f.name] for f in fields(cls) if f.name not in _LATER}}
            given["decided_by"] = data.get("decided_by", "")
            for name, kind in _KINDS.items():
                _expect(name, given[name], kind)
            for name in ("id", "bug"):
                if not _FILE_NAME.fullmatch(given[name]):
                    raise ValueError(f"{name} {given[name]!r} is no file name")
            given["limits"] = Limits(**given["limits"])
            given["outcome"] = _outcome(given["outcome"])
            given["verdict"] = _verdict(given["verdict"])
            evidence = cls(**given)
            if data["status_alone"] != evidence.status_alone.value:
                raise ValueError(f"status_alone {data['status_alone']!r} contradicts the verdict")
        except KeyError as error:
            raise UserError(f"damaged evidence: {error} is missing; delete the file and run the trial again") from error
        except (TypeError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise UserError(f"damaged evidence: {reason}; delete the file and run the trial again") from error
        return evidence

    def redacted(self, redactor: Redactor) -> Evidence:
        """The same without private things. Names from closed lists and package names stay as they are."""
        seen = self.outcome
        outcome = replace(
            seen,
            detail=redactor.text(seen.detail),
            killer_basis=redactor.text(seen.killer_basis),
            stdout_tail=redactor.text(seen.stdout_tail),
            stderr_tail=redactor.text(seen.stderr_tail),
            measures=redactor.data(seen.measures),
            started=redactor.data(seen.started),
            phases=tuple((t, redactor.text(name)) for t, name in seen.phases),
            stacks=tuple(Stack(s.tool, redactor.text(s.text), redactor.text(s.note)) for s in seen.stacks),
        )
        return replace(
            self,
            parameters={name: redactor.data(value) for name, value in self.parameters.items()},
            target={k: v if k == "packages" else redactor.data(v) for k, v in self.target.items()},
            outcome=outcome,
            verdict=replace(self.verdict, reason=redactor.text(self.verdict.reason)),
            provenance=redactor.data(self.provenance),
            reproduce=redactor.text(self.reproduce),
            memray=None if self.memray is None else redactor.data(self.memray),
        )


_LATER = frozenset({"path", "decided_by"})
_KINDS: dict[str, Any] = {
    **dict.fromkeys(("id", "bug", "scenario", "fix", "reproduce"), str),
    **dict.fromkeys(("parameters", "target", "limits", "outcome", "verdict", "provenance"), Mapping),
    "memray": Mapping | None,
}


def new_id(now: datetime | None = None) -> str:
    """Such as ``20261105T093015.123456Z-1a2b3c4d``: sorts by time as text."""
    return f"{now or datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(4)}"


def plain(value: Any) -> Any:
    """``value`` in JSON's own types: enums by value, tuples as lists, paths and non-finite numbers as texts."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    return str(value) if isinstance(value, Path) else value


def _expect(name: str, value: Any, kind: Any) -> None:
    if not isinstance(value, kind):
        raise TypeError(f"{name} is {type(value).__name__}, not {getattr(kind, '__name__', kind)}")


def _symptom(value: Any) -> Symptom:
    if value not in set(Symptom):
        raise unknown("symptom", str(value), (s.value for s in Symptom))
    return Symptom(value)


def _verdict(data: Mapping[str, Any]) -> Verdict:
    _expect("is_bug", data["is_bug"], bool)
    _expect("reason", data["reason"], str)
    return Verdict(_symptom(data["symptom"]), data["is_bug"], data["reason"], data.get("testable", True))


def _outcome(data: Mapping[str, Any]) -> Outcome:
    given = dict(data)
    given["symptom"] = _symptom(given["symptom"])
    given["killer"] = None if given.get("killer") is None else Killer(given["killer"])
    given["phases"] = tuple((float(t), str(name)) for t, name in given.get("phases", ()))
    given["timeline"] = tuple(Sample(**sample) for sample in given.get("timeline", ()))
    given["stacks"] = tuple(Stack(**stack) for stack in given.get("stacks", ()))
    for name, kind in _OUTCOME.items():
        if name in given:
            _expect(name, given[name], kind)
    return Outcome(**given)
