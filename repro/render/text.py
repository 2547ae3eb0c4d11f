"""What a person sees in the terminal for a run and for the catalogue. Pure: result in, text out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from repro.bugs.declaration import Bug, Parameter
from repro.run.result import Run
from repro.units import about, format_size


def size(value: int | None) -> str:
    """Bytes for people; a dash for unknown or zero."""
    return about(value) if value else "–"


def run_text(run: Run) -> str:
    """Status, how each trial ended, and the command that asks again."""
    shown = run.worst
    outcome, limits = shown.outcome, shown.limits
    packages = " ".join(f"{name} {version}" for name, version in shown.target.items() if _is_version(name, version))
    cap = format_size(limits.memory_bytes) if limits.memory_bytes else "no cap"
    counts = ", ".join(f"{n} of {len(run.evidence)} {name}" for name, n in run.symptoms.most_common())
    lines = [
        f"{run.status.value.upper()}: {shown.bug}, {shown.scenario}, fix {shown.fix}",
        f"  why      {shown.verdict.reason}",
        f"  trials   {counts}",
    ]
    if outcome.killer is not None:
        lines.append(f"  killed   by the {outcome.killer.value}: {outcome.killer_basis}")
    if outcome.measures.get("files_opened") is not None:
        needed = outcome.measures.get("files_needed", "?")
        lines.append(f"  files    opened {outcome.measures['files_opened']}, needed {needed}")
    if outcome.wall_s:
        peak = f"{size(outcome.peak_rss_bytes)} RSS ({outcome.peak_rss_source})"
        kernel = f", {size(outcome.peak_kernel_bytes)} by the cgroup" if outcome.peak_kernel_bytes else ""
        by = f"by {outcome.cap_backend}" if outcome.cap_backend != "none" else "asked for, but not enforced"
        lines.append(f"  memory   peak {peak}{kernel}; {f'cap {cap} {by}' if limits.memory_bytes else cap}")
        lines.append(f"  time     {outcome.wall_s:.1f} s")
    lines += [f"  target   {packages or shown.target.get('spec', '?')}", f"  evidence {shown.shown_path}"]
    if shown.memray:
        lines.append(f"  memray   peak heap {size(shown.memray.get('peak_bytes'))}; {memray_line(shown.memray)}")
    return "\n".join([*lines, f"  again    {run.reproduce}"])


def memray_line(report: Any) -> str:
    """The largest allocation alive at the peak, with file and line."""
    if not report.get("allocators"):
        return report.get("note") or "nothing recorded"
    top = report["allocators"][0]
    frame = top["stack"][0] if top["stack"] else {"function": "?", "file": "?", "line": 0}
    return f"{size(top['bytes'])} at {frame['file']}:{frame['line']} in {frame['function']}"


def _is_version(name: str, value: Any) -> bool:
    return isinstance(value, str) and name not in {"spec", "patch"}


def catalogue_text(known: Sequence[Bug]) -> str:
    """All bugs with what can be asked of each."""
    return "\n\n".join("\n".join(_entry(bug)) for bug in known)


def _entry(bug: Bug) -> Iterable[str]:
    yield f"{bug.slug}: {bug.title}"
    yield f"  {bug.summary}"
    yield "  scenarios"
    for scenario in bug.scenarios:
        mark = " (control)" if scenario.control else ""
        default = " (default)" if scenario.name == bug.default_scenario else ""
        yield f"    {scenario.name:<24} {scenario.title}{mark}{default}"
    yield "  fixes"
    for fix in bug.fixes:
        yield f"    {fix.name:<24} {fix.title}"
    yield "  parameters (--set name=value)"
    for parameter in bug.parameters:
        yield f"    {parameter.name:<24} {parameter.help} ({_kind(parameter)}, default {parameter.default})"


def _kind(parameter: Parameter) -> str:
    return parameter.kind if isinstance(parameter.kind, str) else " | ".join(parameter.kind)


def catalogue_json(known: Sequence[Bug]) -> list[dict[str, Any]]:
    """The same for a machine."""
    return [
        {
            "bug": bug.slug,
            "title": bug.title,
            "summary": bug.summary,
            "links": dict(bug.links),
            "scenarios": [{"name": s.name, "title": s.title, "control": s.control} for s in bug.scenarios],
            "fixes": [fix.name for fix in bug.fixes],
            "parameters": [{"name": p.name, "kind": _kind(p), "default": p.default} for p in bug.parameters],
            "race": bug.race,
        }
        for bug in known
    ]
