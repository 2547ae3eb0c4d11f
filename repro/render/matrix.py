"""A matrix as a table, a page, JSON and a chart: releases down, questions across, one answer a cell. Pure."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterable, Sequence

from repro.render.cells import AXES, ShownCell, matrix_json, shown_cells
from repro.render.charts import canvas, png
from repro.render.machines import machines_table
from repro.render.run import Picture
from repro.render.tables import Table
from repro.render.words import NOTHING, without_empty
from repro.studies.matrix import Cell, Matrix

_FILL = {"present": "#f4b8b0", "absent": "#cfe8cf", "different-failure": "#f6dfa4", "unsettled": "#f6dfa4"}
_SILENT = "#e8e8e8"


def tables(cells: Sequence[ShownCell]) -> list[Table]:
    """A table a bug: a row a target, a column for each scenario and fix."""
    return [Table(bug, *_grid(members, lambda one: one.words)) for bug, members in _by_bug(cells).items()]


def matrix_text(cells: Sequence[ShownCell]) -> str:
    """The tables, and how many cells were known before."""
    return "\n\n".join([*(table.to_text() for table in tables(cells)), _closing(cells)])


def tables_markdown(cells: Sequence[ShownCell]) -> str:
    return "\n\n".join(table.to_markdown() for table in tables(cells))


def matrix_markdown(cells: Sequence[ShownCell]) -> str:
    """The tables, and below them what each cell rests on, with its evidence file."""
    rows = tuple((c.environment, f"{c.bug}, {c.question}", c.reason, c.link or NOTHING) for c in cells)
    basis = Table("", ("target", "question", "why", "evidence"), rows).to_markdown()
    head = "# Matrix", tables_markdown(cells), "## What each cell rests on"
    return "\n\n".join([*head, basis, f"{len(cells)} cells."]) + "\n"


def matrix_html(cells: Sequence[ShownCell]) -> str:
    """A page in which each cell opens its evidence; no style but a border, no script, nothing from elsewhere."""
    parts = []
    for bug, members in _by_bug(cells).items():
        columns, rows = _grid(members, _link, html.escape)
        head = "".join(f"<th>{html.escape(name)}</th>" for name in columns)
        body = "".join(f"<tr>{''.join(f'<td>{word}</td>' for word in row)}</tr>\n" for row in rows)
        parts.append(f"<h2>{html.escape(bug)}</h2>\n<table border>\n<tr>{head}</tr>\n{body}</table>")
    page = "\n".join([*parts, f"<p>{len(cells)} cells.</p>"])
    return f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>Matrix</title>\n{page}\n</html>\n'


def forms(cells: Sequence[ShownCell]) -> dict[str, str]:
    """File name -> text of each form that is written below ``matrix/``, the page first."""
    return {
        "matrix.html": matrix_html(cells),
        "matrix.md": matrix_markdown(cells),
        "matrix.json": json.dumps(matrix_json(cells), indent=1) + "\n",
    }


def chart(cells: Sequence[ShownCell]) -> bytes:
    """PNG of the matrix as tiles, each with its answer in words: colours only repeat what is written."""
    from matplotlib.patches import Rectangle

    targets = list(dict.fromkeys(cell.environment for cell in cells))
    questions = list(dict.fromkeys(f"{cell.bug}, {cell.question}" for cell in cells))
    with canvas(1.2 + 0.34 * max(1, len(targets))) as figure:
        axes = figure.subplots()
        for cell in cells:
            x, y = questions.index(f"{cell.bug}, {cell.question}"), targets.index(cell.environment)
            fill = _FILL.get(cell.status, _SILENT)
            axes.add_patch(Rectangle((x, y), 1, 1, facecolor=fill, edgecolor="white", linewidth=2))
            said = cell.words.replace(" (", "\n(", 1) if len(cell.words) > 28 else cell.words
            axes.annotate(said, (x + 0.5, y + 0.5), ha="center", va="center", fontsize=8)
        axes.set_xlim(0, max(1, len(questions)))
        axes.set_ylim(len(targets), 0)
        labels = [question.replace(", ", "\n") for question in questions]
        axes.set_xticks([i + 0.5 for i in range(len(questions))], labels, fontsize=8)
        axes.set_yticks([i + 0.5 for i in range(len(targets))], targets, fontsize=8)
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        for side in axes.spines.values():
            side.set_visible(False)
        return png(figure)


class ShownMatrix:
    """A matrix that shows itself: a table a bug in a notebook, text elsewhere."""

    def __init__(self, matrix: Matrix) -> None:
        self.matrix, self.shown = matrix, shown_cells(matrix)

    @property
    def cells(self) -> tuple[Cell, ...]:
        return self.matrix.cells

    @property
    def picture(self) -> Picture:
        return Picture(chart(self.shown), repr(self))

    @property
    def sentences(self) -> list[str]:
        """A sentence a question: what it shows where."""
        shown: dict[str, dict[str, list[str]]] = {}
        for one in self.shown:
            shown.setdefault(f"{one.bug}, {one.question}", {}).setdefault(one.words, []).append(one.environment)
        return [
            f"{question}: " + "; ".join(f"{words} with {' | '.join(where)}" for words, where in found.items())
            for question, found in shown.items()
        ]

    @property
    def machines(self) -> Table | None:
        """Compares the machines of trials that ran on several; ``None`` where none did."""
        return machines_table(cell.run for cell in self.cells)

    def __repr__(self) -> str:
        return "\n\n".join([matrix_text(self.shown), *([self.machines.to_text()] if self.machines else [])])

    def _ipython_display_(self) -> None:
        from IPython.display import display

        for table in (*tables(self.shown), self.machines):
            if table is not None:
                display(table)


def _by_bug(cells: Iterable[ShownCell]) -> dict[str, list[ShownCell]]:
    found: dict[str, list[ShownCell]] = {}
    for cell in cells:
        found.setdefault(cell.bug, []).append(cell)
    return found


def _grid(
    cells: Sequence[ShownCell], words: Callable[[ShownCell], str], plain: Callable[[str], str] = str
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Columns and rows: the versions of each target as it was resolved, then the words of each question's cell.

    What else was asked (inputs, limits) is a column where it differs.
    """
    asked = [{**cell.parameters, **cell.limits} for cell in cells]
    varied = [
        name for name in dict.fromkeys(n for one in asked for n in one) if len({str(a.get(name)) for a in asked}) > 1
    ]
    by_target: dict[tuple[str, ...], list[ShownCell]] = {}
    for cell, given in zip(cells, asked, strict=True):
        by_target.setdefault((cell.spec, *(f"{given.get(name)}" for name in varied)), []).append(cell)
    questions = list(dict.fromkeys(cell.question for cell in cells))
    rows = []
    for (spec, *others), members in by_target.items():
        # A patch that does not apply leaves no environment to describe: any other cell of the target will do.
        versions = next((cell.versions for cell in members if any(cell.versions)), None)
        named = {cell.question: words(cell) for cell in members}
        head = [version or NOTHING for version in versions] if versions else [f"({spec})", *[NOTHING] * 3]
        rows.append((*map(plain, [*head, *others]), *(named.get(question, NOTHING) for question in questions)))
    empty = [name for i, name in enumerate(AXES) if i]
    return without_empty((*AXES, *varied, *questions), rows, empty)


def _link(cell: ShownCell) -> str:
    words = html.escape(cell.words)
    return f'<a href="{html.escape(cell.link)}">{words}</a>' if cell.link else words


def _closing(cells: Sequence[ShownCell]) -> str:
    return f"{len(cells)} cells, {sum(cell.reused for cell in cells)} of them known before."
