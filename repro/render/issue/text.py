"""Arranges the parts of an issue text in the sections of the project's form: one screen, then folded parts. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from repro.bugs.declaration import Bug
from repro.decide.facts import Facts
from repro.decide.failure import Failure, Record
from repro.decide.header import wanted, with_header
from repro.errors import UserError
from repro.evidence.record import Evidence
from repro.rates import CLEAN_TRIALS
from repro.render.issue import first, folded
from repro.render.issue.fit import SHORT, Fitted, Part, fit
from repro.render.issue.fixes import costs, fixes, patch

PROJECTS = ("datasets", "arrow", "huggingface_hub")
_HOMES = {"pyarrow": "arrow", "huggingface-hub": "huggingface_hub"}
# The labels of the fields in each project's form for a bug, as GitHub heads them in the issue.
_DATASETS = ("Describe the bug", "Steps to reproduce the bug", "Expected behavior", "Environment info")
_HUB = ("Describe the bug", "Reproduction", "System info")
_ARROW = "Describe the bug, including details regarding any error messages, version, and platform."


@dataclass(frozen=True, slots=True)
class Attached:
    """What stands in an issue text beside the evidence: the script by name, its source, the test for upstream.

    And the patches, by the name of the fix.
    """

    name: str = "minimal.py"
    script: str = ""
    test: str = ""
    patches: Mapping[str, str] = field(default_factory=dict)


def issue_text(
    facts: Facts,
    attached: Attached,
    *,
    project: str | None = None,
    where: str = "the reports folder",
    limit: int = SHORT,
) -> Fitted:
    """The Markdown text. What was not run yet is not in it, and named as missing.

    Args:
        facts: the bug, and the evidence that counts.
        attached: the script and the test that it shows.
        project: one of ``PROJECTS``; by default the one whose package the bug is in.
        where: where the parts that found no room can be read.
        limit: in characters: folded parts go, the least important first, until it is kept.

    Raises:
        UserError: no evidence that counts shows the bug, or GitHub has no room for its script.
    """
    bug, shown = facts.bug, facts.failure
    if shown is None:
        why = " ".join(("", *facts.chosen.left_out))
        raise UserError(f"no evidence shows {bug.slug} yet: run 'repro run {bug.typed or bug.slug}' first.{why}")
    project = project or home(facts)
    minimal = facts.minimal(attached.name, "pyarrow" if project == "arrow" else facts.package)
    target = (minimal or shown).target
    script = with_header(attached.script, wanted(attached.script, target)) if attached.script else ""
    what = Part(first.what(facts, shown))
    steps = Part(first.script(script, minimal) if script else "")
    expected, environment = Part(first.expected(facts)), Part(first.environment(script, minimal, shown))
    more = [
        folded.cause(facts, minimal),
        folded.releases(facts),
        folded.situations(facts),
        fixes(facts),
        patch(facts, attached.patches),
        folded.stacks(facts),
        folded.timeline(facts, shown),
        costs(facts),
        folded.exported_test(facts, attached.test),
        folded.untested(facts),
    ]
    if project == "arrow":  # one field for everything, and one for the components
        parts = [_heading(_ARROW), what, steps, Part("**Expected:** " + expected.text), Part("**Environment:**")]
        parts += [environment, *more, _heading("Component(s)"), Part("Python")]
    else:
        screen = list(zip(_DATASETS, (what, steps, expected, environment), strict=True))
        if project == "huggingface_hub":  # no field for what is expected
            what = Part(f"{what.text}\n\n**Expected:** {expected.text}")
            screen = list(zip(_HUB, (what, steps, environment), strict=True))
        parts = [part for title, content in screen for part in (_heading(title), content)] + more
    record = Part(_record(bug, minimal).comment() if minimal else "")
    return fit([Part(f"# {bug.title}"), *parts, record], where, limit, _missing(attached, minimal, more[-2]))


def _missing(attached: Attached, minimal: Evidence | None, test: Part) -> tuple[str, ...]:
    """What a run of the scripts would add to the text."""
    return tuple(
        words
        for words, absent in (
            (f"a script: write {attached.name}, at most 30 lines, beside the bug's bug.py", not attached.script),
            (f"the output of {attached.name}, which was not seen to fail as the bug does", minimal is None),
            ("the exported test, which was not run", bool(attached.test) and not test.text),
        )
        if absent
    )


def _heading(text: str) -> Part:
    return Part(f"### {text}")


def home(facts: Facts) -> str:
    """The project whose package the bug is in."""
    return _HOMES.get(facts.package, "datasets")


def _record(bug: Bug, minimal: Evidence) -> Record:
    """What ``repro verify`` needs. The limits are those of the recorded run."""
    trials = CLEAN_TRIALS if bug.race else 1  # so many without a failure are needed to call a race fixed
    failure = Failure.of(minimal.outcome)
    return Record(bug.slug, str(minimal.target.get("spec")), minimal.limits, failure, trials, bug.race)
