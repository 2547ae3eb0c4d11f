"""The parts of an issue text, each made from evidence alone; without any it is empty or says what to run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from repro.bugs.declaration import Bug
from repro.decide import facts
from repro.evidence.record import Evidence
from repro.model import Status, Symptom
from repro.render.charts import mermaid_timeline
from repro.render.issue.cells import clip, failed_cell, failed_column, files_cell, listed, plain, status_words
from repro.render.issue.fit import Part
from repro.render.issue.github import details, fenced
from repro.render.tables import NOTHING, Table, target_words
from repro.units import about, format_size

TABLE_POINTS, STACK_LINES = 12, 60


def summary(bug: Bug, evidence: Sequence[Evidence]) -> str:
    """One paragraph: what happens, in which releases, and the numbers of the trial that shows it best."""
    known = facts.releases(bug, evidence)
    package = facts.package_of(bug)
    affected = [r.version for r in known if r.status is Status.PRESENT]
    healthy = [r.version for r in known if r.status is Status.ABSENT]
    sentences = [bug.summary]
    if not known:
        return f"{bug.summary}\n\nNothing was measured yet: run `repro run {bug.slug}`."
    if affected:
        sentences.append(f"Measured: present in {package} {listed(affected)}{_rates(bug, known)}.")
    if healthy:
        sentences.append(f"Absent in {package} {listed(healthy)}, in the same scenario with the same inputs.")
    shown = facts.shown_failure(bug, evidence)
    if shown is not None:
        sentences.append(_numbers(shown))
    return " ".join(sentence for sentence in sentences if sentence)


def _rates(bug: Bug, known: Sequence[facts.Release]) -> str:
    """For a race: how often it shows in the newest affected release."""
    last = next((r for r in reversed(known) if r.status is Status.PRESENT), None)
    return f", in {last.failed} of the runs with {last.version}" if bug.race and last is not None else ""


def _numbers(one: Evidence) -> str:
    outcome = one.outcome
    opened, needed = (outcome.measures.get(name) for name in ("files_opened", "files_needed"))
    cap = f" at a memory cap of {format_size(one.limits.memory_bytes)}" if one.limits.memory_bytes else ""
    until = f"; it had opened {opened} files until then, of which it needs {needed}" if opened is not None else ""
    if outcome.killer is not None:
        return (
            f"With {target_words(one)} the {outcome.killer.value} killed the process{cap} after "
            f"{outcome.wall_s:.1f} s{until}."
        )
    if one.verdict.symptom in (Symptom.HANG, Symptom.HANG_AT_EXIT):
        waited, since = (outcome.wall_s, "start") if outcome.exit_s is None else (outcome.exit_s, "last statement")
        return f"With {target_words(one)} the process was still there {waited:.0f} s after its {since}."
    if opened is not None:
        return f"With {target_words(one)} {opened} files were opened where {needed} are needed."
    return f"With {target_words(one)}: {one.verdict.reason}."


def cause(bug: Bug, minimal: Evidence | None) -> str:
    """The cause in a sentence, and the line of the release in which the script failed."""
    if not bug.cause:
        return ""
    at = (minimal.target.get("cause") if minimal else None) or {}
    text = f"**Cause.** {bug.cause}"
    if at:
        where = f"[`{at['file']}` line {at['line']}]({at['permalink']})"
        return f"{text} In the release, {where}:\n\n{fenced(at['text'], 'python')}"
    missing = f" (Its line number was not recorded: run `repro issue {bug.slug} --run`.)" if bug.cause_at else ""
    return text + missing


def versions(bug: Bug, evidence: Sequence[Evidence]) -> str:
    """One row a release: affected, not affected or not testable, with k of n runs for a race."""
    known = facts.releases(bug, evidence)
    if not known:
        return f"**Versions.** None was tried yet: run `repro run {bug.slug}`."
    package = facts.package_of(bug)
    rows: list[tuple[str, ...]] = []
    for release in known:
        one = release.trials[-1] if release.trials else None
        symptoms = release.symptoms or clip(release.reason)
        words = (files_cell(one), target_words(one)) if one else (NOTHING, NOTHING)
        rows.append((release.version, status_words(release.status), *failed_cell(bug, release), symptoms, *words))
    for one in facts.unsolvable(evidence):
        if one.scenario == bug.default_scenario:
            empty = (NOTHING,) * (3 if bug.race else 2)
            why = f"no such environment: {clip(one.verdict.reason)}"
            rows.append((str(one.target.get("spec")), "untestable", *empty[2:], why, *empty[:2]))
    columns = (package, "status", *failed_column(bug), "how", "files opened / needed", "environment")
    place = columns.index("files opened / needed")
    if all(row[place] == NOTHING for row in rows):
        columns, rows = columns[:place] + columns[place + 1 :], [row[:place] + row[place + 1 :] for row in rows]
    situation = next(s.title for s in bug.scenarios if s.name == bug.default_scenario)
    note = f"Every row is the same situation, without any fix: {plain(situation)}."
    return Table("Versions", columns, tuple(rows), note).to_markdown()


def timeline(bug: Bug, evidence: Sequence[Evidence]) -> Part:
    """Memory over time of the trial that shows the bug: a chart of at most 50 points, and the same as a table."""
    one = facts.shown_failure(bug, evidence)
    if one is None or len(one.outcome.timeline) < 2 or not one.limits.memory_bytes:
        return Part("")
    samples = one.outcome.timeline
    step = max(1, -(-len(samples) // TABLE_POINTS))
    groups = [samples[i : i + step] for i in range(0, len(samples), step)]
    peaks = [max(group, key=lambda sample: sample.rss_bytes) for group in groups]
    rows = tuple((f"{sample.t:.1f}", about(sample.rss_bytes)) for sample in peaks)
    end = f"Ended after {one.outcome.wall_s:.1f} s: {one.outcome.detail}."
    table = Table("", ("seconds", "memory of the process tree"), rows, end).to_markdown()
    chart = f"```mermaid\n{mermaid_timeline(samples, one.limits.memory_bytes).rstrip()}\n```"
    return Part(details("Memory over time", f"{chart}\n\n{table}"), "the memory timeline", 2)


def stacks(bug: Bug, evidence: Sequence[Evidence]) -> Part:
    """The stacks of the newest hang or crash, each cut to its first lines."""
    seen = [e for e in evidence if e.verdict.is_bug and any(s.text for s in e.outcome.stacks)]
    if not seen:
        return Part("")
    one = seen[-1]
    texts = []
    for stack in one.outcome.stacks:
        if stack.text:
            lines = stack.text.strip().splitlines()
            cut = f" (the first {STACK_LINES} of {len(lines)} lines)" if len(lines) > STACK_LINES else ""
            note = f" {stack.note}" if stack.note else ""
            texts.append(f"{stack.tool}{cut}:{note}\n\n{fenced(chr(10).join(lines[:STACK_LINES]))}")
    body = f"With {target_words(one)}, {one.verdict.symptom.value}.\n\n" + "\n\n".join(texts)
    return Part(details("Stacks", body), "the stacks", 1)


def exported_test(bug: Bug, evidence: Sequence[Evidence]) -> Part:
    """The pytest for upstream, and where it was seen red and green."""
    source = bug.folder / "upstream_test.py"
    if not source.is_file():
        return Part("")
    runs = [e for e in evidence if e.scenario == "exported-test" and e.verdict.informative]
    latest = facts.newest(runs, lambda e: (str(e.target.get("spec")), e.fix))
    titles = {fix.name: fix.title for fix in bug.fixes}
    proof = [
        f"- {e.verdict.reason} with {target_words(e)}" + (f" ({titles.get(e.fix, e.fix)})" if e.fix != "none" else "")
        for e in latest
    ]
    proven = "\n".join(proof) or f"It was not run here yet: run `repro issue {bug.slug} --run`."
    body = f"{proven}\n\n{fenced(Path(source).read_text('utf-8'), 'python')}"
    return Part(details("A pytest that fails before and passes after", body), "the test", 6)


def untested(bug: Bug, evidence: Sequence[Evidence]) -> str:
    """What nobody should conclude from this text."""
    trials = [e for e in evidence if facts.is_trial(e) and e.verdict.informative]
    lines = []
    if trials:
        machines = sorted(
            {" ".join(str(e.provenance.get("machine", {}).get(k, "?")) for k in ("os", "arch")) for e in trials}
        )
        pythons = sorted({str(e.target.get("python")) for e in trials if e.target.get("python")})
        lines.append(f"- Only {listed(machines)} with Python {listed(pythons)} was measured; no other platform.")
    run = {e.scenario for e in trials}
    left = [s.title for s in bug.scenarios if s.name not in run]
    if left:
        lines.append(f"- Situations not tried: {'; '.join(left)}.")
    fixed = {e.fix for e in trials}
    fixes = [f.title for f in bug.fixes if f.name not in fixed]
    if fixes:
        lines.append(f"- Fixes not tried: {'; '.join(fixes)}.")
    tested = [r.version for r in facts.releases(bug, evidence) if r.trials]
    if tested:
        lines.append(f"- Releases of {facts.package_of(bug)} other than {listed(tested)} were not run.")
    if bug.race:
        lines.append("- It is a race: a row without failures bounds the rate, it does not exclude the failure.")
    kept = [e for e in evidence if facts.is_trial(e)]
    lines.append(f"- Inputs are synthetic. {len(kept)} trials were run; this text shows the newest of each kind.")
    return "**What was not tested**\n\n" + "\n".join(lines)


def related(bug: Bug) -> str:
    if not bug.links:
        return ""
    return "**Related**\n\n" + "\n".join(f"- {name}: {link}" for name, link in bug.links.items())
