"""The parts of an issue text, each made from evidence alone; without any it is empty or says what to run."""

from __future__ import annotations

from repro.decide.current import TEST, is_default
from repro.decide.facts import Answer, Facts
from repro.evidence.record import Evidence
from repro.model import Status, Symptom
from repro.render.charts import mermaid_timeline
from repro.render.issue.fit import Part
from repro.render.issue.github import details, fenced
from repro.render.stacks import where
from repro.render.tables import Table
from repro.render.words import (
    NOTHING,
    clip,
    counted,
    listed,
    measured_cells,
    measured_words,
    status_words,
    target_words,
    without_empty,
)
from repro.units import about, format_size

TABLE_POINTS, STACK_LINES = 12, 60


def summary(facts: Facts, shown: Evidence) -> str:
    """One paragraph: what happens, in which releases, the numbers of the trial shown, and what was left out."""
    package, sentences = facts.package, [facts.bug.summary]
    affected, healthy = facts.with_status(Status.PRESENT), facts.with_status(Status.ABSENT)
    if affected:
        rate = f"; with {affected[-1].version} it {affected[-1].rate.words(race=True)}" if facts.bug.race else ""
        sentences.append(f"Measured: present in {package} {listed(r.version for r in affected)}{rate}.")
    if healthy:
        where = listed(r.version for r in healthy)
        sentences.append(f"Absent in {package} {where}, in the same scenario with the same limits.")
    for open_ in facts.with_status(Status.UNSETTLED):
        sentences.append(f"{package} {open_.version} is {open_.rate.words(race=True)}.")
    sentences.append(_numbers(facts, shown))
    left_out = [f"_{line}_" for line in facts.chosen.left_out]
    return "\n\n".join([" ".join(sentences), *left_out])


def _numbers(facts: Facts, one: Evidence) -> str:
    """What the trial shown measured, under its own limits."""
    outcome = one.outcome
    cap = f" at a memory cap of {format_size(one.limits.memory_bytes)}" if one.limits.memory_bytes else ""
    measured = measured_words(facts.bug.columns, outcome)
    also = f" ({measured})" if measured else ""
    if outcome.killer is not None:
        until = f"; until then {measured}" if measured else ""
        when = f"{outcome.wall_s:.1f} s"
        who = "an unknown sender" if outcome.killer.value == "unknown" else f"the {outcome.killer.value}"
        return f"With {target_words(one)} {who} killed the process{cap} after {when}{until}."
    if one.verdict.symptom in (Symptom.HANG, Symptom.HANG_AT_EXIT):
        waited, since = (outcome.wall_s, "start") if outcome.exit_s is None else (outcome.exit_s, "last statement")
        return f"With {target_words(one)} the process was still there {waited:.0f} s after its {since}{also}."
    return f"With {target_words(one)}: {one.verdict.reason}{also}."


def cause(facts: Facts, minimal: Evidence | None) -> str:
    """The cause in a sentence, and the line of the release in which the script failed."""
    bug = facts.bug
    if not bug.cause:
        return ""
    at = (minimal.target.get("cause") if minimal else None) or {}
    text = f"**Cause.** {bug.cause}"
    if at:
        where = f"[`{at['file']}` line {at['line']}]({at['permalink']})"
        return f"{text} In the release, {where}:\n\n{fenced(at['text'], 'python')}"
    missing = f" (Its line number was not recorded: run `repro issue {bug.slug} --run`.)" if bug.cause_at else ""
    return text + missing


def answer_head(facts: Facts) -> tuple[str, ...]:
    """The columns that tell of an answer: its rate for a race only, the bug's own, and the environment."""
    rate = ("rate (95 % interval)",) if facts.bug.race else ()
    return (*rate, "how", *(column.title for column in facts.bug.columns), "environment")


def answer_cells(facts: Facts, answer: Answer) -> tuple[str, ...]:
    """The cells under ``answer_head``."""
    last = answer.trials[-1] if answer.trials else None
    rate = (answer.rate.words(race=True),) if facts.bug.race else ()
    own = measured_cells(facts.bug.columns, last.outcome if last else None)
    return (*rate, clip(answer.why), *own, target_words(last) if last else NOTHING)


def table(facts: Facts, columns: tuple[str, ...], rows: list[tuple[str, ...]], title: str = "", note: str = "") -> str:
    """The table in Markdown, without the bug's own columns where nothing was measured."""
    shown = without_empty(columns, rows, [column.title for column in facts.bug.columns])
    return Table(title, *shown, note).to_markdown()


def versions(facts: Facts) -> str:
    """One row a release: affected, not affected, unsettled or not testable, with the rate for a race."""
    rows = [(r.version, status_words(r.status), *answer_cells(facts, r)) for r in facts.releases]
    head = answer_head(facts)
    for one in facts.unsolvable:
        if one.scenario == facts.bug.default_scenario:
            cells = dict.fromkeys(head, NOTHING) | {"how": f"no such environment: {clip(one.verdict.reason)}"}
            rows.append((clip(str(one.target.get("spec")), 80), status_words(Status.UNTESTABLE), *cells.values()))
    situation = next(s.title for s in facts.bug.scenarios if s.name == facts.bug.default_scenario)
    note = f"Every row is the same situation, without any fix: {plain(situation)}."
    return table(facts, (facts.package, "status", *head), rows, "Versions", note)


def situations(facts: Facts) -> Part:
    """One row a scenario, without a fix."""
    rows = []
    for scenario in facts.bug.scenarios:
        answer = facts.situation(scenario.name)
        if answer is not None:
            scale = "as reported" if is_default(facts.bug, answer.trials[-1]) else "small"
            rows.append((plain(scenario.title), scale, status_words(answer.status), *answer_cells(facts, answer)))
    if len(rows) < 2:
        return Part("")
    note = "Each in the newest release in which it fails, else the newest."
    body = table(facts, ("situation", "inputs", "status", *answer_head(facts)), rows, note=note)
    return Part(details("Which situations show it, and which do not", body), "the table of situations", 3)


def timeline(one: Evidence) -> Part:
    """Memory over time of the trial that shows the bug: a chart of at most 50 points, and the same as a table."""
    samples = one.outcome.timeline
    if len(samples) < 2 or not one.limits.memory_bytes:
        return Part("")
    step = max(1, -(-len(samples) // TABLE_POINTS))
    groups = [samples[i : i + step] for i in range(0, len(samples), step)]
    peaks = [max(group, key=lambda sample: sample.rss_bytes) for group in groups]
    rows = tuple((f"{sample.t:.1f}", about(sample.rss_bytes)) for sample in peaks)
    end = f"Ended after {one.outcome.wall_s:.1f} s: {one.outcome.detail}."
    shown = Table("", ("seconds", "memory of the process tree"), rows, end).to_markdown()
    chart = f"```mermaid\n{mermaid_timeline(samples, one.limits.memory_bytes).rstrip()}\n```"
    return Part(details("Memory over time", f"{chart}\n\n{shown}"), "the memory timeline", 2)


def stacks(facts: Facts) -> Part:
    """The stacks of the newest hang or crash, each cut to its first lines, and what the bug's own diagnosis says."""
    seen = [e for e in facts.evidence if e.verdict.is_bug and any(s.text for s in e.outcome.stacks)]
    if not seen:
        return Part("")
    one, texts = seen[-1], []
    for stack in one.outcome.stacks:
        if stack.text:
            lines = stack.text.strip().splitlines()
            cut = f" (the first {STACK_LINES} of {len(lines)} lines)" if len(lines) > STACK_LINES else ""
            note = f" {stack.note}" if stack.note else ""
            texts.append(f"{stack.tool}{cut}:{note}\n\n{fenced(chr(10).join(lines[:STACK_LINES]))}")
    body = (
        f"With {target_words(one)}, {one.verdict.symptom.value}: {where(one.outcome, facts.bug.where)}.\n\n"
        + "\n\n".join(texts)
    )
    return Part(details("Stacks", body), "the stacks", 1)


def exported_test(facts: Facts, source: str) -> Part:
    """The pytest for upstream, and where it was seen red and green."""
    if not source:
        return Part("")
    runs = [e for e in facts.evidence if e.scenario == TEST and e.verdict.informative]
    latest = {(str(e.target.get("spec")), e.fix): e for e in runs}.values()
    titles = {fix.name: fix.title for fix in facts.bug.fixes}
    proof = [
        f"- {e.verdict.reason} with {target_words(e)}" + (f" ({titles.get(e.fix, e.fix)})" if e.fix != "none" else "")
        for e in latest
    ]
    proven = "\n".join(proof) or f"It was not run here yet: run `repro issue {facts.bug.slug} --run`."
    body = f"{proven}\n\n{fenced(source, 'python')}"
    return Part(details("A pytest that fails before and passes after", body), "the test", 6)


def untested(facts: Facts) -> str:
    """What nobody should conclude from this text."""
    bug, trials, lines = facts.bug, [e for e in facts.trials if e.verdict.informative], []
    machines = {" ".join(str(e.provenance.get("machine", {}).get(k, "?")) for k in ("os", "arch")) for e in trials}
    pythons = {str(e.target.get("python")) for e in trials if e.target.get("python")}
    lines.append(f"- Only {listed(sorted(machines))} with Python {listed(sorted(pythons))} was measured.")
    run, fixed = {e.scenario for e in trials}, {e.fix for e in trials}
    if left := [s.title for s in bug.scenarios if s.name not in run]:
        lines.append(f"- Situations not tried: {'; '.join(left)}.")
    if fixes := [f.title for f in bug.fixes if f.name not in fixed]:
        lines.append(f"- Fixes not tried: {'; '.join(fixes)}.")
    if tested := [r.version for r in facts.releases if r.trials]:
        lines.append(f"- Releases of {facts.package} other than {listed(tested)} were not run.")
    if bug.race:
        lines.append("- It is a race: a row without failures bounds the rate, it does not exclude the failure.")
    lines.append(f"- Inputs are synthetic. This text rests on {counted(len(facts.trials), 'trial')}.")
    return "**What was not tested**\n\n" + "\n".join(lines)


def related(facts: Facts) -> str:
    links = facts.bug.links
    return "**Related**\n\n" + "\n".join(f"- {name}: {link}" for name, link in links.items()) if links else ""


def plain(title: str) -> str:
    """A title for a table, whose cells show no code."""
    return title.replace("`", "")
