"""Arranges the parts of an issue text in the sections of the project that it is for."""

from __future__ import annotations

from dataclasses import dataclass

from repro.bugs.declaration import Bug
from repro.decide.facts import Facts
from repro.decide.failure import Failure, Record
from repro.errors import UserError
from repro.evidence.record import Evidence
from repro.model import Symptom
from repro.rates import CLEAN_TRIALS
from repro.render.issue import parts
from repro.render.issue.fit import LIMIT, Fitted, Part, fit
from repro.render.issue.fixes import which_fix
from repro.render.issue.github import fenced
from repro.render.words import target_words

PROJECTS = ("datasets", "arrow")
_ARROW_SECTION = "Describe the bug, including details regarding any error messages, version, and platform."
MOST_OUTPUT = 3000


@dataclass(frozen=True, slots=True)
class Attached:
    """What stands in an issue text beside the evidence: the script by name, its source, and the test for upstream."""

    name: str = "minimal.py"
    script: str = ""
    test: str = ""


def issue_text(
    facts: Facts,
    attached: Attached,
    *,
    project: str | None = None,
    where: str = "the reports folder",
    limit: int | None = LIMIT,
) -> Fitted:
    """The Markdown text, never longer than GitHub takes. What was not run yet is named with the command that runs it.

    Args:
        facts: the bug, and the evidence that counts.
        attached: the script and the test that it shows.
        project: ``datasets`` or ``arrow``; by default the one whose package the bug is in.
        where: where the parts that found no room can be read.
        limit: in characters; ``None`` for the whole text, however long.

    Raises:
        UserError: no evidence that counts shows the bug.
    """
    bug, shown = facts.bug, facts.failure
    if shown is None:
        why = " ".join(("", *facts.chosen.left_out))
        raise UserError(f"no evidence shows {bug.slug} yet: run 'repro run {bug.typed or bug.slug}' first.{why}")
    project = project or home(facts)
    minimal = facts.minimal(attached.name, "pyarrow" if project == "arrow" else facts.package)
    steps = [Part(_steps(facts, attached, minimal)), parts.exported_test(facts, attached.test)]
    described = [
        Part(parts.summary(facts, shown)),
        Part(parts.cause(facts, minimal)),
        Part(parts.versions(facts)),
        parts.timeline(shown),
        parts.situations(facts),
        which_fix(facts),
        parts.stacks(facts),
    ]
    expected = [Part(bug.expected or bug.summary)]
    environment = [Part(_environment(bug, minimal))]
    rest = [Part(parts.untested(facts)), Part(parts.related(facts))]
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
    record = [Part(_record(bug, minimal).comment())] if minimal else [Part("")]
    return fit([Part(f"# {bug.title}"), *body, *record], where, limit)


def _heading(text: str) -> Part:
    return Part(f"### {text}")


def home(facts: Facts) -> str:
    """The project whose package the bug is in."""
    return "arrow" if facts.package == "pyarrow" else "datasets"


def _steps(facts: Facts, attached: Attached, minimal: Evidence | None) -> str:
    bug, name = facts.bug, attached.name
    if not attached.script:
        return f"There is no script yet: write {name} (at most 30 lines, without this kit) beside the bug's bug.py."
    text = fenced(attached.script, "python")
    if minimal is None:
        runs = [one for one in facts.evidence if one.scenario == name.removesuffix(".py")]
        ended = f"it did not fail as the bug does ({runs[-1].verdict.reason})" if runs else "it was not run yet"
        return f"{text}\n\nIts output is not recorded, since {ended}: run `repro issue {bug.slug} --run`."
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


def _record(bug: Bug, minimal: Evidence) -> Record:
    """What ``repro verify`` needs. The limits are those of the recorded run."""
    trials = CLEAN_TRIALS if bug.race else 1  # so many without a failure are needed to call a race fixed
    failure = Failure.of(minimal.outcome)
    return Record(bug.slug, str(minimal.target.get("spec")), minimal.limits, failure, trials, bug.race)
