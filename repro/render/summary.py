"""The last words of ``make repro``: what was found of each bug, in a few lines. Pure: evidence in, text out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from repro.bugs.declaration import NO_FIX
from repro.decide.facts import Facts
from repro.evidence.record import Evidence
from repro.render.page import verdict
from repro.render.tables import Table
from repro.render.words import killer_words, measured_words, target_words
from repro.units import about


def summary_table(found: Sequence[Facts]) -> Table:
    """A few rows a bug: the verdict, how it looks, and what helped in the newest affected environment."""
    rows = [(f.bug.slug if not i else "", what, text) for f in found for i, (what, text) in enumerate(_rows(f))]
    return Table("Results", ("bug", "", "measured"), tuple(rows))


def _rows(facts: Facts) -> Iterator[tuple[str, str]]:
    yield "verdict", verdict(facts)
    if facts.failure is not None:
        yield "looks like", _failure(facts, facts.failure)
        said: dict[str, list[str]] = {}
        for fix in facts.bug.fixes:
            tried = facts.tried(facts.failure.scenario, fix.name) if fix.name != NO_FIX.name else None
            if tried is not None:
                said.setdefault(tried.words, []).append(fix.name)
        for words, names in sorted(said.items()):
            yield words, ", ".join(names)
    for line in facts.chosen.left_out:
        yield "left out", line


def _failure(facts: Facts, shown: Evidence) -> str:
    outcome = shown.outcome
    ended = f"{shown.verdict.symptom.value} ({killer_words(outcome)}) after {outcome.wall_s:.0f} s"
    measured = measured_words(facts.bug.columns, outcome)
    peak = f"peak {about(outcome.peak_rss_bytes)}" if outcome.peak_rss_bytes else ""
    parts = ", ".join(part for part in (ended, measured, peak) if part)
    return f"{shown.scenario}: {parts}; {target_words(shown)}"
