"""One run as a person sees it: text in a terminal; in a notebook also its memory over time, and tables."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from repro.bugs.declaration import Column, Prepared
from repro.render.charts import ratio_bars, requests_chart, timeline
from repro.render.hub import order_table, seen, totals_table
from repro.render.machines import machines_table, machines_words
from repro.render.tables import Table, outcome_table
from repro.render.words import counted, last_states, size_words
from repro.run.result import Run
from repro.units import format_size


class Picture:
    """PNG bytes with a text that says the same."""

    def __init__(self, png: bytes, text: str) -> None:
        self.png, self.text = png, text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {"text/plain": self.text, "image/png": base64.b64encode(self.png).decode()}


class Words:
    """Text shown as it is, the carriage returns of progress bars resolved."""

    def __init__(self, text: str) -> None:
        self.text = last_states(text)

    def __repr__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class ShownRun(Run):
    """A run that shows itself in a notebook, with its bug's own ``columns``, and a picture where there is one."""

    columns: tuple[Column, ...] = ()

    @classmethod
    def of(cls, run: Run, columns: Sequence[Column] = ()) -> ShownRun:
        return cls(run.evidence, run.reproduce, run.race, run.broken, tuple(columns))

    def __repr__(self) -> str:
        return run_text(self, self.columns)

    def _ipython_display_(self) -> None:
        """Text and picture both: of one output with two forms, a viewer would show only the picture."""
        from IPython.display import display

        display(Words(repr(self)))
        if len(self.worst.outcome.timeline) > 1:
            display(Picture(timeline([self.worst]), ""))
        if record := seen(self.worst.outcome):
            display(Picture(requests_chart(record), order_table(record).to_text()))


def run_text(run: Run, columns: Sequence[Column] = ()) -> str:
    """Status, how each trial ended, the command that asks again, and what the Hub saw, if there was one."""
    shown = run.worst
    outcome, limits = shown.outcome, shown.limits
    packages = " ".join(f"{name} {version}" for name, version in shown.target.items() if _is_version(name, version))
    cap = f"cap {format_size(limits.memory_bytes)} by {outcome.cap_backend}" if limits.memory_bytes else "no cap"
    counts = ", ".join(f"{n} {name}" for name, n in run.symptoms.most_common())
    many = run.race or len(run.evidence) > 1
    said = [
        ("why", run.reason),
        ("trials", f"{counted(len(run.evidence), 'trial')}: {counts}"),
        ("rate", run.rate.words(race=run.race) if many and not run.broken else ""),
        ("machines", machines_words(run.evidence)),
        ("killed", f"by the {outcome.killer.value}: {outcome.killer_basis}" if outcome.killer else ""),
        *((column.title, column.cell(outcome)) for column in columns),
    ]
    if outcome.wall_s:
        kernel = f"{size_words(outcome.peak_kernel_bytes)} by the cgroup, " if outcome.peak_kernel_bytes else ""
        peak = f"{size_words(outcome.peak_rss_bytes)} RSS ({outcome.peak_rss_source})"
        said += [("memory", f"peak {kernel}{peak}; {cap}")]
        said += [("time", f"{outcome.wall_s:.1f} s")]
    index = ", ".join(shown.target.get("from_index", ()))
    said += [("target", packages or str(shown.target.get("spec", "?")))]
    said += [("besides", f"{index} from the index, not from the target" if index else "")]
    said += [("evidence", shown.shown_path)]
    if shown.memray:
        said += [("memray", f"peak heap {size_words(shown.memray.get('peak_bytes'))}; {memray_line(shown.memray)}")]
    head = f"{run.status.value.upper()}: {shown.bug}, {shown.scenario}, fix {shown.fix}"
    lines = [head, *(f"  {name:<8} {text}" for name, text in [*said, ("again", run.reproduce)] if text)]
    record, machines = seen(outcome), machines_table([run])
    tables = [table.to_text() for table in (machines, record and totals_table(record)) if table]
    return "\n".join([*lines, *(f"\n{table}" for table in tables)])


def _is_version(name: str, value: Any) -> bool:
    return isinstance(value, str) and name not in {"spec", "patch"}


def memray_line(report: Any) -> str:
    """The largest allocation alive at the peak, with file and line."""
    if not report.get("allocators"):
        return report.get("note") or "nothing recorded"
    top = report["allocators"][0]
    frame = next(iter(_own_frames(top)), {"function": "?", "file": "?", "line": 0})
    return f"{size_words(top['bytes'])} at {frame['file']}:{frame['line']} in {frame['function']}"


def _own_frames(allocator: Any) -> list[Any]:
    """The frames of an allocation, innermost first, without the import machinery, which stands in all of an import."""
    return [frame for frame in allocator["stack"] if "importlib" not in frame["file"]]


def runs_table(runs: Iterable[Run], title: str = "", grid: Sequence[str] = ()) -> Table:
    """One row a run: what was asked, how it ended, what it measured and used; or those own columns in a grid."""
    shown = list(runs)
    if grid:
        return _grid([run for run in shown if isinstance(run, ShownRun)], grid, title)
    columns = {c.title: c for run in shown if isinstance(run, ShownRun) for c in run.columns}
    return outcome_table([run.worst for run in shown], tuple(columns.values()), title)


def _grid(shown: Sequence[ShownRun], titles: Sequence[str], title: str) -> Table:
    """A column for what stands before the first dash of a scenario, a row for what stands behind it.

    A cell has the bug's own columns with these titles, and the symptom if it is not ``ok``; where environments differ
    in it, each by the versions that tell it from the others.
    """
    versions = [{k: v for k, v in run.worst.target.items() if _is_version(k, v)} for run in shown]
    telling = sorted({name for one in versions for name in one if len({other.get(name) for other in versions}) > 1})
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for run, held in zip(shown, versions, strict=True):
        column, _, row = run.worst.scenario.partition("-")
        named = {one.title: one.cell(run.worst.outcome) for one in run.columns}
        symptom = run.worst.verdict.symptom
        said = [value for value in (named.get(name, "") for name in titles) if value]
        words = ", ".join(said) if symptom.healthy else f"{symptom.value}: {', '.join(said)}".removesuffix(": ")
        cells.setdefault((row, column), {})[" ".join(held.get(name, "") for name in telling)] = words

    def text(found: dict[str, str]) -> str:
        told = found if len(set(found.values())) > 1 else {"": next(iter(found.values()), "")}
        return "; ".join(f"{where}: {words}" if where else words for where, words in told.items())

    columns, rows = (tuple(dict.fromkeys(key[place] for key in cells)) for place in (1, 0))
    body = tuple((row, *(text(cells.get((row, column), {})) for column in columns)) for row in rows)
    note = f"A cell: {', '.join(titles)}{'; ' * bool(telling)}{' '.join(telling)} where they differ."
    return Table(title, ("", *columns), body, note)


def ratios_picture(runs: Iterable[Run], titles: Sequence[str]) -> Picture:
    """Numbers of several runs as bars: those of the bug's own columns with these titles, a row a fix."""
    shown = [run for run in runs if isinstance(run, ShownRun)]
    rows = []
    for run in shown:
        cells = {column.title: column.cell(run.worst.outcome) for column in run.columns}
        rows.append((run.worst.fix, [float(cells[title]) if cells.get(title) else None for title in titles]))
    what = ", ".join(dict.fromkeys(f"{run.worst.bug}, {run.worst.scenario}" for run in shown))
    return Picture(ratio_bars(rows, titles, what), runs_table(shown).to_text())


def inputs_table(prepared: Prepared) -> Table:
    """What the inputs of a trial are: a row for each number that the bug's ``prepare`` gives."""
    numbers = prepared.summary.items()
    rows = tuple((k.replace("_", " "), f"{v:,}" if isinstance(v, int) else str(v)) for k, v in numbers)
    return Table("The inputs", ("what", "value"), rows)


def allocators_table(run: Run, most: int = 6) -> Table:
    """The allocations alive at the peak of a diagnostic run, largest first, with the innermost Python frames.

    What imports of modules allocated is one sum in the note.
    """
    report = run.worst.memray or {}
    every = list(report.get("allocators", ()))
    imports = [one for one in every if one["stack"] and "importlib" in one["stack"][0]["file"]]
    rows = []
    for allocator in [one for one in every if one not in imports][:most]:
        frames = [f"{f['file']}:{f['line']} {f['function']}" for f in _own_frames(allocator)[:6]]
        rows.append((size_words(allocator["bytes"]), str(allocator["count"]), " < ".join(frames) or "?"))
    note = f"peak heap {size_words(report.get('peak_bytes'))}; {memray_line(report)}" if report else "no diagnostic run"
    if imports:
        note += f". Left out: {size_words(sum(one['bytes'] for one in imports))} by imports"
    return Table(
        "Alive at the peak (memray, Arrow's system pool)", ("bytes", "allocations", "where"), tuple(rows), note
    )
