"""The tables of what was tried: situations and fixes."""

from __future__ import annotations

from collections.abc import Sequence

from repro.bugs.declaration import NO_FIX, Bug
from repro.decide import facts
from repro.evidence.record import Evidence
from repro.render.compare import which_fix_markdown
from repro.render.issue.cells import failed_cell, failed_column, files_cell, helped, plain, status_words
from repro.render.issue.fit import Part
from repro.render.issue.github import details
from repro.render.tables import NOTHING, Table, target_words
from repro.units import about


def situations(bug: Bug, evidence: Sequence[Evidence]) -> Part:
    """One row a scenario, without a fix."""
    unfixed = [e for e in evidence if facts.is_trial(e) and e.fix == NO_FIX.name and e.verdict.informative]
    rows = []
    for scenario in bug.scenarios:
        trials = facts.newest_affected(bug, [e for e in unfixed if e.scenario == scenario.name])
        if trials:
            release = facts.Release("", tuple(trials if bug.race else trials[-1:]))
            scale = "as reported" if facts.is_default(bug, trials[-1]) else "small"
            cells = (status_words(release.status), *failed_cell(bug, release), release.symptoms, files_cell(trials[-1]))
            rows.append((plain(scenario.title), scale, *cells, target_words(trials[-1])))
    if len(rows) < 2:
        return Part("")
    columns = ("situation", "inputs", "status", *failed_column(bug), "how", "files opened / needed", "environment")
    body = Table(
        "", columns, tuple(rows), "Each in the newest release in which it fails, else the newest."
    ).to_markdown()
    return Part(details("Which situations show it, and which do not", body), "the table of situations", 3)


def which_fix(bug: Bug, evidence: Sequence[Evidence]) -> Part:
    """What was tried against it. The comparison study writes this table where it was run; else the newest trials do."""
    text = which_fix_markdown(evidence, bug.comparison) or _fixes_table(bug, evidence)
    if not text:
        return Part("")
    return Part(details("Which fix helps", text), "the table of fixes", 5)


def _fixes_table(bug: Bug, evidence: Sequence[Evidence]) -> str:
    rows = []
    for fix in bug.fixes:
        for scenario in bug.scenarios:
            tried = [e for e in evidence if facts.is_trial(e) and e.fix == fix.name != NO_FIX.name]
            trials = [e for e in tried if e.scenario == scenario.name]
            if trials:
                release = facts.Release("", tuple(trials if bug.race else trials[-1:]))
                result = helped(bug, release)
                last = trials[-1]
                peak = about(last.outcome.peak_rss_bytes) if last.outcome.peak_rss_bytes else NOTHING
                cells = (
                    result,
                    *failed_cell(bug, release),
                    release.symptoms,
                    files_cell(last),
                    peak,
                    target_words(last),
                )
                rows.append((plain(fix.title), fix.proposed_in or NOTHING, plain(scenario.title), *cells))
    head = ("fix", "proposed in", "situation", "result", *failed_column(bug), "how", "files opened / needed")
    columns = (*head, "peak", "environment")
    return Table("", columns, tuple(rows)).to_markdown() if rows else ""
