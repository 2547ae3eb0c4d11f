"""What ``make repro`` does: run the notebooks, write the reports, print a small table and the paths to open."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from repro import bugs, places, targets
from repro.errors import UserError
from repro.evidence.redact import Redactor
from repro.evidence.store import Store
from repro.files import write_atomic
from repro.render.summary import summary
from repro.report.issues import has_issue, run_scripts, write_issue
from repro.report.kept import known
from repro.report.notebook import (
    DEPTH,
    NOTEBOOKS,
    QUICK,
    Executed,
    execute,
    notebook_html,
    notebook_images,
    parameters_of,
    sections,
)
from repro.report.pages import write_claims, write_page
from repro.report.progress import WIDTH, Progress
from repro.run.pool import Budget, Job, in_order
from repro.run.runner import Runner
from repro.trial import at_work
from repro.trial.scratch import children_end_with_us, scratch_folder
from repro.units import parse_size

LAST = ("all bugs", "scripts and texts of the issues, claims, page")
"""What comes after the notebooks."""


def make_report(
    *,
    echo: Callable[[str], object],
    own_data: str | None = None,
    trials: int | None = None,
    memory: str | None = None,
    target: str | None = None,
    only: str | None = None,
    fresh: bool = False,
    depth: str = QUICK,
    say: Callable[[str], object] = len,
) -> int:
    """Runs every notebook (or those whose name holds ``only``) and renders what it found below the reports folder.

    Options go to each notebook that has a parameter of that name. Stored trials whose content hash is unchanged are
    reused, unless ``fresh``. ``say`` gets a line as each section begins. Returns 0 if all notebooks ran through.
    """
    if memory is not None and memory.lower() != "none":
        parse_size(memory)
    if target is not None:
        targets.parse(target)
    given = {"trials": trials, "memory": memory, "affected": target, "fresh": fresh or None, DEPTH: depth}
    given |= _own_data(own_data) if own_data is not None else {}
    chosen = [path for path in sorted(places.notebooks().glob(NOTEBOOKS)) if (only or "") in path.name]
    if not chosen:
        names = ", ".join(sorted(path.stem for path in places.notebooks().glob(NOTEBOOKS))) or "(none)"
        raise UserError(f"no notebook has {only!r} in its name: choose from {names}")
    at_work.hold(places.reports())  # also between two trials: what a notebook has just kept must not be cleaned away
    store = Store(places.reports())
    before = {e.id for e in store.query()}
    plan = [(notebook.stem, section) for notebook in chosen for section in sections(notebook)]
    times = places.reports() / "notebooks" / "times.json"
    progress, failed, made = Progress(times, depth, [*plan, LAST], say), [], []
    for notebook in chosen:
        parameters = {k: v for k, v in given.items() if v is not None and k in parameters_of(notebook)}
        done = one_notebook(notebook, parameters, store.redactor, partial(progress.begin, notebook.stem))
        made += [done.path.with_suffix(".html")]
        if done.error:
            failed.append(f"{notebook.name}: {done.error}")
    progress.begin(*LAST)
    runner = Runner(places.cache(), store)

    def scripts(slug: str) -> None:
        try:
            run_scripts(store, runner, slug, echo=say, quick=depth == QUICK)
        except UserError as error:  # a script cannot be run: the text says what is missing
            echo(f"{slug}: {error}")

    work = [Job(partial(scripts, slug)) for slug, facts in known(store).items() if has_issue(facts)]
    in_order(work, Budget.of_machine(), runner.stop)
    found = known(store)
    touched = [facts for facts in found.values() if facts.evidence]
    made += [write_issue(store, facts.bug.slug, facts=facts) for facts in touched if has_issue(facts)]
    made += [write_claims(store, found), write_page(store, found)]
    new = [one for facts in found.values() for one in facts.evidence if one.id not in before]
    took = f"{len(new)} trials in {progress.end():.0f} s, depth {depth}"
    echo("\n".join(["", f"{took}. Open:", *(f"  {shown_path(path)}" for path in made), "", *summary(touched, WIDTH)]))
    for line in failed:
        echo(f"FAILED {line}")
    return 1 if failed else 0


def _own_data(folder: str) -> dict[str, Any]:
    """The user's own folder for each bug that takes one, by the name of its parameter; checked before anything runs."""
    path = str(Path(folder).expanduser().absolute())
    found: dict[str, Any] = {}
    for bug in map(bugs.load, bugs.slugs()):
        if bug.own_data is not None:
            bug.own_data.check(Path(folder))
            found[bug.own_data.parameter] = path
    return found


def one_notebook(
    notebook: Path, parameters: Mapping[str, Any], redactor: Redactor, on_section: Callable[[str], object] = str
) -> Executed:
    """Run one notebook; redact, convert and take out its plots. Never leaves a half-written one."""
    import nbformat

    reports = places.reports()
    target = reports / "notebooks" / notebook.name
    with scratch_folder() as scratch, children_end_with_us():  # the kernel too, which would write in the folder again
        done = execute(notebook, scratch / notebook.name, parameters, on_section=on_section)
        content = nbformat.read(done.path, as_version=4)
    content.metadata.pop("papermill", None)
    if DEPTH in parameters:
        content.metadata["repro"] = {DEPTH: parameters[DEPTH]}
    clean = nbformat.from_dict(redactor.data(content))
    write_atomic(target, f"{nbformat.writes(clean)}\n".encode())
    target.with_suffix(".html").write_text(notebook_html(target), encoding="utf-8")
    plots = reports / "plots" / notebook.stem
    shutil.rmtree(plots, ignore_errors=True)
    plots.mkdir(parents=True)
    for number, png in enumerate(notebook_images(clean), 1):
        (plots / f"{number:02d}.png").write_bytes(png)
    return Executed(target, done.error)


def shown_path(path: Path) -> str:
    """A path as it is printed: from the checkout on, if it lies there."""
    root = places.checkout()
    return str(path.relative_to(root)) if root and path.is_relative_to(root) else str(path)
