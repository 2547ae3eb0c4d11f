"""Tables, a chart and sentences about how often a race showed. Pure: counts in, text out."""

from __future__ import annotations

from collections.abc import Sequence

from repro.model import Symptom
from repro.rates import CLEAN_TRIALS, SAFE_BELOW
from repro.render.stacks import availability, interpreter_state, trimmed, where
from repro.render.tables import Table
from repro.render.view import Picture, Words
from repro.studies.count import Count, ranked

SHOWN = (Symptom.OK, Symptom.HANG_AT_EXIT, Symptom.CRASH_AT_EXIT, Symptom.HANG, Symptom.CRASH)


def count_table(counts: Sequence[Count], title: str = "") -> Table:
    """A row a question: k/n of each ending, and the rate of the bug with its 95 % Wilson interval."""
    others = sorted({s for c in counts for s in c.symptoms} - {s.value for s in SHOWN})
    shown = [s.value for s in SHOWN if any(c.symptoms[s.value] for c in counts)] + others
    rows = tuple(
        (c.name, *(f"{c.symptoms[s]}/{len(c.evidence)}" for s in shown), str(c.rate) if c.rate.n else "–")
        for c in counts
    )
    return Table(title, ("what", *shown, "bug shown (95 % interval)"), rows)


def safety_table(counts: Sequence[Count], title: str = "") -> Table:
    """Workarounds in order of safety, each with what its count supports."""
    rows = tuple((c.name, str(c.rate) if c.rate.n else "–", c.rate.fix_words(race=c.race)) for c in ranked(counts))
    note = f"Safe: the upper bound of the rate is below {SAFE_BELOW:.0%}; that takes {CLEAN_TRIALS} clean trials."
    return Table(title, ("workaround", "bug shown (95 % interval)", "judgement"), rows, note)


def rate_chart(counts: Sequence[Count], title: str) -> bytes:
    """PNG of the failure rates as bars."""
    from repro.render.charts import bars

    return bars([(c.name, 100 * c.rate.k / c.rate.n if c.rate.n else None) for c in counts], title, "%")


def conclusions(counts: Sequence[Count], subject: str) -> list[str]:
    """Sentences that follow from the counts alone."""
    bad = [c for c in counts if c.rate.k]
    clean = [c for c in counts if c.rate.n and not c.rate.k and not c.rate.other]
    silent = [c for c in counts if not c.rate.n]
    lines = []
    if bad:
        lines += [
            f"{subject}: the bug showed in {len(bad)} of {len(counts)}:",
            *(f"  {c.name}: {c.rate}" for c in bad),
        ]
    if clean:
        worst = max(c.rate.high for c in clean)
        lines.append(
            f"{subject}: it did not show in {len(clean)}; that bounds its rate in each at {worst:.0%} or less (95 %):"
        )
        lines += [f"  {c.name}: {c.rate}" for c in clean]
    if silent:
        lines.append(f"{subject}: not testable:")
        lines += [f"  {c.name}: {c.evidence[0].verdict.reason if c.evidence else 'no trial'}" for c in silent]
    return lines or [f"{subject}: nothing was counted."]


class ShownCounts(list[Count]):
    """Counts with the ways a notebook shows them."""

    def table(self, title: str = "") -> Table:
        return count_table(self, title)

    def safety(self, title: str = "") -> Table:
        return safety_table(self, title)

    def chart(self, title: str) -> Picture:
        return Picture(rate_chart(self, title), count_table(self, title).to_text())

    def conclusions(self, subject: str) -> Words:
        return Words("\n".join(conclusions(self, subject)))

    def stacks(self) -> Words:
        """Where the first hang and the first crash of these trials stood, with the stacks that show it."""
        return Words("\n\n".join(stack_report(self)) or "No trial here hung or crashed.")


def stack_report(counts: Sequence[Count]) -> list[str]:
    """A paragraph for the first trial of each symptom that has stacks."""
    found: dict[str, str] = {}
    for count in counts:
        for evidence in count.evidence:
            outcome = evidence.outcome
            if (
                outcome.stacks
                and evidence.verdict.is_bug
                and (key := f"{outcome.symptom} {outcome.signal}") not in found
            ):
                lines = [
                    f"{count.name}: {outcome.symptom.value}: {where(outcome)}",
                    f"interpreter: {interpreter_state(outcome.stacks)}",
                    f"tools: {availability(outcome.stacks)}",
                    trimmed(outcome.stacks),
                    f"full text: {evidence.shown_path}",
                ]
                found[key] = "\n".join(lines)
    return list(found.values())
