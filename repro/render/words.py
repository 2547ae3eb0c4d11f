"""Words that several renderers share: statuses, targets, killers, sizes, lists, and Markdown's escapes. Pure."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from textwrap import shorten

from repro.bugs.declaration import Column
from repro.evidence.record import Evidence
from repro.model import Outcome, Status, Symptom
from repro.units import about

NOTHING = "–"
"""Shown for a value that was not measured."""

_PACKAGES = ("datasets", "pyarrow")
# What Markdown would take for markup, also inside a cell; an underscore only where it can open or close emphasis.
_MARKUP = re.compile(r"[\\`*\[\]|~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")


def status_words(status: Status) -> str:
    return {
        Status.PRESENT: "affected",
        Status.ABSENT: "not affected",
        Status.DIFFERENT_FAILURE: "fails otherwise",
        Status.UNSETTLED: "unsettled",
        Status.UNTESTABLE: "untestable",
    }[status]


def target_words(evidence: Evidence) -> str:
    """The environment in words: ``datasets 5.1.0, pyarrow 24.0.0, Python 3.11.7``; the spec if it does not exist.

    Another package is named if its release was asked for.
    """
    target = evidence.target
    named = [word.partition("==")[0] for word in str(target.get("spec")).split() if "==" in word]
    names = dict.fromkeys([*_PACKAGES, *(name for name in named if name != "python")])
    parts = [f"{name} {target[name]}" for name in names if target.get(name)]
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


def measured_words(columns: Iterable[Column], outcome: Outcome) -> str:
    """What the bug's own columns say of a trial: ``files opened / needed: 902 / 1``; empty if nothing was measured."""
    return ", ".join(f"{column.title}: {cell}" for column in columns if (cell := column.cell(outcome)))


def measured_cells(columns: Iterable[Column], outcome: Outcome | None) -> tuple[str, ...]:
    """A cell for each of the bug's own columns."""
    return tuple((column.cell(outcome) if outcome else "") or NOTHING for column in columns)


def size_words(value: int | None) -> str:
    """Bytes for people; a dash for unknown or zero."""
    return about(value) if value else NOTHING


def listed(words: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``; a dash for none."""
    *most, last = list(words) or [NOTHING]
    return f"{', '.join(most)} and {last}" if most else last


def counted(n: int, noun: str) -> str:
    """``1 trial``, ``2 trials``."""
    return f"{n} {noun}{'s' * (n != 1)}"


def plain(title: str) -> str:
    """A title for a table, whose cells show no code."""
    return title.replace("`", "")


def clip(text: str, most: int = 160) -> str:
    return shorten(text, most, placeholder=" …")


def escaped(text: str) -> str:
    """Text without what Markdown or HTML would take for markup; line breaks as ``<br>``."""
    return "<br>".join(html.escape(_MARKUP.sub(r"\\\g<0>", line), quote=False) for line in text.splitlines())


def last_states(text: str) -> str:
    """Of a progress bar its last state: what stands before a carriage return was overwritten."""
    return "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.split("\n"))


def without_same(
    columns: Sequence[str], rows: Sequence[tuple[str, ...]], said: Mapping[str, str]
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...], list[str]]:
    """Columns and rows without those of ``said`` (name -> ``"All with {}."``) with one value, and that said once."""
    values = {name: {row[columns.index(name)] for row in rows} - {NOTHING} for name in said}
    same = {name: found.pop() for name, found in values.items() if len(found) == 1}
    keep = [i for i, name in enumerate(columns) if name not in same]
    sentences = [said[name].format(value) for name, value in same.items()]
    return tuple(columns[i] for i in keep), tuple(tuple(row[i] for i in keep) for row in rows), sentences


def without_empty(
    columns: Sequence[str], rows: Sequence[tuple[str, ...]], names: Iterable[str]
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Columns and rows without those ``names`` under which nothing was measured."""
    empty = {i for i, name in enumerate(columns) if name in set(names) and all(row[i] == NOTHING for row in rows)}
    keep = [i for i in range(len(columns)) if i not in empty]
    return tuple(columns[i] for i in keep), tuple(tuple(row[i] for i in keep) for row in rows)
