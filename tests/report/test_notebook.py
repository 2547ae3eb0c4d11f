"""One notebook, run with parameters: a typo is refused, a failing cell is a result, and what ran is kept."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from repro.errors import UserError
from repro.report.notebook import execute, parameters_of

PARAMETERS = 'count = 3\ntarget = "datasets==5.1.0 pyarrow==24.0.0"\nroot = None\n'


def notebook(folder: Path, *sources: str) -> Path:
    """A notebook whose first cell is tagged ``parameters``."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    cells[0].metadata["tags"] = ["parameters"]
    path = folder / "a notebook.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def printed(path: Path) -> str:
    cells = nbformat.read(path, as_version=4).cells
    return "".join(output.get("text", "") for cell in cells for output in cell.get("outputs", ()))


def test_parameters_are_read_as_they_are_written_also_with_two_equals_signs(tmp_path):
    expected = {"count": "3", "target": "'datasets==5.1.0 pyarrow==24.0.0'", "root": "None"}
    assert parameters_of(notebook(tmp_path, PARAMETERS, "other = 1")) == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"cuont": 3},
            r"unknown parameter of .* 'cuont'\. Did you mean 'count'\? Choose from: count, root",
        ),
        ({"count": 3, "other": 1}, "unknown parameter of a notebook.ipynb 'other'"),
    ],
)
def test_a_typo_in_a_parameter_is_refused_and_nothing_is_run_or_written(tmp_path, given, message):
    source = notebook(tmp_path, PARAMETERS, "open('ran', 'w')")
    with pytest.raises(UserError, match=message):
        execute(source, tmp_path / "out" / "done.ipynb", given)
    assert not (tmp_path / "out").exists() and not (tmp_path / "ran").exists()


def test_a_notebook_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"no such notebook: 99\.ipynb"):
        execute(tmp_path / "99.ipynb", tmp_path / "out.ipynb", {})


def test_parameters_reach_the_cells_and_the_source_stays_as_it_was(tmp_path):
    source = notebook(tmp_path, PARAMETERS, "print(count * 2, target, root)")
    before = source.read_bytes()
    done = execute(source, tmp_path / "out" / "done.ipynb", {"count": 21, "root": "/data"})
    assert done.error == ""
    assert printed(done.path) == "42 datasets==5.1.0 pyarrow==24.0.0 /data\n"
    assert source.read_bytes() == before


@pytest.mark.parametrize(
    ("cell", "error"), [("raise ValueError('a slip')", "ValueError: a slip"), ("import os; os._exit(9)", "")]
)
def test_a_cell_that_fails_or_kills_the_kernel_is_a_result_and_the_part_before_is_kept(tmp_path, cell, error):
    done = execute(notebook(tmp_path, PARAMETERS, "print('before')", cell, "print('after')"), tmp_path / "o.ipynb", {})
    assert error in done.error and done.error and "\n" not in done.error
    assert "before" in printed(done.path) and "after" not in printed(done.path)


def test_a_cell_that_never_ends_is_a_result(tmp_path):
    source = notebook(tmp_path, PARAMETERS, "import time; time.sleep(60)")
    assert execute(source, tmp_path / "o.ipynb", {}, cell_timeout_s=1).error


def test_the_connection_file_lies_beside_the_output_and_goes_with_the_kernel(
    tmp_path,
):
    where = "from ipykernel.connect import get_connection_file\nprint(get_connection_file())"
    done = execute(notebook(tmp_path, PARAMETERS, where), tmp_path / "out" / "done.ipynb", {})
    assert Path(printed(done.path).strip()).parent == tmp_path / "out"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["done.ipynb"]
