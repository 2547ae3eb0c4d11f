"""What a notebook shows of a run: status and numbers as a table, memory over time as a picture."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import Any

from repro.bugs.declaration import ClaimVerdict, Prepared
from repro.decide.claims import Judged
from repro.evidence.store import Evidence
from repro.render.tables import Table, outcome_table
from repro.render.text import memray_line, run_text, size
from repro.run.result import Run


class ShownRun(Run):
    """A run that shows itself in a notebook: text for a terminal, and a picture of its memory where there is one."""

    __slots__ = ()

    @classmethod
    def of(cls, run: Run) -> ShownRun:
        return cls(run.evidence, run.reproduce, run.race, run.broken)

    def __repr__(self) -> str:
        return run_text(self)

    def _ipython_display_(self) -> None:
        """Text and picture both: of one output with two forms, a viewer would show only the picture."""
        from IPython.display import display

        display(Words(run_text(self)))
        if len(self.worst.outcome.timeline) > 1:
            display(Picture(memory_chart([self.worst]), ""))


class Picture:
    """PNG bytes with a text that says the same."""

    def __init__(self, png: bytes, text: str) -> None:
        self.png, self.text = png, text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {"text/plain": self.text, "image/png": base64.b64encode(self.png).decode()}


class Words:
    """Text shown as it is, the carriage returns of progress bars resolved."""

    def __init__(self, text: str) -> None:
        self.text = "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.split("\n"))

    def __repr__(self) -> str:
        return self.text


def memory_chart(evidence: Sequence[Evidence]) -> bytes:
    """Memory over time of one or a few trials, each against its cap, as PNG bytes."""
    from repro.render.charts import timeline

    return timeline(evidence)


def runs_table(runs: Iterable[Run], title: str = "") -> Table:
    """One row a run: what was asked, how it ended, what it read and used."""
    return outcome_table([run.worst for run in runs], title=title)


def inputs_table(prepared: Prepared) -> Table:
    """What the inputs of a trial are: a row for each number that the bug's ``prepare`` gives."""
    numbers = prepared.summary.items()
    rows = tuple((k.replace("_", " "), f"{v:,}" if isinstance(v, int) else str(v)) for k, v in numbers)
    return Table("The inputs", ("what", "value"), rows, "")


def allocators_table(run: Run, most: int = 6) -> Table:
    """The allocations alive at the peak of a diagnostic run, largest first, with the innermost Python frames."""
    report = run.worst.memray or {}
    rows = []
    for allocator in list(report.get("allocators", ()))[:most]:
        frames = [f"{f['file']}:{f['line']} {f['function']}" for f in allocator["stack"][:6]]
        rows.append((size(allocator["bytes"]), str(allocator["count"]), " < ".join(frames) or "?"))
    note = f"peak heap {size(report.get('peak_bytes'))}; {memray_line(report)}" if report else "no diagnostic run"
    return Table(
        "Alive at the peak (memray, Arrow's system pool)", ("bytes", "allocations", "where"), tuple(rows), note
    )


def claims_table(judged: Iterable[Judged]) -> Table:
    """A row a claim: what was believed, what was measured, and the verdict."""
    rows = tuple(
        (j.claim.text, j.claim.source, j.finding.verdict.value, j.finding.measured)
        for j in sorted(judged, key=lambda j: j.finding.verdict is ClaimVerdict.NOT_YET_TESTED)
    )
    return Table("What the reports say, and what was measured", ("claim", "from", "verdict", "measured"), rows, "")
