"""Writes the texts of issues from evidence, and runs the scripts that they show."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from repro.bugs.declaration import NO_FIX, Bug, FixKind
from repro.decide.current import MINIMAL, TEST
from repro.decide.facts import Facts
from repro.decide.header import asked, own_target
from repro.decide.scripts import fits
from repro.errors import UserError
from repro.evidence.store import Store
from repro.model import Status
from repro.render.issue import LIMIT, PROJECTS, SHORT, Attached, Fitted, issue_text, visible
from repro.render.issue.text import home
from repro.report.kept import known_of
from repro.run.pool import Job, in_order
from repro.run.runner import Runner
from repro.run.scripts import exported_name, exported_source, run_minimal, run_test
from repro.studies.count import race_budget

MOST_TRIES = 10
"""How often the script of a race is run to see it fail once."""


def script_for(bug: Bug, project: str) -> str:
    """The script that goes into the issue: ``minimal_<project>.py`` if the bug has one, else ``minimal.py``."""
    own = f"{MINIMAL}_{project}.py"
    return own if (bug.folder / own).is_file() else f"{MINIMAL}.py"


def has_issue(facts: Facts) -> bool:
    """Whether a report has the text of an issue: evidence shows the bug, and there is a script to show to others.

    A folder without one tries something else than a package, such as a reporter's own design.
    """
    return facts.failure is not None and (facts.bug.folder / f"{MINIMAL}.py").is_file()


def attached(bug: Bug, project: str) -> Attached:
    """What the text of an issue shows beside the evidence, read from the bug's folder."""
    name, test = script_for(bug, project), exported_source(bug)
    source = bug.folder / name
    patches = {fix.name: fix.path for fix in bug.fixes if fix.kind is FixKind.PATCH and fix.path is not None}
    return Attached(
        name,
        source.read_text("utf-8") if source.is_file() else "",
        test.read_text("utf-8") if test is not None else "",
        {patch: path.read_text("utf-8") for patch, path in patches.items()},
    )


def write_issue(
    store: Store,
    slug: str,
    output: Path | None = None,
    *,
    project: str | None = None,
    facts: Facts | None = None,
    full: bool = False,
    echo: Callable[[str], object] = str,
) -> Path:
    """Write the issue text of a bug from its evidence, and beside it the test for upstream if the bug has one.

    What a short text has no room for is in ``<name>.full.md``; ``full`` takes as much as GitHub does. Nothing is run;
    ``echo`` is told what a run would add. Raises UserError if no evidence that counts shows the bug.
    """
    known = known_of(store, slug) if facts is None else facts
    slug = known.bug.slug
    path = output or store.root / "issues" / f"{slug}{f'.{project}' if project else ''}.md"
    whole = path.with_suffix(".full.md")
    shown = attached(known.bug, project or home(known))
    fitted = issue_text(known, shown, project=project, where=whole.name, limit=LIMIT if full else SHORT)
    _write(store, path, fitted)
    whole.unlink(missing_ok=True)
    if fitted.left_out and not full:
        _write(store, whole, issue_text(known, shown, project=project, limit=LIMIT))
    for words in fitted.missing:
        echo(f"not in the text yet: {words}; 'repro issue {known.bug.typed or slug} --run' runs what it shows")
    if shown.test:
        path.with_name(exported_name(known.bug)).write_text(shown.test, encoding="utf-8")
    return path


def _write(store: Store, path: Path, fitted: Fitted) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(visible(store.redactor.text(fitted.text)), encoding="utf-8")


def run_scripts(
    store: Store,
    runner: Runner,
    slug: str,
    project: str | None = None,
    echo: Callable[[str], object] = str,
    *,
    quick: bool = False,
) -> None:
    """Run what the issue shows and has not been run yet: the script, and the test in an affected and a fixed release.

    A fixed release is one of the evidence; without one the newest is tried, and each patch in the affected one.
    ``quick`` leaves out the patches, and the test of a race or an upload, which waits for hangs:
    ``repro issue BUG --run`` has them all.
    """
    facts = known_of(store, slug)
    bug, bad = facts.bug, facts.failure
    if bad is None:
        raise UserError(f"no evidence shows {slug} yet: run 'repro run {slug}' first")
    spec, limits = str(bad.target["spec"]), bad.limits if bug.typed else bug.default_limits

    def script(file: str) -> None:
        text = (bug.folder / file).read_text("utf-8")
        where, recorded = own_target(text, bad.target), facts.minimal(file, facts.package)
        if recorded is not None and "cause" in recorded.target and recorded.target["spec"] == where:
            return
        for _ in range(MOST_TRIES if bug.race else 1):
            echo(f"running {file} in {where}")
            if fits(run_minimal(runner, bug, where, file, asked(text), limits), facts.unfixed):
                break

    def tests() -> None:
        healthy = facts.with_status(Status.ABSENT)
        good = str(healthy[-1].trials[-1].target["spec"]) if healthy else "latest"
        patches = [fix for fix in bug.fixes if fix.kind is FixKind.PATCH and not quick]
        done = {(str(e.target.get("spec")), e.fix) for e in facts.evidence if e.scenario == TEST}
        for where, fix in dict.fromkeys([(spec, NO_FIX), (good, NO_FIX), *((spec, patch) for patch in patches)]):
            if (where, fix.name) not in done:
                echo(f"running {exported_name(bug)} in {where}, fix {fix.name}")
                run_test(runner, bug, where, fix)

    files = dict.fromkeys(script_for(bug, name) for name in ([project] if project else PROJECTS))
    work: list[Callable[[], None]] = [partial(script, file) for file in files if (bug.folder / file).is_file()]
    if exported_source(bug) is not None and not (quick and (bug.race or bug.hub)):
        work.append(tests)
    in_order([Job(one) for one in work], race_budget(), runner.stop)  # what hangs only waits
