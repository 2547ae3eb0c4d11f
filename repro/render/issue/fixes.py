"""What was tried against the bug, as a part of an issue text. Pure."""

from __future__ import annotations

from repro.bugs.declaration import NO_FIX
from repro.decide.facts import Facts
from repro.render.compare import which_fix_markdown
from repro.render.issue.fit import Part
from repro.render.issue.github import details
from repro.render.issue.parts import answer_cells, answer_head, plain, table
from repro.render.words import NOTHING, size_words


def which_fix(facts: Facts) -> Part:
    """The comparison study writes this table where it was run; else the trials of each fix do."""
    bug = facts.bug
    text = which_fix_markdown(facts.evidence, bug.comparison, bug.columns) or _fixes_table(facts)
    return Part(details("Which fix helps", text), "the table of fixes", 5) if text else Part("")


def _fixes_table(facts: Facts) -> str:
    """A row a fix and situation, in the newest affected environment in which it was tried."""
    rows = []
    for fix in facts.bug.fixes:
        for scenario in facts.bug.scenarios:
            tried = facts.tried(scenario.name, fix.name) if fix.name != NO_FIX.name else None
            if tried is not None:
                peak = size_words(tried.answer.trials[-1].outcome.peak_rss_bytes)
                asked = (plain(fix.title), fix.proposed_in or NOTHING, plain(scenario.title), tried.words, peak)
                rows.append((*asked, *answer_cells(facts, tried.answer)[bool(facts.bug.race) :]))
    head = ("fix", "proposed in", "situation", "result", "peak", *answer_head(facts)[bool(facts.bug.race) :])
    note = "That a fix helps is said only where the bug shows without it, with the same inputs and limits."
    return table(facts, head, rows, note=note) if rows else ""
