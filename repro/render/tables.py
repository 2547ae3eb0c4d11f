"""Tables that read the same in a terminal, in Markdown and in a notebook on GitHub. Words, never colours."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from repro.bugs.declaration import Column
from repro.evidence.record import Evidence
from repro.render.words import NOTHING, escaped, killer_words, measured_cells, size_words, target_words

Cell = str | int | float | None

# A number, perhaps with a unit, a second number it is held against, and a remark in brackets: "902 / 1", "1.2 s (1–2)".
_NUMBER = re.compile(
    r"[<>~≈]? ?[-+]?\d[\d,]*(\.\d+)?(e[-+]?\d+)?( ?(%|×|m?s|min|h|[KMGT]?i?B|bytes))?"
    r"( ?/ ?(\d[\d,]*|\?))?( \([^()]*\))?"
)


@dataclass(frozen=True, slots=True)
class Table:
    """A title, column names, rows of as many cells as columns, and a note below (empty for none)."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"a row of {len(row)} cells under {len(self.columns)} columns: {row}")

    def to_text(self) -> str:
        """Aligned columns for a terminal."""
        from tabulate import tabulate

        cells = [[_show(cell) for cell in row] for row in self.rows]
        sides = [_SIDES[right] for right in self.numbers] if cells else None
        body = tabulate(cells, self.columns, tablefmt="simple", disable_numparse=True, colalign=sides)
        return "\n\n".join(part for part in (self.title, body, self.note) if part)

    def to_markdown(self) -> str:
        """A GitHub table; pipes, line breaks, HTML and emphasis marks in cells are escaped."""
        marked = [[escaped(name) for name in self.columns], ["---:" if right else "---" for right in self.numbers]]
        marked += [[escaped(_show(cell)) for cell in row] for row in self.rows]
        body = "\n".join(f"| {' | '.join(row)} |" for row in marked)
        title = f"**{escaped(self.title)}**" if self.title else ""
        return "\n\n".join(part for part in (title, body, escaped(self.note)) if part)

    def to_html(self) -> str:
        """Plain elements, as GitHub's notebook view lets through: it has cells to the left, and Jupyter to the right.

        So an attribute moves numbers where GitHub drops styles, and a style moves texts where Jupyter's own wins.
        """
        title = f"<p><strong>{_html(self.title)}</strong></p>\n" if self.title else ""
        places = [' align="right"' if right else ' align="left" style="text-align:left"' for right in self.numbers]
        head = "".join(f"<th{at}>{_html(name)}</th>" for at, name in zip(places, self.columns, strict=True))
        rows = (
            "".join(f"<td{at}>{_html(_show(cell))}</td>" for at, cell in zip(places, row, strict=True))
            for row in self.rows
        )
        body = "".join(f"<tr>{row}</tr>\n" for row in rows)
        note = f"\n<p>{_html(self.note)}</p>" if self.note else ""
        return f"{title}<table>\n<thead>\n<tr>{head}</tr>\n</thead>\n<tbody>\n{body}</tbody>\n</table>{note}"

    @property
    def numbers(self) -> tuple[bool, ...]:
        """Of each column whether it holds numbers, and nothing else but gaps."""
        columns = [[_show(row[place]) for row in self.rows] for place in range(len(self.columns))]
        told = [[text for text in column if text not in ("", NOTHING)] for column in columns]
        return tuple(bool(texts) and all(map(_NUMBER.fullmatch, texts)) for texts in told)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": self.to_text(), "text/markdown": self.to_markdown(), "text/html": self.to_html()}


_SIDES = {False: "left", True: "right"}


def outcome_table(evidence: Iterable[Evidence], columns: Sequence[Column] = (), title: str = "Trials") -> Table:
    """One row a trial, in the order given, with the bug's own ``columns`` that at least one of them measured."""
    trials = list(evidence)
    own = [c for c in columns if any(measured_cells([c], one.outcome) != (NOTHING,) for one in trials)]
    titles = (column.title for column in own)
    head = ("scenario", "fix", "target", "status", "symptom", "killed by", *titles, "peak RSS", "kernel peak", "wall")
    return Table(title, head, tuple(_outcome_row(one, own) for one in trials), _MEMORY_NOTE)


_MEMORY_NOTE = (
    "Peak RSS is summed over the process tree, sampled or as the system reports it; "
    "kernel peak is the exact peak of the cgroup and includes page cache."
)


def _outcome_row(one: Evidence, columns: Sequence[Column]) -> tuple[Cell, ...]:
    outcome = one.outcome
    return (
        one.scenario,
        one.fix,
        target_words(one),
        one.status_alone.value,
        one.verdict.symptom.value,
        killer_words(outcome),
        *measured_cells(columns, outcome),
        size_words(outcome.peak_rss_bytes),
        size_words(outcome.peak_kernel_bytes),
        f"{outcome.wall_s:.1f} s" if outcome.wall_s else NOTHING,
    )


def _show(cell: Cell) -> str:
    if cell is None:
        return NOTHING
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)


def _html(text: str) -> str:
    return "<br>".join(html.escape(line, quote=False) for line in text.splitlines())
