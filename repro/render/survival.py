"""Shows what memory each fix needs: a table of caps, and a plot of cap against shard size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from repro.render.charts import GIB, MIB, canvas, png
from repro.render.run import Picture
from repro.render.tables import Cell, Table
from repro.render.words import NOTHING
from repro.studies.survive import Point, Survival
from repro.units import about

_DASHES, _MARKS = ("-", "--", "-.", ":"), "osD^vP*X"  # lines apart without colours
_COLOURS = ("#004488", "#994455", "#997700", "#222222")


def survival_table(found: Survival, title: str = "The smallest cap survived") -> Table:
    """One row for each candidate and shard size."""
    rows: list[tuple[Cell, ...]] = []
    for point in found.points:
        line = found.line(point.candidate)
        rows.append(
            (
                point.candidate,
                about(point.payload),
                about(point.cap) if point.cap else "none",
                f"{about(point.failed)} ({point.ending})" if point.failed else NOTHING,
                f"{point.cap / point.payload:.2f}" if point.cap else NOTHING,
                f"{line.slope:.2f} × payload + {about(line.intercept)}" if line else NOTHING,
            )
        )
    backends = ", ".join(sorted({point.backend for point in found.points}))
    note = (
        f"Each cap was tried once, enforced by {backends}; the line is least squares over three sizes of a candidate "
        "or more, with caps exact to 5 %; else there is none."
    )
    columns = ("candidate", "payload", "survived", "did not survive", "cap / payload", "line")
    return Table(title, columns, tuple(rows), note)


def survival_chart(found: Survival) -> bytes:
    """PNG of the smallest cap survived against the size of the shard, a line a candidate, named at its end."""
    high, high_name = _unit(point.cap or 0 for point in found.points)
    wide, wide_name = _unit(point.payload for point in found.points)
    with canvas(4.2) as figure:
        axes = figure.subplots()
        for index, candidate in enumerate(found.candidates):
            known = [(p.payload / wide, p.cap / high, (p.failed or 0) / high) for p in found.of(candidate) if p.cap]
            if not known:
                continue
            line = found.line(candidate)
            sizes, caps, failed = zip(*known, strict=True)
            # what is needed lies between the smallest cap survived and the largest that was not
            down = [cap - least if least else 0.0 for cap, least in zip(caps, failed, strict=True)]
            axes.errorbar(
                sizes, caps, yerr=[down, [0.0] * len(down)], color=_COLOURS[index % 4], linestyle=_DASHES[index % 4],
                marker=_MARKS[index % 8], linewidth=1.5, capsize=3,
                label=f"{candidate}: {line.slope:.2f} bytes a byte" if line else candidate,
            )  # fmt: skip
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.set_xlabel(f"files of the shard ({wide_name})")
        axes.set_ylabel(f"smallest cap survived ({high_name})")
        axes.grid(linewidth=0.4, color="#cccccc")
        if axes.containers:
            axes.legend(loc="upper left", fontsize=9)
        return png(figure)


def survival_sentences(found: Survival) -> Iterator[str]:
    """The slope of each candidate, in words."""
    for candidate in found.candidates:
        line = found.line(candidate)
        if line:
            yield (
                f"{candidate} needs {line.slope:.2f} bytes of memory for each byte of payload, "
                f"over {about(line.intercept)}."
            )


def survival_json(found: Survival) -> list[dict[str, Any]]:
    """A dictionary a candidate, with its points and its line; all in bytes."""
    return [
        {
            "candidate": name,
            "points": [_point_json(point) for point in found.of(name)],
            "slope": line.slope if (line := found.line(name)) else None,
            "intercept_bytes": line.intercept if line else None,
        }
        for name in found.candidates
    ]


class ShownSurvival:
    """A study of survival that shows itself as its table and its plot."""

    def __init__(self, found: Survival) -> None:
        self.found, self.table = found, survival_table(found)

    def __repr__(self) -> str:
        return "\n\n".join((self.table.to_text(), *survival_sentences(self.found)))

    @property
    def picture(self) -> Picture:
        return Picture(survival_chart(self.found), self.table.to_text())

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.table)
        display(self.picture)


def _point_json(point: Point) -> dict[str, Any]:
    return {
        "payload_bytes": point.payload,
        "cap_survived_bytes": point.cap,
        "cap_failed_bytes": point.failed,
        "ending": point.ending or None,
        "cap_backend": point.backend,
        "evidence": [e.shown_path for e in point.evidence],
    }


def _unit(sizes: Iterable[int]) -> tuple[int, str]:
    return (GIB, "GiB") if max(sizes, default=0) >= GIB else (MIB, "MiB")
