"""What a hunt found, as text."""

from __future__ import annotations

from repro.hunt.campaign import Listed, Report
from repro.hunt.corpus import Shown, expected
from repro.hunt.script import heading
from repro.render.tables import Table
from repro.units import format_duration


def hunt_text(report: Report) -> str:
    """The known causes that show, the new ones, the errors that are leads, and how much was tried."""
    parts = [tried(report)]
    shown = [entry for entry, how in report.replayed if how is Shown.PRESENT]
    if report.replayed:
        parts.append(f"Known, replayed first: {len(shown)} of {len(report.replayed)} show here.")
        parts += [f"  {entry.name}: {entry.title}" for entry in shown]
    if report.changed:
        version = report.target.packages["datasets"]
        parts.append("Otherwise than measured before:")
        parts += [
            f"  {entry.name}: {how.value}, expected {expected(entry, version).value}" for entry, how in report.changed
        ]
    believed = [one for one in report.listed if one.confirmed]
    for title, some in (
        ("New, silently wrong:", [one for one in report.new if one.silent]),
        ("New, an error on valid input (a lead):", [one for one in report.new if not one.silent]),
        ("Found again:", [one for one in believed if one.known]),
    ):
        if some:
            parts += [title, *(_line(one) for one in some)]
    doubtful = len(report.listed) - len(believed)
    if doubtful:
        parts.append(f"{doubtful} did not show again in a process of its own, so nothing is said of it.")
    if report.programs and not believed:
        parts.append("Nothing was found besides.")
    elif believed:
        path = (report.new or believed)[0].path
        parts.append(f"Go on with: repro run {path} · repro bisect {path} --axis datasets · repro issue {path}")
    return "\n".join(parts)


def tried(report: Report) -> str:
    """How much was tried, where, and with which seed."""
    pins = " ".join(f"{name}=={report.target.packages[name]}" for name in ("datasets", "pyarrow"))
    if not report.programs:
        return pins
    return (
        f"{report.programs:,} programs ({report.steps:,} operations) in {format_duration(round(report.seconds))}, "
        f"seed {report.seed}, {pins}: {report.clean:,} as expected, {report.refused:,} refused"
    )


def hunt_table(report: Report) -> Table:
    """What shows in a release, what is known of it and what is new, as a notebook shows it."""
    rows = [(entry.title, f"known: {entry.name}", "") for entry, how in report.replayed if how is Shown.PRESENT]
    for one in report.listed:
        what = f"known: {one.known}" if one.known else "new: a lead" if one.confirmed else "did not show again alone"
        rows.append((heading(one.found.finding), what, f"{one.found.programs:,}"))
    return Table("What shows", ("what", "known or new", "after programs"), tuple(rows), tried(report))


def hunt_markdown(report: Report) -> str:
    """The same with the scripts of what is new, for an issue."""
    scripts = [f"## {heading(one.found.finding)}\n\n```python\n{one.text.rstrip()}\n```" for one in report.new]
    return "\n\n".join(["# Hunt", f"```\n{hunt_text(report)}\n```", *scripts]) + "\n"


def _line(one: Listed) -> str:
    lines = sum(bool(line.strip()) for line in one.text.splitlines())
    again = f" (known: {one.known})" if one.known else ""
    shown, tried = one.found.beside
    seen = f"after {one.found.programs:,} programs"
    seen += f", {shown} of {tried} neighbouring programs show it too" if tried else ""
    return f"  {heading(one.found.finding)}{again}, {seen}, {lines} lines: {one.path.name}"
