"""The report of a failing script: a notebook of the cells that anybody could have typed, run and rendered."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path

from repro import bugs, places
from repro.bugs.script import source_text
from repro.evidence.store import Store
from repro.report.make import one_notebook, shown_path
from repro.report.notebook import new_notebook
from repro.trial.scratch import scratch_folder

AXIS = "datasets"


def report_script(
    typed: str,
    *,
    echo: Callable[[str], object],
    target: str | None = None,
    memory: str | None = None,
    timeout: str | None = None,
    axis: str | None = None,
) -> int:
    """Runs a script, bisects it along ``axis`` and writes its issue, in a notebook; 0 if all of it ran through."""
    bug = bugs.load(typed)
    text = source_text(Path(typed).expanduser())
    along = axis or (AXIS if AXIS in bug.needs else bug.needs[0] if bug.needs else None)
    limits = {"--memory": memory, "--timeout": timeout}
    cells = [
        "%load_ext repro",
        f"%%repro {_words({'--target': target, **limits, '--save': Path(typed).name})}\n{text}",
        *([f"%repro bisect --axis {shlex.quote(along)} --all {_words(limits)}"] if along else []),
        "%repro issue --run --show",
    ]
    title = f"# {Path(typed).name}\n\nWhat happens, since when, and the text for an issue."
    store = Store(places.reports())
    with scratch_folder() as folder:
        source = new_notebook(folder / f"{bug.slug}.ipynb", title, cells)
        done = one_notebook(source, {}, store.redactor)
    echo(f"Open:\n  {shown_path(done.path.with_suffix('.html'))}")
    if done.error:
        echo(f"FAILED {done.error}")
    return 1 if done.error else 0


def _words(given: Mapping[str, str | None]) -> str:
    return shlex.join(word for name, value in given.items() if value for word in (name, value))
