"""Tables that read the same in a terminal, in Markdown and in a notebook on GitHub. Words, never colours."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from repro.evidence.store import Evidence
from repro.model import Outcome, Symptom
from repro.units import about

Cell = str | int | float | None
NOTHING = "–"
"""Shown for a value that was not measured."""

# What Markdown would take for markup, also inside a cell; an underscore only where it can open or close emphasis.
_MARKUP = re.compile(r"[\\`*\[\]|~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_MAIN = ("datasets", "pyarrow")


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
        body = tabulate(cells, self.columns, tablefmt="simple", disable_numparse=True)
        return "\n\n".join(part for part in (self.title, body, self.note) if part)

    def to_markdown(self) -> str:
        """A GitHub table; pipes, line breaks, HTML and emphasis marks in cells are escaped."""
        lines = [self.columns, ("---",) * len(self.columns)]
        marked = [[_escape(name) for name in lines[0]], list(lines[1])]
        marked += [[_escape(_show(cell)) for cell in row] for row in self.rows]
        body = "\n".join(f"| {' | '.join(row)} |" for row in marked)
        title = f"**{_escape(self.title)}**" if self.title else ""
        return "\n\n".join(part for part in (title, body, _escape(self.note)) if part)

    def to_html(self) -> str:
        """Plain elements without style or script, as GitHub's notebook view lets through."""
        title = f"<p><strong>{_html(self.title)}</strong></p>\n" if self.title else ""
        head = "".join(f"<th>{_html(name)}</th>" for name in self.columns)
        rows = ("".join(f"<td>{_html(_show(cell))}</td>" for cell in row) for row in self.rows)
        body = "".join(f"<tr>{row}</tr>\n" for row in rows)
        note = f"\n<p>{_html(self.note)}</p>" if self.note else ""
        return f"{title}<table>\n<thead>\n<tr>{head}</tr>\n</thead>\n<tbody>\n{body}</tbody>\n</table>{note}"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": self.to_text(), "text/markdown": self.to_markdown(), "text/html": self.to_html()}


def outcome_table(evidence: Iterable[Evidence], title: str = "Trials") -> Table:
    """One row a trial, in the order given."""
    columns: tuple[str, ...] = ("scenario", "fix", "target", "status", "symptom", "killed by", "files opened / needed")
    columns += ("peak RSS", "kernel peak", "wall")
    return Table(title, columns, tuple(_outcome_row(one) for one in evidence), _MEMORY_NOTE)


_MEMORY_NOTE = (
    "Peak RSS is summed over the process tree, sampled or as the system reports it; "
    "kernel peak is the exact peak of the cgroup and includes page cache."
)


def target_words(evidence: Evidence) -> str:
    """The environment in words: ``datasets 5.1.0, pyarrow 24.0.0, Python 3.11.7``; the spec if it does not exist."""
    target = evidence.target
    parts = [f"{name} {target[name]}" for name in _MAIN if target.get(name)]
    parts += [f"Python {target['python']}"] if parts and target.get("python") else []
    parts += [f"patch {target['patch']}"] if target.get("patch") else []
    return ", ".join(parts) or str(target.get("spec", NOTHING))


def killer_words(outcome: Outcome) -> str:
    """Who ended the process: the killer, another signal, or a dash if it ended by itself."""
    if outcome.killer is not None:
        return outcome.killer.value
    if outcome.symptom in {Symptom.HANG, Symptom.HANG_AT_EXIT}:
        return "the kit, after waiting"
    return outcome.signal or NOTHING


def _outcome_row(one: Evidence) -> tuple[Cell, ...]:
    outcome = one.outcome
    return (
        one.scenario,
        one.fix,
        target_words(one),
        one.status_alone.value,
        one.verdict.symptom.value,
        killer_words(outcome),
        _files(outcome),
        _size(outcome.peak_rss_bytes),
        _size(outcome.peak_kernel_bytes),
        f"{outcome.wall_s:.1f} s" if outcome.wall_s else NOTHING,
    )


def _files(outcome: Outcome) -> str:
    opened, needed = (outcome.measures.get(name) for name in ("files_opened", "files_needed"))
    return NOTHING if opened is None else f"{opened} / {'?' if needed is None else needed}"


def _size(value: int | None) -> str:
    return about(value) if value else NOTHING


def _show(cell: Cell) -> str:
    if cell is None:
        return NOTHING
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)


def _escape(text: str) -> str:
    return "<br>".join(html.escape(_MARKUP.sub(r"\\\g<0>", line), quote=False) for line in text.splitlines())


def _html(text: str) -> str:
    return "<br>".join(html.escape(line, quote=False) for line in text.splitlines())
