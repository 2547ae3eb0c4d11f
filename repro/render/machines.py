"""The machines of trials that ran on workers: in a line for one run, and as a table that compares them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from repro.evidence.record import Evidence
from repro.rates import Rate
from repro.render.tables import Table
from repro.render.words import size_words, target_words
from repro.run.result import Run


def machines_words(trials: Iterable[Evidence]) -> str:
    """Of the trials that ran on workers: on which machine how many of them showed the bug."""
    counts = ((machine, [one.verdict.is_bug for one in there]) for machine, there in _by_machine(trials).items())
    return ", ".join(f"{machine} {sum(shown)} of {len(shown)}" for machine, shown in counts)


def machines_table(runs: Iterable[Run]) -> Table | None:
    """A row for each machine of each run whose trials ran on several machines; ``None`` if there is no such run."""
    rows = []
    for run in runs:
        found = _by_machine(run.evidence)
        for machine, there in found.items() if len(found) > 1 else ():
            asked, about = there[0], there[0].provenance["machine"]
            rate = Rate.of(one.verdict for one in there).words(race=run.race)
            system = " ".join(str(about.get(name, "?")) for name in ("os", "release", "arch"))
            took = f"{median(one.outcome.wall_s for one in there):.1f} s"
            place = f"{asked.bug}, {asked.scenario}, fix {asked.fix}, {target_words(asked)}"
            memory = size_words(about.get("memory_bytes"))
            rows.append((place, machine, system, about.get("cpus"), memory, len(there), rate, took))
    columns = ("question", "machine", "system", "CPUs", "memory", "trials", "bug", "median time")
    return Table("Machines", columns, tuple(rows)) if rows else None


def _by_machine(trials: Iterable[Evidence]) -> dict[str, list[Evidence]]:
    found: dict[str, list[Evidence]] = {}
    for one in trials:
        if machine := one.provenance.get("machine", {}).get("id"):
            found.setdefault(str(machine), []).append(one)
    return dict(sorted(found.items()))
