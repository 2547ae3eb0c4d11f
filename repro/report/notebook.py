"""Runs one notebook with parameters, through papermill, and turns what came out into one HTML file and PNG files."""

from __future__ import annotations

import ast
import base64
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repro.errors import UserError, unknown

QUICK, FULL = "quick", "full"
"""How much the notebooks try: enough to see each thing once, or all that is published."""
NOTEBOOKS = "[0-9]*.ipynb"
DEPTH = "depth"
"""The parameter that says so, and the name under which an executed notebook keeps it."""
_ENGINE = "repro"


@dataclass(frozen=True, slots=True)
class Executed:
    """A notebook that was run. ``error`` is one line if a cell failed; the notebook then holds the traceback."""

    path: Path
    error: str = ""


def parameters_of(notebook: Path) -> dict[str, str]:
    """Names of the notebook's parameters and their defaults, as written in its parameters cell."""
    import nbformat

    # papermill.inspect_notebook cannot read a default that holds "==", as every target spec does
    cells = nbformat.read(notebook, as_version=4).cells
    source = "\n".join(c.source for c in cells if "parameters" in c.metadata.get("tags", ()))
    statements = [node for node in ast.parse(source).body if isinstance(node, ast.Assign)]
    return {t.id: ast.unparse(node.value) for node in statements for t in node.targets if isinstance(t, ast.Name)}


def sections_of(cells: Sequence[Any]) -> dict[int, str]:
    """Of each code cell the section it belongs to: the last heading above it. Pure."""
    found, section = {}, "start"
    for place, cell in enumerate(cells):
        if cell["cell_type"] == "code":
            found[place] = section
        elif cell["cell_type"] == "markdown":
            headings = [line.lstrip("#").strip() for line in cell["source"].splitlines() if line.startswith("#")]
            section = headings[-1] if headings else section
    return found


def sections(notebook: Path) -> list[str]:
    """The sections of a notebook that run something, in order."""
    import nbformat

    return list(dict.fromkeys(sections_of(nbformat.read(notebook, as_version=4).cells).values()))


def depth_of(notebook: Path) -> str:
    """How deep an executed notebook went; empty if it does not say."""
    import nbformat

    return str(nbformat.read(notebook, as_version=4).metadata.get("repro", {}).get(DEPTH, ""))


def new_notebook(path: Path, title: str, cells: Sequence[str]) -> Path:
    """Writes a notebook: a Markdown cell and code cells."""
    import nbformat
    from nbformat.v4 import new_code_cell, new_markdown_cell

    made = nbformat.v4.new_notebook(cells=[new_markdown_cell(title), *map(new_code_cell, cells)])
    nbformat.write(made, path)
    return path


def execute(
    notebook: Path,
    output: Path,
    parameters: Mapping[str, Any],
    *,
    on_section: Callable[[str], object] = str,
    cell_timeout_s: int = 7200,
) -> Executed:
    """Run ``notebook`` into ``output``. A failing cell or a dead kernel is a result; the executed part is kept.

    The kernel's connection file lies beside ``output`` meanwhile. ``on_section`` gets the heading of each section as
    it begins.

    Raises:
        UserError: a parameter the notebook does not have (papermill would only log it), or no such notebook.
    """
    if not notebook.is_file():
        raise UserError(f"no such notebook: {notebook.name}")
    known = parameters_of(notebook)
    for name in parameters:
        if name not in known:
            raise unknown(f"parameter of {notebook.name}", name, known)
    import nbclient.exceptions
    import papermill
    from papermill.engines import NBClientEngine, papermill_engines
    from papermill.exceptions import PapermillExecutionError
    from traitlets.config import Config

    class Watched(NBClientEngine):  # type: ignore[misc]  # papermill has no other place to look on from
        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> Any:
            of_cell, begun, start = sections_of(nb_man.nb.cells), set(), nb_man.cell_start

            def cell_start(cell: Any, cell_index: int, **more: Any) -> None:
                section = of_cell.get(cell_index, "")
                if section and section not in begun:
                    begun.add(section)
                    on_section(section)
                start(cell, cell_index, **more)

            nb_man.cell_start = cell_start
            return super().execute_managed_notebook(nb_man, kernel_name, **options)

    papermill_engines.register(_ENGINE, Watched)
    output.parent.mkdir(parents=True, exist_ok=True)
    failures = (PapermillExecutionError, nbclient.exceptions.CellControlSignal, RuntimeError)
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    # It cannot read defaults that hold "==", as every target does, and says so for each; they are checked above.
    logging.getLogger("papermill").setLevel(logging.ERROR)
    with chdir(notebook.parent):  # relative paths: absolute ones would land in the notebook's metadata
        try:
            papermill.execute_notebook(
                notebook.name,
                os.path.relpath(output, notebook.parent),
                parameters=dict(parameters),
                engine_name=_ENGINE,
                kernel_name="python3",
                language="python",  # a stripped notebook does not say
                progress_bar=False,
                log_output=False,
                coalesce_streams=True,
                store_widget_state=False,
                execution_timeout=cell_timeout_s,
                config=Config(KernelManager={"connection_file": str(output.absolute().with_suffix(".json"))}),
                extra_arguments=["--IPKernelApp.log_level=40"],
            )
        except failures as error:
            lines = [line for line in str(error).splitlines() if line.strip()]
            return Executed(output, lines[-1][:300] if lines else type(error).__name__)
    return Executed(output)


def notebook_html(path: Path) -> str:
    """The notebook as a page that asks no other host for anything: no MathJax, no RequireJS, images embedded."""
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(embed_images=True, mathjax_url="", require_js_url="", jquery_url="")
    exporter.exclude_input_prompt = exporter.exclude_output_prompt = True
    body, _ = exporter.from_filename(str(path))
    return str(body)


def notebook_images(notebook: Any) -> list[bytes]:
    """The PNG outputs of an executed notebook, in order."""
    images = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {}).get("image/png")
            if data:
                images.append(base64.b64decode(data))
    return images
