"""The folded parts of an issue text: each has its finding in its summary, and is empty without evidence. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from repro.bugs.declaration import NO_FIX
from repro.decide.current import MINIMAL, TEST, is_default, sortable, version_of
from repro.decide.facts import Facts
from repro.decide.scripts import fits
from repro.evidence.record import Evidence
from repro.model import Status, Symptom
from repro.render.charts import mermaid_timeline
from repro.render.issue.fit import Part
from repro.render.issue.github import details, fenced
from repro.render.ranges import affected, needs, releases_table
from repro.render.stacks import trimmed, where
from repro.render.tables import Table
from repro.render.words import (
    NOTHING,
    counted,
    listed,
    measured_cells,
    measured_words,
    plain,
    status_words,
    target_words,
    without_empty,
    without_same,
)
from repro.units import about, format_size

TABLE_POINTS = 12
MOST_SITUATIONS = 20
"""Of more than these, those that are not affected are counted, and have no row."""
_HANGS, _CRASHES = (Symptom.HANG, Symptom.HANG_AT_EXIT), (Symptom.CRASH, Symptom.CRASH_AT_EXIT)


def cause(facts: Facts, minimal: Evidence | None) -> Part:
    """The cause in a sentence, and the line of the release in which the script failed."""
    bug, at = facts.bug, (minimal.target.get("cause") if minimal else None) or {}
    if not bug.cause:
        return Part("")
    text = f"[`{at['file']}` line {at['line']}]({at['permalink']}):\n\n{fenced(at['text'], 'python')}" if at else ""
    return Part(details(f"Cause: {bug.cause}", text)) if text else Part(f"**Cause.** {bug.cause}")


def releases(facts: Facts) -> Part:
    """The ranges of each package, and which environments there are none of."""
    first, *rest = facts.axes
    race, parts = facts.bug.race, []
    for axis in (first, *rest):
        if len(axis.releases) > (axis is not first):
            title = next(s.title for s in facts.bug.scenarios if s.name == axis.scenario)
            beside = "" if axis is first else f", beside an affected {first.package}"
            note = f"Without any fix{beside}: {plain(title)}."
            table = releases_table(axis, race=race)
            parts.append(Table("", table.columns, table.rows, note).to_markdown())
    grouped: dict[str, list[str]] = {}
    for one in facts.unsolvable:
        grouped.setdefault(needs(one.verdict.reason), []).append(str(one.target.get("spec")))
    parts += [f"No such environment, since {why}: {listed(specs)}." for why, specs in grouped.items()]
    return Part(details(f"Releases: {affected(first)}", "\n\n".join(parts))) if first.releases else Part("")


def situations(facts: Facts) -> Part:
    """A row a situation, without a fix; of very many only what fails."""
    bug, rows, words = facts.bug, [], dict[Status, list[str]]()
    told = [(scenario, answer) for scenario in bug.scenarios if (answer := facts.situation(scenario.name)) is not None]
    many = len(told) > MOST_SITUATIONS
    for scenario, answer in told:
        words.setdefault(answer.status, []).append(plain(scenario.title).split(":")[0])
        if not many or answer.status is not Status.ABSENT:
            last, title = answer.trials[-1], plain(scenario.title)
            scale = "" if is_default(bug, last) else " (small inputs)"
            rate = answer.rate.words(race=True) if bug.race else answer.why
            measured = measured_cells(bug.columns, last.outcome)
            rows.append((f"{title}{scale}", status_words(answer.status), rate, *measured, target_words(last)))
    if len(told) < 2:
        return Part("")
    own = tuple(column.title for column in bug.columns)
    head = ("situation", "status", "failures (95 % interval)" if bug.race else "how", *own, "environment")
    usual, times = Counter(row[-1] for row in rows).most_common(1)[0]
    note = ""
    if len(rows) / 2 < times < len(rows):
        rows = [(*row[:-1], "usual" if row[-1] == usual else row[-1]) for row in rows]
        note = f" The usual environment: {usual}."
    head, cells, said = without_same(*without_empty(head, rows, own), {"environment": "All with {}."})
    note = "" if said else f"Each in the newest release in which it fails, else the newest.{note}"
    body = Table("", head, cells, " ".join([note, *said]).strip())
    counts = [
        f"{len(words[status])} {status_words(status)}"
        + f" ({listed(words[status])})" * (status is Status.ABSENT and not many)
        for status in (one for one in Status if one in words)
    ]
    summary = f"Situations: {', '.join(counts)}"
    return Part(details(summary, body.to_markdown()), "the table of situations", 3)


def timeline(facts: Facts, one: Evidence) -> Part:
    """Memory over time where memory is what the process died of: a chart of at most 50 points, and a table."""
    samples, cap = one.outcome.timeline, one.limits.memory_bytes
    if one.verdict.symptom is not Symptom.OUT_OF_MEMORY or len(samples) < 2 or not cap:
        return Part("")
    step = max(1, -(-len(samples) // TABLE_POINTS))
    groups = [samples[i : i + step] for i in range(0, len(samples), step)]
    peaks = [max(group, key=lambda sample: sample.rss_bytes) for group in groups]
    rows = tuple((f"{sample.t:.1f}", about(sample.rss_bytes)) for sample in peaks)
    shown = Table("", ("seconds", "memory of the process tree"), rows, f"With {target_words(one)}.").to_markdown()
    chart = f"```mermaid\n{mermaid_timeline(samples, cap).rstrip()}\n```"
    return Part(details(memory_words(facts, one), f"{chart}\n\n{shown}"), "the memory curve", 2)


def memory_words(facts: Facts, one: Evidence) -> str:
    """Who killed it, at which cap, after how long, and what it had done until then."""
    outcome = one.outcome
    who = {None: "something", "unknown": "an unknown sender"}.get(outcome.killer, f"the {outcome.killer}")
    cap = f" at a cap of {format_size(one.limits.memory_bytes)}" if one.limits.memory_bytes else ""
    measured = measured_words(facts.bug.columns, outcome)
    until = f"; {measured}" if measured else ""
    return f"Memory: {who} killed the process{cap} after {outcome.wall_s:.1f} s{until}"


def stacks(facts: Facts) -> Part:
    """Where one hang stood, its threads that matter; of a bug that only crashes, one crash. Never one for the other."""
    shown = [one for one in facts.evidence if one.fix == NO_FIX.name and fits(one, facts.unfixed)]
    best = MINIMAL if facts.bug.typed else facts.bug.default_scenario  # a script alone has no frame of the kit in it
    ends = _HANGS if any(one.verdict.symptom in _HANGS for one in shown) else _CRASHES

    def rank(one: Evidence) -> tuple[object, ...]:
        version = sortable(version_of(one, facts.package) or "0")
        return version, one.scenario == best, one.verdict.symptom is ends[-1], one.id

    seen = [(one, text) for one in shown if one.verdict.symptom in ends and (text := trimmed(one.outcome.stacks))]
    if not seen:
        return Part("")
    one, text = max(seen, key=lambda pair: rank(pair[0]))
    head = "Hang" if ends is _HANGS else "Crash"
    stood = where(one.outcome, facts.bug.where)
    body = f"With {target_words(one)} ({one.verdict.symptom.value}):\n\n{fenced(text)}"
    return Part(details(f"{head}: {stood}", body), "the stacks", 6)


def exported_test(facts: Facts, source: str) -> Part:
    """The pytest for upstream, with where it was seen red and where green."""
    runs = [e for e in facts.evidence if e.scenario == TEST and e.verdict.informative]
    if not source or not runs:
        return Part("")
    latest = {(target_words(e), e.fix): e for e in runs}.values()  # one environment may have two spellings
    titles = {fix.name: f" ({plain(fix.title)})" for fix in facts.bug.fixes if fix.name != NO_FIX.name}
    lines = [f"- {e.verdict.reason} with {target_words(e)}{titles.get(e.fix, '')}" for e in latest]
    said = [words for green in (False, True) if (words := _seen(latest, green=green))]
    if not any(e.verdict.symptom.healthy for e in latest):
        said.append("no release or patch is known with which all of it is green")
        lines.append(f"- {said[-1][0].upper()}{said[-1][1:]}.")
    if all(e.verdict.symptom.healthy for e in latest):
        said.insert(0, "never seen red")
    summary = f"A pytest: {'; '.join(said)}"
    return Part(details(summary, f"{chr(10).join(lines)}\n\n{fenced(source, 'python')}"), "the test", 5)


def _seen(runs: Iterable[Evidence], *, green: bool) -> str:
    """``red with datasets 5.1.0 and the patches contiguous-copy and large-binary``; empty if it was never so."""
    so = [e for e in runs if e.verdict.symptom.healthy is green]
    released = list(dict.fromkeys(target_words(e) for e in so if e.fix == NO_FIX.name))
    patches = list(dict.fromkeys(e.fix for e in so if e.fix != NO_FIX.name))
    many = f"the patch{'es' * (len(patches) > 1)} {listed(patches)}"
    return f"{'green' if green else 'red'} with {listed([*released, *([many] if patches else [])])}" if so else ""


def untested(facts: Facts) -> Part:
    """What nobody should conclude from this text, and where else it is spoken of."""
    bug, trials, lines = facts.bug, [e for e in facts.trials if e.verdict.informative], []
    machines = {" ".join(str(e.provenance.get("machine", {}).get(k, "?")) for k in ("os", "arch")) for e in trials}
    pythons = {str(e.target.get("python")) for e in trials if e.target.get("python")}
    run, fixed = {e.scenario for e in trials}, {e.fix for e in trials}
    if left := [plain(s.title) for s in bug.scenarios if s.name not in run]:
        lines.append(f"- Situations not tried: {'; '.join(left)}.")
    if fixes := [plain(f.title) for f in bug.fixes if f.name not in fixed]:
        lines.append(f"- Fixes not tried: {'; '.join(fixes)}.")
    if tested := [r.version for r in facts.releases if r.trials]:
        lines.append(f"- Releases of {facts.package} other than {listed(tested)} were not run.")
    if bug.race:
        lines.append("- It is a race: a row without failures bounds the rate, it does not exclude the failure.")
    lines.append(
        f"- It rests on {counted(len(facts.trials), 'trial')}{' with synthetic inputs' * bool(bug.parameters)}."
    )
    lines += [f"- Related: {', '.join(f'[{name}]({link})' for name, link in bug.links.items())}."] if bug.links else []
    summary = f"Not tested: anything but {listed(sorted(machines))} with Python {listed(sorted(pythons)) or NOTHING}"
    return Part(details(f"{summary}{'; related threads' * bool(bug.links)}", "\n".join(lines)))
