"""Writes the text of an upstream issue from evidence alone, in the sections of the datasets bug template."""

from __future__ import annotations

from collections.abc import Sequence

from repro.evidence.store import Evidence
from repro.model import Bug, Symptom
from repro.render.show import size

LIMIT = 65_536
"""Characters that GitHub takes in an issue body."""


def issue_text(bug: Bug, evidence: Sequence[Evidence], script: str, minimal: Evidence | None) -> str:
    """The Markdown text. Parts without evidence say which command makes it."""
    parts = [
        f"# {bug.title}",
        "### Describe the bug",
        _summary(bug, evidence),
        "### Steps to reproduce the bug",
        _steps(bug, script, minimal),
        "### Expected behavior",
        _expected(bug),
        "### What was measured",
        _table(evidence) or f"No evidence yet: run `repro run {bug.slug}`.",
        "### Environment info",
        _environment(bug, minimal),
        "### Related",
        "\n".join(f"- {name}: {link}" for name, link in bug.links.items()),
    ]
    return "\n\n".join(parts) + "\n"


def _summary(bug: Bug, evidence: Sequence[Evidence]) -> str:
    affected = _versions(evidence, present=True)
    healthy = _versions(evidence, present=False)
    lines = [bug.summary]
    if affected:
        lines.append(f"Measured: present in datasets {', '.join(affected)}.")
    if healthy:
        lines.append(f"Measured: absent in datasets {', '.join(healthy)} (same scenario, same inputs).")
    killed = [e for e in evidence if e.verdict.is_bug and e.verdict.symptom is Symptom.OUT_OF_MEMORY]
    if killed:
        last = killed[-1]
        lines.append(
            f"At the scale of the report the process was killed (SIGKILL by the {last.outcome.killer}) at a cap of "
            f"{size(last.limits.memory_bytes)} after {last.outcome.wall_s:.0f} s; it had "
            f"opened {last.outcome.measures.get('files_opened')} files where its shard needs "
            f"{last.outcome.measures.get('files_needed')}."
        )
    return "\n\n".join(lines)


def _versions(evidence: Sequence[Evidence], *, present: bool) -> list[str]:
    """Releases in which the unfixed code shows the bug in some scenario, or shows it in none of those."""
    plain = [
        e for e in evidence if e.fix == "none" and e.verdict.symptom.counts and not e.scenario.startswith("minimal")
    ]
    asked = {e.scenario for e in plain if e.verdict.is_bug}
    affected = {str(e.target.get("datasets")) for e in plain if e.verdict.is_bug}
    healthy = {str(e.target.get("datasets")) for e in plain if e.verdict.symptom.healthy and e.scenario in asked}
    return sorted(affected if present else healthy - affected)


def _steps(bug: Bug, script: str, minimal: Evidence | None) -> str:
    text = f"```python\n{script.strip()}\n```"
    if minimal is None:
        return f"{text}\n\nIts output was not recorded yet: run `repro report` or `repro issue {bug.slug} --run`."
    shown = (minimal.outcome.stdout_tail + minimal.outcome.stderr_tail).strip() or "(no output)"
    spec = minimal.target.get("spec")
    return f"{text}\n\nOutput with `{spec}` ({minimal.verdict.reason.split(':')[0]}):\n\n```text\n{shown[-3000:]}\n```"


def _expected(bug: Bug) -> str:
    return bug.expected


def _environment(bug: Bug, minimal: Evidence | None) -> str:
    text = minimal.target.get("environment") if minimal else None
    return str(text) if text else f"Not recorded yet: run `repro issue {bug.slug} --run`."


def _table(evidence: Sequence[Evidence]) -> str:
    from repro.render.tables import outcome_table

    shown = [e for e in evidence if not e.scenario.startswith("minimal")]
    latest = {(e.scenario, e.fix, str(e.target.get("spec")), str(e.parameters)): e for e in shown}
    return outcome_table(list(latest.values())).to_markdown() if latest else ""
