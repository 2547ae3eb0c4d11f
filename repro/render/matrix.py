"""A matrix as a table, a page, JSON and a chart: releases down, questions across, one word a cell. Pure."""

from __future__ import annotations

import html
import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from repro.model import SCHEMA, Status
from repro.render.tables import NOTHING, Table
from repro.render.view import Picture
from repro.run.result import Run
from repro.studies.matrix import Cell, Matrix

_AXES = ("datasets", "pyarrow", "huggingface-hub", "python")
_FILL = {Status.PRESENT: "#f4b8b0", Status.ABSENT: "#cfe8cf", Status.DIFFERENT_FAILURE: "#f6dfa4"}
_SILENT = "#e8e8e8"


def cell_words(run: Run) -> str:
    """Status and symptom; k of n where there was more than one trial: ``present (hang-at-exit, 7/20)``."""
    symptom = run.worst.verdict.symptom.value
    counted = [e for e in run.evidence if e.verdict.informative]
    rate = f", {sum(e.verdict.is_bug for e in counted)}/{len(counted)}" if len(counted) > 1 else ""
    return run.status.value if symptom == "ok" and not rate else f"{run.status.value} ({symptom}{rate})"


def tables(matrix: Matrix) -> list[Table]:
    """A table a bug: a row a target, a column for each scenario and fix."""
    return [Table(bug, *_grid(cells, lambda cell: cell_words(cell.run))) for bug, cells in _by_bug(matrix).items()]


def matrix_text(matrix: Matrix) -> str:
    """The tables, and how to open a cell."""
    return "\n\n".join([*(table.to_text() for table in tables(matrix)), _closing(matrix)])


def matrix_markdown(matrix: Matrix, folder: Path) -> str:
    """The tables, and below them what each cell rests on, with its evidence file relative to ``folder``."""
    parts = ["# Matrix", *(table.to_markdown() for table in tables(matrix)), "## What each cell rests on"]
    return "\n\n".join([*parts, _basis(matrix, folder).to_markdown(), _closing(matrix)]) + "\n"


def matrix_html(matrix: Matrix, folder: Path) -> str:
    """A page in which each cell opens its evidence; no style but a border, no script, nothing from elsewhere."""
    parts = []
    for bug, cells in _by_bug(matrix).items():
        columns, rows = _grid(cells, lambda cell: _link(cell, folder), html.escape)
        head = "".join(f"<th>{html.escape(name)}</th>" for name in columns)
        body = "".join(f"<tr>{''.join(f'<td>{word}</td>' for word in row)}</tr>\n" for row in rows)
        parts.append(f"<h2>{html.escape(bug)}</h2>\n<table border>\n<tr>{head}</tr>\n{body}</table>")
    parts.append(f"<p>{html.escape(_closing(matrix))}</p>")
    page = "\n".join(parts)
    return f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>Matrix</title>\n{page}\n</html>\n'


def matrix_json(matrix: Matrix) -> dict[str, Any]:
    """One entry a cell, in the order asked."""
    return {"schema": SCHEMA, "reused": matrix.reused, "cells": [_cell_json(cell) for cell in matrix.cells]}


def forms(matrix: Matrix, folder: Path) -> dict[str, str]:
    """File name -> text of each form that is written below ``folder``, the page first."""
    return {
        "matrix.html": matrix_html(matrix, folder),
        "matrix.md": matrix_markdown(matrix, folder),
        "matrix.json": json.dumps(matrix_json(matrix), indent=1) + "\n",
    }


def chart(matrix: Matrix) -> bytes:
    """PNG of the matrix as tiles, each with its symptom in words: colours only repeat what is written."""
    from matplotlib.patches import Rectangle

    from repro.render.charts import _figure, _png

    targets = list(dict.fromkeys(target_words(cell) for cell in matrix.cells))
    questions = list(dict.fromkeys(question_words(cell, bug=True) for cell in matrix.cells))
    with _figure(1.2 + 0.34 * max(1, len(targets))) as figure:
        axes = figure.subplots()
        for cell in matrix.cells:
            x, y = questions.index(question_words(cell, bug=True)), targets.index(target_words(cell))
            axes.add_patch(
                Rectangle((x, y), 1, 1, facecolor=_FILL.get(cell.run.status, _SILENT), edgecolor="white", linewidth=2)
            )
            axes.annotate(_tile_words(cell.run), (x + 0.5, y + 0.5), ha="center", va="center", fontsize=8)
        axes.set_xlim(0, max(1, len(questions)))
        axes.set_ylim(len(targets), 0)
        axes.set_xticks(
            [i + 0.5 for i in range(len(questions))], [q.replace(", ", "\n") for q in questions], fontsize=8
        )
        axes.set_yticks([i + 0.5 for i in range(len(targets))], targets, fontsize=8)
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        for side in axes.spines.values():
            side.set_visible(False)
        return _png(figure)


class ShownMatrix:
    """A matrix that shows itself: a table a bug in a notebook, text elsewhere."""

    def __init__(self, matrix: Matrix) -> None:
        self.matrix = matrix

    @property
    def cells(self) -> tuple[Cell, ...]:
        return self.matrix.cells

    @property
    def picture(self) -> Picture:
        return Picture(chart(self.matrix), matrix_text(self.matrix))

    def __repr__(self) -> str:
        return matrix_text(self.matrix)

    def _ipython_display_(self) -> None:
        from IPython.display import display

        for table in tables(self.matrix):
            display(table)


def target_words(cell: Cell) -> str:
    """The environment on the axes of a matrix: resolved versions, or the spec if it cannot exist."""
    return ", ".join(f"{name} {value}" for name, value in zip(_AXES, _versions(cell), strict=True) if value) or (
        cell.question.target
    )


def _by_bug(matrix: Matrix) -> dict[str, list[Cell]]:
    found: dict[str, list[Cell]] = {}
    for cell in matrix.cells:
        found.setdefault(cell.question.bug.slug, []).append(cell)
    return found


def _grid(
    cells: Sequence[Cell], words: Callable[[Cell], str], plain: Callable[[str], str] = str
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Columns and rows: the versions of each target as it was resolved, then the words of each question's cell."""
    by_target: dict[str, list[Cell]] = {}
    for cell in cells:
        by_target.setdefault(cell.question.target, []).append(cell)
    questions = list(dict.fromkeys(question_words(cell) for cell in cells))
    rows = []
    for spec, members in by_target.items():
        # A patch that does not apply leaves no environment to describe: any other cell of the target will do.
        versions = next((found for cell in members if any(found := _versions(cell))), None)
        named = {question_words(cell): words(cell) for cell in members}
        head = [version or NOTHING for version in versions] if versions else [f"({spec})", *[NOTHING] * 3]
        rows.append((*map(plain, head), *(named.get(question, NOTHING) for question in questions)))
    used = [i for i in range(len(_AXES)) if i == 0 or any(row[i] != NOTHING for row in rows)]
    kept = [*used, *range(len(_AXES), len(_AXES) + len(questions))]
    columns = (*_AXES, *questions)
    return tuple(columns[i] for i in kept), tuple(tuple(row[i] for i in kept) for row in rows)


def _versions(cell: Cell) -> list[str]:
    """Versions of the packages that the spec names, and of datasets and pyarrow, as far as there are any."""
    target, spec = cell.run.worst.target, cell.question.target
    shown = [name for name in _AXES if name in ("datasets", "pyarrow") or name in spec]
    return [str(target.get(name) or "") if name in shown else "" for name in _AXES]


def question_words(cell: Cell, bug: bool = False) -> str:
    """Scenario and fix of a cell, with its bug in front if asked for."""
    question = cell.question
    fix = "" if question.fix.name == "none" else f", fix {question.fix.name}"
    return f"{question.bug.slug + ', ' if bug else ''}{question.scenario.name}{fix}"


def _tile_words(run: Run) -> str:
    return cell_words(run).replace(" (", "\n(") if len(cell_words(run)) > 28 else cell_words(run)


def _link(cell: Cell, folder: Path) -> str:
    path = cell.run.worst.path
    words = html.escape(cell_words(cell.run))
    return words if path is None else f'<a href="{html.escape(os.path.relpath(path, folder))}">{words}</a>'


def _basis(matrix: Matrix, folder: Path) -> Table:
    rows = tuple(
        (
            target_words(cell),
            question_words(cell, bug=True),
            cell.run.worst.verdict.reason,
            os.path.relpath(cell.run.worst.path, folder) if cell.run.worst.path else NOTHING,
        )
        for cell in matrix.cells
    )
    return Table("", ("target", "question", "why", "evidence"), rows)


def _closing(matrix: Matrix) -> str:
    return f"{len(matrix.cells)} cells, {matrix.reused} of them known before."


def _cell_json(cell: Cell) -> dict[str, Any]:
    question, run = cell.question, cell.run
    target = {k: v for k, v in run.worst.target.items() if k != "packages"}
    return {
        "bug": question.bug.slug,
        "scenario": question.scenario.name,
        "fix": question.fix.name,
        "target": target,
        "status": run.status.value,
        "symptoms": dict(run.symptoms),
        "reason": run.worst.verdict.reason,
        "reused": cell.reused,
        "evidence": _paths(run),
        "reproduce": run.reproduce,
    }


def _paths(run: Run) -> list[str]:
    ordered: Iterable[Any] = (run.worst, *(e for e in run.evidence if e is not run.worst))
    return [e.shown_path for e in ordered]
