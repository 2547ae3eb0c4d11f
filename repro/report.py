"""What ``make repro`` does: run the notebooks, write the reports, print a small table and the paths to open."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from packaging.version import Version

from repro import bugs, places
from repro.errors import UserError
from repro.evidence.redact import Redactor
from repro.evidence.store import Evidence, Store
from repro.model import Bug
from repro.papermill import Executed, execute, parameters_of
from repro.render.html import notebook_html, notebook_images
from repro.render.issue import issue_text
from repro.render.tables import Table, outcome_table
from repro.studies.runner import MINIMAL, Runner


def make_report(
    *,
    echo: Callable[[str], object],
    bids_root: str | None = None,
    trials: int | None = None,
    memory: str | None = None,
    target: str | None = None,
    only: str | None = None,
) -> int:
    """Run every notebook (or those whose name holds ``only``) and render what it found below the reports folder.

    Options go to each notebook that has a parameter of that name. Returns 0 if all notebooks ran to their end.
    """
    given = {"bids_root": bids_root, "trials": trials, "memory": memory, "affected": target}
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
    for slug in sorted({e.bug for e in new}):
        made.append(write_issue(store, slug, None, evidence=[e for e in new if e.bug == slug]))
    echo("")
    echo(summary(new).to_text())
    echo(f"{len(new)} trials in {time.monotonic() - started:.0f} s. Open:")
    for path in made:
        echo(f"  {_shown(path)}")
    for line in failed:
        echo(f"FAILED {line}")
    return 1 if failed else 0


def bids_folder(given: str) -> None:
    """Refuse a folder without NIfTI files before anything is started."""
    from repro.inputs import bids as bids_inputs

    bids_inputs.scan(Path(given).expanduser())


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


def write_issue(store: Store, slug: str, output: Path | None, *, evidence: list[Evidence] | None = None) -> Path:
    """Write the issue text of a bug from its evidence; runs ``minimal.py`` once if that was never recorded."""
    bug = bugs.load(slug)
    found = evidence or store.query(bug=slug)
    path = output or store.root / "issues" / f"{slug}.md"
    minimal = _minimal(store, bug, found)
    text = issue_text(bug, found, (bug.folder / "minimal.py").read_text("utf-8"), minimal)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(store.redactor.text(text), encoding="utf-8")
    return path


def _minimal(store: Store, bug: Bug, found: list[Evidence]) -> Evidence | None:
    affected = [e for e in found if e.verdict.is_bug and e.scenario != MINIMAL]
    if not affected:
        return None
    newest = max(affected, key=lambda e: Version(str(e.target.get("datasets") or e.target.get("pyarrow"))))
    spec = str(newest.target["spec"])
    kept = store.query(bug=bug.slug, scenario=MINIMAL, target=spec)
    return kept[-1] if kept else Runner(places.cache(), store).minimal(bug, spec)


def summary(evidence: list[Evidence]) -> Table:
    """The last table of ``make repro``: a row per question, newest answer."""
    latest = {(e.bug, e.scenario, e.fix, str(e.target.get("spec")), str(e.parameters)): e for e in evidence}
    return outcome_table(list(latest.values()), title="Results")


def _shown(path: Path) -> str:
    root = places.checkout()
    return str(path.relative_to(root)) if root and path.is_relative_to(root) else str(path)
