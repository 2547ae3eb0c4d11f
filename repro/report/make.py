"""What ``make repro`` does: run the notebooks, write the reports, print a small table and the paths to open."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from repro import bugs, places, targets
from repro.bugs.declaration import NO_FIX, FixKind
from repro.decide import facts
from repro.errors import UserError
from repro.evidence.redact import Redactor
from repro.evidence.store import Evidence, Store
from repro.model import Status
from repro.render.html import notebook_html, notebook_images
from repro.render.issue import PROJECTS, issue_text, script_for, visible
from repro.render.summary import summary_table
from repro.report.notebook import Executed, execute, parameters_of
from repro.report.pages import write_claims, write_page
from repro.run.question import usable_paths
from repro.run.runner import Runner
from repro.run.scripts import TEST, exported_name, exported_source, run_test
from repro.units import parse_size

MOST_TRIES = 10
"""How often the script of a race is run to see it fail once."""


def make_report(
    *,
    echo: Callable[[str], object],
    bids_root: str | None = None,
    trials: int | None = None,
    memory: str | None = None,
    target: str | None = None,
    only: str | None = None,
    fresh: bool = False,
) -> int:
    """Run every notebook (or those whose name holds ``only``) and render what it found below the reports folder.

    Options go to each notebook that has a parameter of that name. Trials of an earlier run are used again where
    neither probe, inputs, limits nor environment changed, unless ``fresh``. Returns 0 if all notebooks ran through.
    """
    os.environ["REPRO_REUSE"] = "0" if fresh else "1"  # for the kernels that run the notebooks
    given = {"bids_root": bids_root, "trials": trials, "memory": memory, "affected": target}
    if memory is not None and memory.lower() != "none":
        parse_size(memory)
    if target is not None:
        targets.parse(target)
    if bids_root is not None:
        bids_folder(bids_root)
        given["bids_root"] = str(Path(bids_root).expanduser().absolute())
    chosen = [path for path in sorted(places.notebooks().glob("[0-9]*.ipynb")) if (only or "") in path.name]
    if not chosen:
        names = ", ".join(sorted(path.stem for path in places.notebooks().glob("[0-9]*.ipynb"))) or "(none)"
        raise UserError(f"no notebook has {only!r} in its name: choose from {names}")
    store = Store(places.reports())
    before = {e.id for e in store.query()}
    started, failed, made = time.monotonic(), [], []
    for notebook in chosen:
        parameters = {k: v for k, v in given.items() if v is not None and k in parameters_of(notebook)}
        done = _one_notebook(notebook, parameters, store.redactor)
        made += [done.path.with_suffix(".html")]
        if done.error:
            failed.append(f"{notebook.name}: {done.error}")
    new = [e for e in store.query() if e.id not in before]
    runner = Runner(places.cache(), store)
    touched = sorted({e.bug for e in store.query()} & set(bugs.slugs()))
    for slug in touched:
        try:
            run_scripts(store, runner, slug, echo=echo, quick=True)
        except UserError as error:  # nothing shows the bug, or a script cannot be run: the text says what is missing
            echo(f"{slug}: {error}")
        made.append(write_issue(store, slug))
    made += [write_claims(store), write_page(store)]
    echo("")
    echo(summary_table([(bugs.load(slug), store.query(bug=slug)) for slug in touched]).to_text())
    echo(f"{len(new)} trials in {time.monotonic() - started:.0f} s. Open:")
    for path in made:
        echo(f"  {_shown(path)}")
    for line in failed:
        echo(f"FAILED {line}")
    return 1 if failed else 0


def bids_folder(given: str) -> None:
    """Refuse a folder without NIfTI files before anything is started."""
    from repro.inputs import bids as bids_inputs

    with usable_paths():
        bids_inputs.scan(Path(given))


def _one_notebook(notebook: Path, parameters: Mapping[str, Any], redactor: Redactor) -> Executed:
    """Run one notebook; redact, convert and take out its plots. Never leaves a half-written one."""
    import nbformat

    reports = places.reports()
    target = reports / "notebooks" / notebook.name
    scratch = reports / "notebooks" / f".{notebook.name}"
    done = execute(notebook, scratch, parameters)
    content = nbformat.read(scratch, as_version=4)
    content.metadata.pop("papermill", None) if not done.error else None
    clean = nbformat.from_dict(redactor.data(content))
    nbformat.write(clean, scratch)
    scratch.replace(target)
    target.with_suffix(".html").write_text(notebook_html(target), encoding="utf-8")
    plots = reports / "plots" / notebook.stem
    shutil.rmtree(plots, ignore_errors=True)
    plots.mkdir(parents=True)
    for number, png in enumerate(notebook_images(clean), 1):
        (plots / f"{number:02d}.png").write_bytes(png)
    return Executed(target, done.error)


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
                if runner.minimal(bug, where, script).verdict.is_bug:
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
            run_test(bug, where, cache=runner.cache, store=store, fix=fix, stop=runner.stop)


def _shown(path: Path) -> str:
    root = places.checkout()
    return str(path.relative_to(root)) if root and path.is_relative_to(root) else str(path)
