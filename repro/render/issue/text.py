"""Arranges the parts of an issue text in the sections of the project that it is for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from repro.bugs.declaration import Bug
from repro.decide import facts
from repro.decide.failure import Failure, Record
from repro.evidence.record import Evidence
from repro.model import Limits, Symptom
from repro.render.issue import parts, tried
from repro.render.issue.fit import LIMIT, Fitted, Part, fit
from repro.render.issue.github import fenced
from repro.render.tables import target_words

PROJECTS = ("datasets", "arrow")
_ARROW_SECTION = "Describe the bug, including details regarding any error messages, version, and platform."
MOST_OUTPUT, MOST_TRIALS = 3000, 50


def script_for(bug: Bug, project: str) -> str:
    """The script that goes into the issue: ``minimal_<project>.py`` if the bug has one, else ``minimal.py``."""
    own = f"minimal_{project}.py"
    return own if (bug.folder / own).is_file() else "minimal.py"


def issue_text(
    bug: Bug,
    evidence: Sequence[Evidence],
    *,
    project: str | None = None,
    where: str = "the reports folder",
    limit: int | None = LIMIT,
) -> Fitted:
    """The Markdown text, never longer than GitHub takes. Missing evidence is named with the command that makes it.

    Args:
        evidence: all evidence of the bug, oldest first.
        project: ``datasets`` or ``arrow``; by default the one whose package the bug is in.
        where: where the parts that found no room can be read.
        limit: in characters; ``None`` for the whole text, however long.
    """
    home = "arrow" if facts.package_of(bug) == "pyarrow" else "datasets"
    project = project or home
    script = script_for(bug, project)
    package = "pyarrow" if project == "arrow" else facts.package_of(bug)
    minimal = facts.minimal_of(evidence, script, package)
    steps = [Part(_steps(bug, script, minimal)), parts.exported_test(bug, evidence)]
    described = [
        Part(parts.summary(bug, evidence)),
        Part(parts.cause(bug, minimal)),
        Part(parts.versions(bug, evidence)),
        parts.timeline(bug, evidence),
        tried.situations(bug, evidence),
        tried.which_fix(bug, evidence),
        parts.stacks(bug, evidence),
    ]
    expected = [Part(bug.expected or bug.summary)]
    environment = [Part(_environment(bug, minimal))]
    rest = [Part(parts.untested(bug, evidence)), Part(parts.related(bug))]
    # GitHub's form heads its sections so; an arrow issue has one big section and the components.
    if project == "arrow":
        body = [
            _heading(_ARROW_SECTION),
            *described,
            Part("#### Steps to reproduce"),
            *steps,
            Part("#### Expected behavior"),
            *expected,
            Part("#### Environment"),
            *environment,
            *rest,
            _heading("Component(s)"),
            Part("Python"),
        ]
    else:
        body = [
            _heading("Describe the bug"),
            *described,
            _heading("Steps to reproduce the bug"),
            *steps,
            _heading("Expected behavior"),
            *expected,
            _heading("Environment info"),
            *environment,
            *rest,
        ]
    record = [Part(_record(bug, script, minimal).comment())] if minimal else [Part("")]
    return fit([Part(f"# {bug.title}"), *body, *record], where, limit)


def _heading(text: str) -> Part:
    return Part(f"### {text}")


def _steps(bug: Bug, script: str, minimal: Evidence | None) -> str:
    source = bug.folder / script
    if not source.is_file():
        return f"There is no script yet: write {script} (at most 30 lines, without this kit) beside the bug's bug.py."
    text = fenced(source.read_text("utf-8"), "python")
    if minimal is None:
        return f"{text}\n\nIts output was not recorded yet: run `repro issue {bug.slug} --run`."
    outcome = minimal.outcome
    shown = "\n".join(part.strip("\n") for part in (outcome.stdout_tail, outcome.stderr_tail) if part.strip())
    cut = "" if len(shown) <= MOST_OUTPUT else f" (the last {MOST_OUTPUT} characters)"
    words = target_words(minimal)
    said = f"\n\n{fenced(shown[-MOST_OUTPUT:])}" if shown else ""
    return f"{text}\n\nOutput with {words}: {_ending(minimal)}{cut}{':' if said else ', no output.'}{said}"


def _ending(one: Evidence) -> str:
    outcome = one.outcome
    if outcome.symptom in (Symptom.HANG, Symptom.HANG_AT_EXIT):
        return f"still running after {outcome.wall_s:.0f} s, then ended from outside"
    if outcome.signal:
        return f"ended by {outcome.signal}"
    return f"exit status {outcome.exit_code}"


def _environment(bug: Bug, minimal: Evidence | None) -> str:
    text = minimal.target.get("environment") if minimal else None
    return str(text) if text else f"Not recorded yet: run `repro issue {bug.slug} --run`."


def _record(bug: Bug, script: str, minimal: Evidence) -> Record:
    """What ``repro verify`` needs. The limits are those of the recorded run."""
    limits: Limits = replace(minimal.limits)
    # A race that fails in a third of the runs or more is missed by 20 healthy-looking runs once in 3000.
    trials = min(MOST_TRIALS, max(20, bug.default_trials)) if bug.race else 1
    failure = Failure.of(minimal.outcome)
    return Record(bug.slug, str(minimal.target.get("spec")), limits, failure, trials, bug.race)
