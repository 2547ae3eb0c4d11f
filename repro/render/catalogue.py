"""The catalogue of bugs as text and as JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from repro.bugs.declaration import Bug, Parameter


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
