"""The cells of a matrix as they are shown, kept in its JSON form, and read back. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePath
from typing import Any

from repro.model import SCHEMA, Scalar, Status
from repro.run.result import Run
from repro.studies.matrix import Cell, Matrix

AXES = ("datasets", "pyarrow", "huggingface-hub", "python")


@dataclass(frozen=True, slots=True)
class ShownCell:
    """A cell as it is shown and kept: what was asked, and the answer in words. ``target`` is without all packages.

    ``decided_by`` is the content hash of the trial shown, so that a later reader can tell whether it is still current.
    """

    bug: str
    scenario: str
    fix: str
    spec: str
    parameters: Mapping[str, Scalar]
    limits: Mapping[str, float | None]
    target: Mapping[str, Any]
    status: str
    words: str
    reason: str
    symptoms: Mapping[str, int]
    reused: bool
    evidence: tuple[str, ...]
    reproduce: str
    decided_by: str

    @classmethod
    def of(cls, cell: Cell) -> ShownCell:
        asked, run = cell.question, cell.run
        ordered = (run.worst, *(e for e in run.evidence if e is not run.worst))
        return cls(
            asked.bug.slug, asked.scenario.name, asked.fix.name, asked.target, dict(asked.parameters),
            asdict(asked.limits), {k: v for k, v in run.worst.target.items() if k != "packages"}, run.status.value,
            cell_words(run), run.reason, dict(run.symptoms), cell.reused, tuple(e.shown_path for e in ordered),
            run.reproduce, run.worst.decided_by,
        )  # fmt: skip

    @property
    def place(self) -> tuple[str, ...]:
        """What makes two cells the same: question and target."""
        given = [json.dumps(form, sort_keys=True) for form in (self.parameters, self.limits)]
        return (self.bug, self.scenario, self.fix, " ".join(sorted(self.spec.split())), *given)

    @property
    def question(self) -> str:
        return f"{self.scenario}{'' if self.fix == 'none' else f', fix {self.fix}'}"

    @property
    def versions(self) -> list[str]:
        """Versions of the packages that the spec names, and of datasets and pyarrow, as far as there are any."""
        shown = [name for name in AXES if name in ("datasets", "pyarrow") or name in self.spec]
        return [str(self.target.get(name) or "") if name in shown else "" for name in AXES]

    @property
    def environment(self) -> str:
        """Resolved versions, or the spec if it cannot exist."""
        named = zip(AXES, self.versions, strict=True)
        return ", ".join(f"{name} {version}" for name, version in named if version) or self.spec

    @property
    def link(self) -> str:
        """From the folder of the matrix to the evidence of the trial shown."""
        return f"../evidence/{self.bug}/{PurePath(self.evidence[0]).name}" if self.evidence else ""


def cell_words(run: Run) -> str:
    """Status and symptom; of a race, or of several trials, what their rate supports."""
    if run.broken:
        return f"{run.status.value} (its control fails too)"
    symptom = run.worst.verdict.symptom
    how = run.status.value if symptom.healthy else f"{run.status.value} ({symptom.value})"
    if run.status is Status.UNTESTABLE or (not run.race and len(run.evidence) == 1):
        return how
    said = run.rate.words(race=run.race)
    return said if run.status is Status.UNSETTLED else f"{how}: {said}"


def shown_cells(matrix: Matrix) -> list[ShownCell]:
    return [ShownCell.of(cell) for cell in matrix.cells]


def merged(old: Iterable[ShownCell], new: Iterable[ShownCell]) -> list[ShownCell]:
    """All cells, by bug; of two answers to the same question in the same target the new one."""
    found = {one.place: one for one in (*old, *new)}
    return sorted(found.values(), key=lambda one: one.bug)


def matrix_json(cells: Sequence[ShownCell]) -> dict[str, Any]:
    """One entry a cell, in the order asked."""
    return {"schema": SCHEMA, "reused": sum(c.reused for c in cells), "cells": [asdict(cell) for cell in cells]}


def read_json(form: Mapping[str, Any]) -> list[ShownCell]:
    """The inverse of ``matrix_json``. Raises ValueError, TypeError or KeyError for any other form."""
    if form["schema"] != SCHEMA:
        raise ValueError(f"schema {form['schema']!r}")
    return [ShownCell(**{**cell, "evidence": tuple(cell["evidence"])}) for cell in form["cells"]]
