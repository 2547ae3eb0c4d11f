"""The first screen of an issue text: what happens, where, the script, its real output, its environment. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from repro.decide.facts import Facts
from repro.decide.header import asked, held_in, pins
from repro.evidence.record import Evidence
from repro.model import Status, Symptom
from repro.render.issue.github import fenced
from repro.render.ranges import everywhere
from repro.render.words import listed, target_words
from repro.signature import raised_in
from repro.units import format_size

MOST_OUTPUT = 2000
_SCRATCH = re.compile(r"<tmp>/repro-[\w-]+/|<cache>/[^\s\"']*?(?=site-packages/)")
"""Where the kit ran the script, and kept its packages."""
_SAID = (Status.ABSENT, Status.UNSETTLED, Status.DIFFERENT_FAILURE)


def what(facts: Facts, shown: Evidence) -> str:
    """What happens, of a script also where the exception came from, and in which releases."""
    left_out = [f"_{line}_" for line in facts.chosen.left_out]
    raised = raised_in(shown.outcome.stderr_tail) if facts.bug.typed else ""
    summary = f"{facts.bug.summary} It comes from `{raised}`." if raised else facts.bug.summary
    where = everywhere(facts, _SAID) or _only(facts, shown)
    return "\n\n".join([summary, f"**Affected:** {where}", *left_out])


def _only(facts: Facts, shown: Evidence) -> str:
    """The one environment and situation of ``shown``, where the situation that is asked of each release has no run."""
    title = next((one.title for one in facts.bug.scenarios if one.name == shown.scenario), shown.scenario)
    return f"{target_words(shown)}, in this situation: {title}."


def script(text: str, minimal: Evidence | None) -> str:
    """The script, and what it printed in the environment that its header names."""
    shown = fenced(text, "python")
    if minimal is None:
        return shown
    outcome = minimal.outcome
    said = "\n".join(part.strip("\n") for part in (outcome.stdout_tail, outcome.stderr_tail) if part.strip())
    said = _SCRATCH.sub("", said)
    cut = "" if len(said) <= MOST_OUTPUT else f", the last {MOST_OUTPUT} characters"
    held = versions(minimal, asked(text))
    python = f", Python {minimal.target['python']}" if minimal.target.get("python") else ""
    head = f"With {listed(held)}{python} ({_ending(minimal)}{cut})"
    return f"{shown}\n\n{head}{f':{chr(10)}{chr(10)}{fenced(said[-MOST_OUTPUT:])}' if said else ', no output.'}"


def versions(one: Evidence, names: Iterable[str]) -> list[str]:
    """``datasets 5.1.0`` for each of ``names`` that the environment held."""
    held = held_in(one.target)
    return [f"{name} {held[name]}" for name in names if name in held]


def expected(facts: Facts) -> str:
    """What should happen instead; without the bug's own words, what a healthy release shows."""
    healthy = facts.with_status(Status.ABSENT)
    where = f", as with {facts.package} {healthy[-1].version}" if healthy else ""
    return facts.bug.expected or f"It ends without this failure{where}."


def environment(text: str, minimal: Evidence | None, shown: Evidence) -> str:
    """What the environment says of itself, with the packages that the script asks for or imports, and its pins."""
    one = minimal or shown
    said = str(one.target.get("environment") or _machine(one))
    held = held_in(one.target)
    pinned = {name: word for name, word in pins(one.target).items() if "==" not in word}
    names = dict.fromkeys([*asked(text), *_imported(text), *pinned])
    missing = [name for name in names if name in held and not _mentions(said, name)]
    lines = [f"- `{name}` version: {held[name]}" for name in missing]
    lines += [f"- Pinned: {listed(f'`{word}`' for word in pinned.values())}"] if pinned else []
    return "\n".join([said, *lines])


def _mentions(said: str, name: str) -> bool:
    plain = said.lower().replace("_", "-").replace("`", "")
    return any(line.startswith(f"- {name} ") for line in plain.splitlines())


def _imported(text: str) -> list[str]:
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except SyntaxError:
        return []
    found = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    found += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level]
    return [name.partition(".")[0].replace("_", "-").lower() for name in found]


def _machine(one: Evidence) -> str:
    machine = one.provenance.get("machine", {})
    platform = "-".join(str(machine[k]) for k in ("os", "release", "arch") if machine.get(k))
    lines = [f"- {name} version: {one.target[name]}" for name in ("datasets", "pyarrow") if one.target.get(name)]
    lines += [f"- Platform: {platform}"] if platform else []
    lines += [f"- Python version: {one.target['python']}"] if one.target.get("python") else []
    return "\n".join(lines)


def _ending(one: Evidence) -> str:
    outcome = one.outcome
    if outcome.symptom in (Symptom.HANG, Symptom.HANG_AT_EXIT):
        return f"still running after {outcome.wall_s:.0f} s, then ended from outside"
    if one.verdict.symptom is Symptom.OUT_OF_MEMORY and one.limits.memory_bytes:
        return f"killed for memory at a cap of {format_size(one.limits.memory_bytes)}"
    return f"ended by {outcome.signal}" if outcome.signal else f"exit status {outcome.exit_code}"
