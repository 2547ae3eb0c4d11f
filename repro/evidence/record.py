"""The record of one trial, and its versioned JSON form."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from repro import forms
from repro.errors import UserError
from repro.evidence.redact import Redactor
from repro.model import SCHEMA, Limits, Outcome, Scalar, Stack, Status, Verdict
from repro.rates import Rate

LABEL = "study"
"""Where in the provenance the label of a trial is kept (``labels.py``)."""

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,150}")  # nothing that leads out of the folder


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
        decided_by: sha256 (hex) of all that decides the trial; ``""`` in evidence of before it was kept.
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
    memray: Mapping[str, Any] | None
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
        label: Mapping[str, Any] | None = None,
        decided_by: str = "",
    ) -> Evidence:
        """The record of a trial that has just ended, with a new id and, if it belongs to a study, its label."""
        origin = provenance if label is None else {**provenance, LABEL: dict(label)}
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
            origin,
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
        form = forms.to_json(self)
        del form["path"]
        return {"schema": SCHEMA, **form, "status_alone": self.status_alone.value}

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
            known = [f.name for f in fields(cls) if f.name != "path"]  # a newer kit may have written more
            evidence = forms.from_json(cls, {name: data[name] for name in known if name in data})
            for name in (evidence.id, evidence.bug):
                if not _FILE_NAME.fullmatch(name):
                    raise ValueError(f"{name!r} is no file name")
            if data.get("status_alone") != evidence.status_alone.value:
                raise ValueError(f"status_alone {data.get('status_alone')!r} contradicts the verdict")
        except ValueError as error:
            raise UserError(f"damaged evidence: {error}; delete the file and run the trial again") from error
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


def new_id(now: datetime | None = None) -> str:
    """Such as ``20261105T093015.123456Z-1a2b3c4d``: sorts by time as text."""
    return f"{now or datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(4)}"
