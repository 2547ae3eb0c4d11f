"""What a regression check found: a table, a page for the issue of the watch, JSON. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from repro.model import SCHEMA
from repro.render.tables import Cell, Table
from repro.render.words import NOTHING
from repro.studies.regress import Entry, Judged


def regress_text(judged: Sequence[Judged]) -> str:
    """The table and the sum of it in a sentence."""
    return f"{regress_table(judged).to_text()}\n\n{conclusion(judged)}"


def regress_markdown(judged: Sequence[Judged]) -> str:
    """What changed first, with the command that shows it; then everything."""
    parts = ["# Regression check", conclusion(judged)]
    for one in judged:
        if not one.as_expected:
            before = (
                f"expected {_said(one.expected)} (measured on {one.expected.where})" if one.expected else "new here"
            )
            parts.append(
                f"## {_name(one.answer)}: {one.words}\n\n{one.answer.where}: {_said(one.answer)}; {before}.\n\n"
                f"{one.answer.set.get('reason') or ''}\n\n```\n{one.answer.set.get('command')}\n```"
            )
    return "\n\n".join([*parts, "## All", regress_table(judged).to_markdown()]) + "\n"


def conclusion(judged: Sequence[Judged]) -> str:
    """How many answers are as expected, and what the others are."""
    others = [one.words for one in judged if not one.as_expected]
    counts = ", ".join(f"{others.count(words)} {words}" for words in dict.fromkeys(others))
    fine = len(judged) - len(others)
    return f"{fine} of {len(judged)} as expected{f'; {counts}' if counts else ''}."


def regress_table(judged: Sequence[Judged]) -> Table:
    """A row a question: what became of it, what it shows now and what was expected."""
    rows = tuple(_row(one) for one in judged)
    return Table("", ("bug", "scenario", "fix", "release", "finding", "now", "expected", "measured on"), rows)


def regress_json(judged: Sequence[Judged]) -> dict[str, Any]:
    """The same for a machine."""
    return {
        "schema": SCHEMA,
        "as_expected": all(one.as_expected for one in judged),
        "conclusion": conclusion(judged),
        "answers": [
            {
                "bug": one.answer.bug,
                "scenario": one.answer.scenario,
                "fix": one.answer.fix,
                "release": dict(one.answer.release),
                "finding": one.words,
                "as_expected": one.as_expected,
                "status": one.answer.status.value,
                "symptom": one.answer.symptom.value,
                "set": dict(one.answer.set),
                "expected": {
                    "status": one.expected.status.value,
                    "symptom": one.expected.symptom.value,
                    "release": dict(one.expected.release),
                }
                if one.expected
                else None,
            }
            for one in judged
        ],
    }


def _row(one: Judged) -> tuple[Cell, ...]:
    answer, expected = one.answer, one.expected
    before = (_said(expected), expected.where) if expected else (NOTHING, NOTHING)
    return (answer.bug, answer.scenario, answer.fix, answer.where, one.words, _said(answer), *before)


def _said(entry: Entry) -> str:
    return entry.status.value if entry.symptom.healthy else f"{entry.status.value} ({entry.symptom.value})"


def _name(entry: Entry) -> str:
    fix = "" if entry.fix == "none" else f", fix {entry.fix}"
    return f"{entry.bug}, {entry.scenario}{fix}"
