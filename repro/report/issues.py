"""Writes the texts of issues from evidence, and runs the scripts that they show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from repro import bugs
from repro.bugs.declaration import NO_FIX, FixKind
from repro.decide import facts
from repro.errors import UserError
from repro.evidence.record import Evidence
from repro.evidence.store import Store
from repro.model import Status
from repro.render.issue import PROJECTS, issue_text, script_for, visible
from repro.run.runner import Runner
from repro.run.scripts import TEST, exported_name, exported_source, run_minimal, run_test

MOST_TRIES = 10
"""How often the script of a race is run to see it fail once."""


def write_issue(
    store: Store,
    slug: str,
    output: Path | None = None,
    *,
    project: str | None = None,
    evidence: list[Evidence] | None = None,
) -> Path:
    """Write the issue text of a bug from its evidence, and beside it the test for upstream if the bug has one.

    Where GitHub has no room for all of it, the whole goes to ``<name>.full.md``. Nothing is run.
    """
    bug = bugs.load(slug)
    found = store.query(bug=slug) if evidence is None else evidence
    suffix = f".{project}" if project else ""
    path = output or store.root / "issues" / f"{slug}{suffix}.md"
    full = path.with_suffix(".full.md")
    fitted = issue_text(bug, found, project=project, where=full.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(visible(store.redactor.text(fitted.text)), encoding="utf-8")
    full.unlink(missing_ok=True)
    if fitted.left_out:
        whole = issue_text(bug, found, project=project, limit=None).text
        full.write_text(visible(store.redactor.text(whole)), encoding="utf-8")
    source = exported_source(bug)
    if source is not None:
        path.with_name(exported_name(bug)).write_bytes(source.read_bytes())
    return path


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
    ``quick`` leaves the patches out, and the test of a race, which waits for hangs: ``repro issue BUG --run`` has both.
    """
    bug = bugs.load(slug)
    found = store.query(bug=slug)
    package = facts.package_of(bug)
    bad = facts.shown_failure(bug, found)
    if bad is None:
        raise UserError(f"no evidence shows {slug} yet: run 'repro run {slug}' first")
    spec = str(bad.target["spec"])
    for script in dict.fromkeys(script_for(bug, name) for name in ([project] if project else PROJECTS)):
        recorded = facts.minimal_of(found, script, package)
        if recorded is None or "cause" not in recorded.target:
            # what showed the bug in pyarrow alone names no release of datasets
            where = "latest" if script != "minimal.py" and "datasets" not in bad.target else spec
            for _ in range(MOST_TRIES if bug.race else 1):
                echo(f"running {script} in {where}")
                if run_minimal(runner, bug, where, script).verdict.is_bug:
                    break
    if exported_source(bug) is None or (quick and bug.race):
        return
    healthy = [r for r in facts.releases(bug, found) if r.status is Status.ABSENT]
    good = str(healthy[-1].trials[-1].target["spec"]) if healthy else "latest"
    patches = [fix for fix in bug.fixes if fix.kind is FixKind.PATCH and not quick]
    done = {(str(e.target.get("spec")), e.fix) for e in found if e.scenario == TEST}
    for where, fix in [(spec, NO_FIX), (good, NO_FIX), *((spec, patch) for patch in patches)]:
        if (where, fix.name) not in done:
            echo(f"running {exported_name(bug)} in {where}, fix {fix.name}")
            run_test(runner, bug, where, fix)
