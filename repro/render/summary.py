"""The last words of ``make repro``: what was found of each bug, in a few lines. Pure: evidence in, text out."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from repro.bugs.declaration import NO_FIX
from repro.decide.facts import Facts
from repro.evidence.record import Evidence
from repro.render.page import verdict
from repro.render.words import killer_words, measured_words, target_words
from repro.units import about

LEFT_OUT = "left out"
"""The heading of rows that say it themselves."""


def summary(found: Sequence[Facts], width: int) -> list[str]:
    """Lines of at most ``width`` columns: of each bug the verdict, how it looks, and what helped where it shows."""
    lines: list[str] = []
    for facts in found:
        lines.append(facts.bug.slug)
        for what, text in rows(facts):
            lines += textwrap.wrap(
                text if what == LEFT_OUT else f"{what}: {text}",
                width,
                initial_indent="  ",
                subsequent_indent="    ",
                break_on_hyphens=False,
            )
    return lines


def summary_sentences(facts: Facts) -> list[str]:
    """The same of one bug, a sentence each."""
    whole = ("verdict", LEFT_OUT)  # which say by themselves what they are
    return [text if what in whole else f"{what[:1].upper()}{what[1:]}: {text}." for what, text in rows(facts)]


def rows(facts: Facts) -> Iterator[tuple[str, str]]:
    """What is said of a bug: the heading of each row, and the row."""
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
        yield LEFT_OUT, line


def _failure(facts: Facts, shown: Evidence) -> str:
    outcome = shown.outcome
    ended = f"{shown.verdict.symptom.value} ({killer_words(outcome)}) after {outcome.wall_s:.0f} s"
    measured = measured_words(facts.bug.columns, outcome)
    peak = f"peak {about(outcome.peak_rss_bytes)}" if outcome.peak_rss_bytes else ""
    parts = ", ".join(part for part in (ended, measured, peak) if part)
    return f"{shown.scenario}: {parts}; {target_words(shown)}"
