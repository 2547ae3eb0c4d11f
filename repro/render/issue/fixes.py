"""What was tried against the bug, as parts of an issue text: what helps, what does not, and what it costs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from repro.bugs.declaration import NO_FIX, Fix
from repro.decide.answers import Tried
from repro.decide.facts import Facts
from repro.model import Status
from repro.render.compare import which_fix_markdown
from repro.render.issue.fit import Part
from repro.render.issue.github import details, fenced
from repro.render.tables import Table
from repro.render.words import NOTHING, listed, plain, target_words, without_empty, without_same

HELPS, NOT, WRONG, OTHER = "helps", "does not help", "not correct", "fails otherwise"
UNSETTLED, UNJUDGED, UNTRIED = "unsettled", "cannot be judged", "not tried"
_ORDER = (HELPS, NOT, WRONG, OTHER, UNSETTLED, UNJUDGED, UNTRIED)
_HEAD = ("fix", "proposed in", "situation", "result (95 % interval)", "environment")
_RULE = "That a fix helps is said only where the bug shows without it, with the same inputs and limits."


def fixes(facts: Facts) -> Part:
    """A row a fix and result, by what may be said of it; what the reporter asked about always has one."""
    rows: list[tuple[str, tuple[str, ...]]] = []
    names: dict[str, list[str]] = {}
    for fix in (one for one in facts.bug.fixes if one.name != NO_FIX.name):
        own = _rows(facts, fix)
        if own:
            names.setdefault(own[0][0], []).append(fix.name)
        rows += own
    if not any(group != UNTRIED for group, _ in rows):
        return Part("")
    rows.sort(key=lambda one: _ORDER.index(one[0]))
    head, cells = without_empty(_HEAD, _merged(row for _, row in rows), _HEAD)
    head, cells, said = without_same(head, cells, {"environment": "All with {}.", "situation": "Situation: {}."})
    body = Table("", head, cells, " ".join([*said, _RULE]))
    summary = "; ".join(f"{group}: {listed(names[group])}" for group in _ORDER if group in names)
    return Part(details(f"Fixes. {summary[0].upper()}{summary[1:]}", body.to_markdown()), "the table of fixes", 7)


def _merged(rows: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """One row for the situations in which a fix gave the same, in their order."""
    found: dict[tuple[str, ...], list[str]] = {}
    for name, proposed, situation, result, where in rows:
        found.setdefault((name, proposed, result, where), []).append(situation)
    return [
        (name, proposed, "; ".join(situations), result + " (each)" * (len(situations) > 1), where)
        for (name, proposed, result, where), situations in found.items()
    ]


def _rows(facts: Facts, fix: Fix) -> list[tuple[str, tuple[str, ...]]]:
    """A row for each situation in which the fix was tried, the default one first, under what may be said of it."""
    head = (f"{fix.name}: {plain(fix.title)}", fix.proposed_in or NOTHING)
    found: list[tuple[str, tuple[str, ...]]] = []
    for scenario in sorted(facts.bug.scenarios, key=lambda s: s.name != facts.bug.default_scenario):
        tried = facts.tried(scenario.name, fix.name)
        if tried is not None:
            words, rate = tried.words, tried.answer.rate.words(race=facts.bug.race)
            more = {WRONG: f"; the bug: {rate}", UNJUDGED: "; with these inputs the bug was not seen without it"}
            result, situation = words + more.get(judgement(tried), ""), plain(scenario.title).split(":")[0]
            where = target_words(tried.answer.trials[-1]).partition(", patch ")[0]
            found.append((judgement(tried), (*head, situation, result, where)))
    if found or fix.name not in facts.bug.asked:
        return found
    wrong = facts.wrong(fix.name)
    group = WRONG if wrong else UNTRIED
    return [(group, (*head, NOTHING, f"{WRONG}: {wrong}" if wrong else UNTRIED, NOTHING))]


def patch(facts: Facts, sources: Mapping[str, str]) -> Part:
    """The diff of the first patch that helps, if the newest release is affected; ``sources`` by the name of the fix."""
    newest = facts.releases[-1].status if facts.releases else None
    for fix in facts.bug.fixes if newest is Status.PRESENT else ():
        tried = facts.tried(facts.bug.default_scenario, fix.name) if fix.name in sources else None
        if tried is not None and judgement(tried) == HELPS:
            where = target_words(tried.answer.trials[-1]).partition(", patch ")[0]
            summary = f"A patch that helps with {where}: {plain(fix.title)}"
            return Part(details(summary, fenced(sources[fix.name], "diff")), "the patch", 4)
    return Part("")


def judgement(tried: Tried) -> str:
    """The group that a fix belongs to, by the one rule of rates."""
    status = tried.answer.status
    if status is Status.UNTESTABLE:
        return UNJUDGED
    if tried.wrong:
        return WRONG
    if not tried.affected and status is not Status.DIFFERENT_FAILURE:
        return UNJUDGED
    return {
        Status.ABSENT: HELPS,
        Status.PRESENT: NOT,
        Status.DIFFERENT_FAILURE: OTHER,
        Status.UNSETTLED: UNSETTLED,
    }[status]


def costs(facts: Facts) -> Part:
    """What the fixes cost in memory and time, where a study compared them."""
    text = which_fix_markdown(facts.evidence, facts.bug.comparison, facts.bug.columns)
    said = [line.removeprefix("- ").rstrip(".") for line in text.splitlines() if line.startswith("- The ")]
    summary = "; ".join(said) or "memory and time, each under its own name"
    return Part(details(f"What the fixes cost: {summary}", text), "what the fixes cost", 1) if text else Part("")
