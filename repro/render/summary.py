"""The last words of ``make repro``: what was found of each bug, in a few lines. Pure: evidence in, text out."""

from __future__ import annotations

from collections.abc import Sequence

from repro.bugs.declaration import Bug
from repro.decide import facts
from repro.evidence.store import Evidence
from repro.rates import Rate
from repro.render.page import entry
from repro.render.tables import Table, killer_words, target_words
from repro.units import about


def summary_table(found: Sequence[tuple[Bug, Sequence[Evidence]]]) -> Table:
    """A few rows a bug: the verdict, how it looks, and what helped in the newest affected environment."""
    rows = [
        (bug.slug if first else "", what, text) for bug, trials in found for first, what, text in _rows(bug, trials)
    ]
    return Table("Results", ("bug", "", "measured"), tuple(rows))


def _rows(bug: Bug, evidence: Sequence[Evidence]) -> list[tuple[bool, str, str]]:
    rows = [(True, "verdict", entry(bug, evidence, "", ()).verdict)]
    shown = facts.shown_failure(bug, evidence)
    if shown is not None:
        rows.append((False, "looks like", _failure(shown)))
        for words, names in _fixes(bug, evidence, shown).items():
            if names:
                rows.append((False, words, ", ".join(names)))
    return rows


def _failure(shown: Evidence) -> str:
    outcome, measures = shown.outcome, shown.outcome.measures
    ended = f"{shown.verdict.symptom.value} ({killer_words(outcome)}) after {outcome.wall_s:.0f} s"
    files = measures.get("files_opened")
    read = f", {files} files opened of {measures.get('files_needed')} needed" if files is not None else ""
    peak = f", peak {about(outcome.peak_rss_bytes)}" if outcome.peak_rss_bytes else ""
    return f"{shown.scenario}: {ended}{read}{peak}; {target_words(shown)}"


def _fixes(bug: Bug, evidence: Sequence[Evidence], shown: Evidence) -> dict[str, list[str]]:
    """Fixes in the newest affected release, by whether the bug still showed, with k/n where it is a race."""
    package = facts.package_of(bug)
    counts: dict[str, tuple[int, int]] = {}
    for one in evidence:
        same = one.target.get(package) == shown.target.get(package) and one.scenario == shown.scenario
        if same and facts.is_trial(one) and one.fix != "none" and one.verdict.informative:
            k, n = counts.get(one.fix, (0, 0))
            counts[one.fix] = (k + (not one.verdict.symptom.healthy), n + 1)

    def name(fix: str, rate: Rate) -> str:
        return f"{fix} {rate.k}/{rate.n}" if bug.race else fix

    rates = {fix: Rate(k, n) for fix, (k, n) in sorted(counts.items(), key=lambda item: (item[1][0], item[0]))}
    return {
        "no failure with": [name(fix, rate) for fix, rate in rates.items() if not rate.k],
        "fails with": [name(fix, rate) for fix, rate in rates.items() if rate.k],
    }
