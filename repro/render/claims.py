"""The claims ledger as Markdown: what was believed, where, what was measured, the verdict, and the evidence. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePath

from repro.bugs.declaration import ClaimVerdict
from repro.decide.claims import Chapter, Judged
from repro.render.tables import Table

COLUMNS = ("claim", "from", "verdict", "what was measured", "evidence")


def evidence_names(chapter: Chapter, paths: Sequence[str]) -> list[str]:
    """Evidence files below the reports folder, wherever the kit is run: ``evidence/<bug>/<id>.json``."""
    return [f"evidence/{chapter.slug}/{PurePath(path).name}" for path in paths]


def counts(chapters: Sequence[Chapter]) -> list[tuple[str, int]]:
    """How many claims got which verdict, in the order of the verdicts."""
    seen = Counter(j.finding.verdict for chapter in chapters for j in chapter.judged)
    return [(verdict.value, seen[verdict]) for verdict in ClaimVerdict if seen[verdict]]


def claims_markdown(chapters: Sequence[Chapter], *, base: str = "") -> str:
    """The whole ledger. ``base`` leads from the file to the reports folder, such as ``"../"``."""
    total = sum(number for _, number in counts(chapters))
    sums = ", ".join(f"{number} {verdict}" for verdict, number in counts(chapters))
    parts = [
        "# Claims",
        f"{total} statements of fact in the reporter's documents: {sums or 'none'}.",
        "A rule computes a verdict from the evidence wherever a rule can say so; a claim that no rule can judge says "
        "what would test it, or why nothing here can. Written by `repro claims`.",
    ]
    for chapter in chapters:
        rows = []
        for judged in chapter.judged:
            names = evidence_names(chapter, judged.finding.evidence)
            finding = judged.finding
            rows.append(
                (judged.claim.text, judged.claim.source, finding.verdict.value, finding.measured, "\n".join(names))
            )
        table = Table("", COLUMNS, tuple(rows)).to_markdown()
        for judged in chapter.judged:
            for name in evidence_names(chapter, judged.finding.evidence):
                # only in its own cell, and once: names are unique ids
                table = table.replace(f" {name}", f" [{PurePath(name).stem[-8:]}]({base}{name})")
                table = table.replace(f"<br>{name}", f"<br>[{PurePath(name).stem[-8:]}]({base}{name})")
        parts += [f"## {chapter.title}", table]
    return "\n\n".join(parts) + "\n"


def claims_table(judged: Iterable[Judged]) -> Table:
    """A row a claim: what was believed, what was measured, and the verdict; those that were tested first."""
    rows = tuple(
        (j.claim.text, j.claim.source, j.finding.verdict.value, j.finding.measured)
        for j in sorted(judged, key=lambda j: j.finding.verdict is ClaimVerdict.NOT_YET_TESTED)
    )
    return Table("What the reports say, and what was measured", ("claim", "from", "verdict", "measured"), rows)
