"""Tables, a chart and sentences about how often a race showed. Pure: counts in, text out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from repro.bugs.declaration import NO_FIX
from repro.model import Outcome, Status, Symptom
from repro.rates import CLEAN_TRIALS
from repro.render.charts import rate_bars
from repro.render.run import Picture, Words
from repro.render.stacks import availability, interpreter_state, trimmed, where
from repro.render.tables import Cell, Table
from repro.studies.count import Count, ranked

Where = Callable[[Outcome], str] | None
"""What a bug says of where a hung or crashed process stands."""

SHOWN = (Symptom.OK, Symptom.HANG_AT_EXIT, Symptom.CRASH_AT_EXIT, Symptom.HANG, Symptom.CRASH)


def count_table(counts: Sequence[Count], title: str = "") -> Table:
    """A row a question: how many trials ended how, and what that says of the bug, with its exact 95 % interval."""
    others = sorted({s for c in counts for s in c.symptoms} - {s.value for s in SHOWN})
    shown = [s.value for s in SHOWN if any(c.symptoms[s.value] for c in counts)] + others
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (c.name, len(c.evidence), *(c.symptoms[s] for s in shown), c.rate.words(race=c.race)) for c in counts
    )
    return Table(title, ("what", "trials", *shown, "the bug (95 % interval)"), rows)


def safety_table(counts: Sequence[Count], title: str = "") -> Table:
    """Workarounds in order of safety, each with what its count supports."""
    rows = tuple((c.name, len(c.evidence), c.rate.fix_words(race=c.race)) for c in ranked(counts))
    note = f"That a fix helps takes {CLEAN_TRIALS} trials without a failure; its correctness is judged elsewhere."
    return Table(title, ("workaround", "trials", "judgement (95 % interval)"), rows, note)


def fixes_table(counts: Sequence[Count], title: str = "") -> Table:
    """Fixes beside ``none``, the first of ``counts``; where it does not show without one, nothing is said of them."""
    shows = counts[0].rate.status(race=counts[0].race) is Status.PRESENT

    def judgement(place: int, c: Count) -> str:
        said = c.rate.fix_words(race=c.race) if shows and place else c.rate.words(race=c.race)
        untried = "" if c.rate.n else next((e.verdict.reason for e in c.evidence), "")  # as a patch that does not apply
        return f"{said}: {untried}" if untried else said

    rows = tuple((c.name, len(c.evidence), judgement(place, c)) for place, c in enumerate(counts))
    note = (
        "Correct only as far as the probe checks what comes out."
        if shows
        else "Without a fix it does not show here, so nothing can be said of the fixes."
    )
    return Table(title, ("fix", "trials", "judgement (95 % interval)"), rows, note)


def rate_chart(counts: Sequence[Count], title: str) -> bytes:
    """PNG of the failure rates as bars with their intervals."""
    return rate_bars([(c.name, c.rate) for c in counts], title)


def conclusions(counts: Sequence[Count], subject: str) -> list[str]:
    """Sentences that follow from the counts alone, in groups of what may be said."""
    heads = {
        Status.PRESENT: "it shows",
        Status.ABSENT: "it was not seen, in enough trials to say so",
        Status.UNSETTLED: "it was not seen, in too few trials to say that it is absent",
        Status.DIFFERENT_FAILURE: "another failure hides whether it shows",
        Status.UNTESTABLE: "it cannot be tested",
    }
    lines = []
    for status, head in heads.items():
        members = [c for c in counts if c.rate.status(race=c.race) is status]
        if members:
            lines += [f"{subject}: {head} ({len(members)} of {len(counts)}):"]
            lines += [f"  {c.name}: {_said(c, status)}" for c in members]
    return lines or [f"{subject}: nothing was counted."]


def _said(count: Count, status: Status) -> str:
    if status is Status.UNTESTABLE:
        return count.evidence[0].verdict.reason if count.evidence else "no trial"
    return count.rate.words(race=count.race)


class ShownCounts(list[Count]):
    """Counts with the ways a notebook shows them; ``diagnosis`` is the bug's own of its stacks."""

    def __init__(self, counts: Iterable[Count] = (), diagnosis: Where = None) -> None:
        super().__init__(counts)
        self.diagnosis = diagnosis

    def table(self, title: str = "") -> Table:
        return count_table(self, title)

    def fixes(self, title: str = "") -> Table:
        return fixes_table(self, title)

    def to_json(self) -> list[dict[str, Any]]:
        return [
            {"name": c.name, "status": c.rate.status(race=c.race).value, "k": c.rate.k, "n": c.rate.n}
            | {"other": c.rate.other, "low": c.rate.low, "high": c.rate.high, "symptoms": dict(c.symptoms)}
            for c in self
        ]

    def __repr__(self) -> str:
        return self._shown().to_text()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return self._shown()._repr_mimebundle_(include, exclude)

    def _shown(self) -> Table:
        """Fixes beside ``none`` where that comes first, else each question by itself."""
        return self.fixes() if self and self[0].name == NO_FIX.name else self.table()

    def safety(self, title: str = "") -> Table:
        return safety_table(self, title)

    def chart(self, title: str) -> Picture:
        return Picture(rate_chart(self, title), count_table(self, title).to_text())

    def conclusions(self, subject: str) -> Words:
        return Words("\n".join(conclusions(self, subject)))

    def stacks(self) -> Words:
        """Where the first hang and the first crash of these trials stood, with the stacks that show it."""
        return Words("\n\n".join(stack_report(self, self.diagnosis)) or "No trial here hung or crashed.")


def stack_report(counts: Sequence[Count], diagnosis: Where = None) -> list[str]:
    """A paragraph for the first trial of each symptom that has stacks."""
    found: dict[str, str] = {}
    for count in counts:
        for one in (e for e in count.evidence if e.outcome.stacks and e.verdict.is_bug):
            outcome = one.outcome
            lines = [
                f"{count.name}: {outcome.symptom.value}: {where(outcome, diagnosis)}",
                f"interpreter: {interpreter_state(outcome.stacks)}",
                f"tools: {availability(outcome.stacks)}",
                trimmed(outcome.stacks),
                f"full text: {one.shown_path}",
            ]
            found.setdefault(f"{outcome.symptom} {outcome.signal}", "\n".join(lines))
    return list(found.values())
