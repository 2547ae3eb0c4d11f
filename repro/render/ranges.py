"""Says in words in which releases a bug is: ranges with their ends, never one entry each. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from repro.decide.answers import Answer, Axis
from repro.decide.facts import Facts
from repro.model import Status
from repro.render.tables import Table
from repro.render.words import clip, listed, status_words

_NEEDS = re.compile(r"(\S+ depends on \S+|\S+ has no (?:usable )?wheels\b)")


def span(run: Sequence[Answer], newest: str = "") -> str:
    """``4.4.2 to 5.1.0 (9 tested)``, ``5.2.0, the newest tested``: where it ends with the ``newest``, it says so."""
    first, last = run[0].version, run[-1].version
    if len(run) == 1:
        return f"{first}, the newest tested" if last == newest else first
    return f"{first} to {last}{', the newest' * (last == newest)} ({len(run)} tested)"


def affected(axis: Axis, *, race: bool = False, others: Sequence[Status] = tuple(Status)) -> str:
    """``datasets 4.4.2 to 5.1.0 (9 tested); not affected: 5.2.0, the newest tested``: each status with its ranges.

    ``others`` are the statuses that are named beside ``present``. Of a race the newest affected release has its rate.
    """
    runs, newest = axis.runs, axis.newest
    by_status = {status: [run for run in runs if run[0].status is status] for status in Status}
    shown = by_status[Status.PRESENT]
    if not shown:
        head = f"no release of {axis.package} is shown to have it"
    else:
        head = f"{axis.package} {listed(span(run, newest) for run in shown)}"
        head += f"; {shown[-1][-1].version} {shown[-1][-1].rate.words(race=True)}" if race else ""
    rest = [
        f"{status_words(status)}: {listed(_named(run, newest, race) for run in by_status[status])}"
        for status in others
        if status is not Status.PRESENT and by_status[status]
    ]
    return "; ".join([head, *rest])


def _named(run: Sequence[Answer], newest: str, race: bool) -> str:
    unsettled = race and run[0].status is Status.UNSETTLED
    words = [f"{one.version} ({one.rate.words(race=True).removeprefix('unsettled: ')})" for one in run]
    return listed(words) if unsettled else span(run, newest)


def everywhere(facts: Facts, others: Sequence[Status] = tuple(Status)) -> str:
    """The ranges of each package, a sentence each: of the one the bug is in, and of the other where it was seen."""
    first, *rest = facts.axes
    if not first.releases:
        return ""
    said = [affected(first, race=facts.bug.race, others=others)]
    for axis in rest if facts.with_status(Status.PRESENT) else ():
        titles = {scenario.name: scenario.title for scenario in facts.bug.scenarios}
        where = f", in this situation: {titles[axis.scenario]}" if axis.scenario != first.scenario else ""
        said.append(f"Seen with {affected(axis)}{where}")
    return f"{'. '.join(said)}."


def releases_table(axis: Axis, *, race: bool) -> Table:
    """A row a range: what is known of it, how it looked, and of a race the rate of each release."""
    rows = []
    for run in axis.runs:
        status = run[0].status
        known = [f"{one.version}: {one.rate if one.rate.k else one.rate.words(race=True)}" for one in run]
        how = listed(dict.fromkeys(word for one in run for word in _symptoms(one)))
        why = clip(needs(run[0].untestable)) if run[0].untestable else ("; ".join(known) if race else how)
        rows.append((span(run, axis.newest), status_words(status), why))
    head = (axis.package, "status", "failures in trials (95 % interval)" if race else "how")
    return Table("", head, tuple(rows))


def _symptoms(one: Answer) -> list[str]:
    return list(dict.fromkeys(trial.verdict.symptom.value for trial in one.trials))


def needs(reason: str) -> str:
    """Of the solver's proof that there is no such environment, the requirement that decides it."""
    found = _NEEDS.search(reason)
    return found[1] if found else reason.removeprefix("Because ").rstrip(".")
