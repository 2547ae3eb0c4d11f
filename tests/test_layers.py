"""Who may import whom, where an import may be late, and whose words stay at home."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from repro import bugs

ROOT = Path(__file__).resolve().parent.parent
KIT = ROOT / "repro"
MODULES = sorted(KIT.rglob("*.py"))

# What runs in the environment under test, or is pasted, or outlives the kit: without the kit at hand.
ALONE = sorted(
    {file for file in (KIT / "recipes").rglob("*.py") if file.name != "__init__.py"}
    | {file for name in ("probe", "minimal*", "upstream_test") for file in (KIT / "bugs").rglob(f"{name}.py")}
    | {file for folder in (KIT / "bugs").rglob("workarounds") for file in folder.glob("*.py")}
    | {KIT / "hunt" / "worker.py"}
    | {KIT / "studies" / "shrink" / name for name in ("driver.py", "fork.py", "passes.py")}
    | {KIT / "trial" / name for name in ("probe_tools.py", "reaper.py", "run_pytest.py", "run_script.py")}
)
LATE = {
    "IPython": "there in a notebook only",
    "dask": "an extra, for clusters only",
    "dask_jobqueue": "an extra, for clusters only",
    "distributed": "an extra, for clusters only",
    "PIL": "charts only",
    "jinja2": "the page only",
    "markupsafe": "the page only",
    "matplotlib": "charts only",
    "mistune": "the page only",
    "nbclient": "notebooks only",
    "nbconvert": "notebooks only",
    "nbformat": "notebooks only",
    "nibabel": "scans only",
    "papermill": "notebooks only",
    "platformdirs": "not needed where the folders are given",
    "psutil": "the guardian waits beside each kit, and needs it only if the kit is killed",
    "pypi_simple": "lists of releases only",
    "tabulate": "tables as text only",
    "traitlets": "notebooks only",
    "tqdm": "there where progress is shown",
}
HEAVY = set(LATE) - {"platformdirs"} | {"attrs", "cattrs", "datasets", "numpy", "pandas", "pyarrow", "pydantic"}
ARROWS_OWN = "ThreadPool::"


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(tree: ast.AST) -> Iterator[str]:
    """The modules that are imported anywhere in ``tree``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def late(tree: ast.AST) -> set[str]:
    """The modules that are imported inside a function."""
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return {name for function in functions for name in imports(function)}


def measures(tree: ast.AST) -> Iterator[str]:
    """The measures a source reports (``measure(files=…)``, ``measures={"files": …}``) or reads by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".measure"):
            yield from (word.arg for word in node.keywords if word.arg)
        if isinstance(node, ast.keyword) and node.arg == "measures" and isinstance(node.value, ast.Dict):
            yield from (str(key.value) for key in node.value.keys if isinstance(key, ast.Constant))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("measures.get") and node.args:
            yield from (str(word.value) for word in node.args[:1] if isinstance(word, ast.Constant))


def words_of_bugs() -> set[str]:
    """Names of parameters and measures that only one bug has; a plain word such as ``rows`` is everybody's."""
    sources = [file for file in MODULES if file.parent != KIT / "bugs" and KIT / "bugs" in file.parents]
    found = {name for file in sources for name in measures(ast.parse(file.read_bytes()))}
    found |= {parameter.name for slug in bugs.slugs() for parameter in bugs.load(slug).parameters}
    return {name for name in found if "_" in name}


# Layers: the contracts stand in pyproject.toml


def test_no_arrow_points_upwards_there_is_no_circle_and_no_bug_knows_another() -> None:
    # in a process of its own: import-linter configures logging, and so disables every logger that is there already
    code = "from importlinter.cli import lint_imports_command as lint; lint()"
    done = subprocess.run([sys.executable, "-c", code, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Contracts: 4 kept, 0 broken" in done.stdout


@pytest.mark.parametrize("path", ALONE, ids=named)
def test_what_runs_without_the_kit_imports_nothing_of_it(path: Path) -> None:
    found = list(imports(ast.parse(path.read_bytes())))
    package = (path.parent / "__init__.py").is_file() and path.parent.parent == KIT / "recipes"  # it travels whole
    beside = {f".{file.stem}" for file in path.parent.glob("*.py")} if package else set()
    assert [name for name in found if name.split(".")[0] in {"", "repro"} and name not in beside] == []


def test_imports_are_found_wherever_they_stand() -> None:
    tree = ast.parse("import a\ndef f():\n    if 1:\n        from b.c import d\n        from . import e")
    assert list(imports(tree)) == ["a", "b.c", "."]
    assert late(tree) == {"b.c", "."}


# Late imports


@pytest.mark.parametrize("path", [file for file in MODULES if file not in ALONE], ids=named)
def test_an_import_inside_a_function_has_a_reason(path: Path) -> None:
    # the facade is loaded when it is used; a guardian that only waits needs no psutil
    known = {
        KIT / "__init__.py": {"repro.lab", "repro.cell"},
        KIT / "trial" / "guardian.py": {"repro.trial"},
        KIT / "run" / "executors.py": {"repro.run.cluster"},  # which needs the extra
        KIT / "lab_releases.py": {"repro.hunt.campaign", "repro.render.hunt"},  # Hypothesis comes with them
    }
    allowed = known.get(path, set())
    command = path.parent == KIT / "cli"  # imports what it does when it is called, for the sake of all the others
    found = {name for name in late(ast.parse(path.read_bytes())) if name.split(".")[0] not in LATE}
    assert {name for name in found - allowed if not (command and name.split(".")[0] == "repro")} == set()


def test_the_help_is_shown_without_importing_anything_heavy() -> None:
    code = "import sys\nfrom repro import cli\ntry: cli.main(['--help'])\nexcept SystemExit: print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "bisect" in done.stdout
    assert HEAVY & set(done.stdout.splitlines()[-1].split()) == set()


# The words of a bug live in its folder


def test_the_words_of_bugs_are_found() -> None:
    assert {
        "files_opened",
        "files_needed",
        "bytes_needed",
        "file_size",
        "files_per_row",
        "bids_root",
    } <= words_of_bugs()


def test_no_generic_module_speaks_the_words_of_one_bug() -> None:
    words = re.compile("|".join([*(rf"\b{word}\b" for word in words_of_bugs()), ARROWS_OWN]))
    home = [folder.parent for folder in (KIT / "bugs").glob("*/bug.py")] + [KIT / "inputs", KIT / "recipes"]
    home += [KIT / "hunt"]  # it writes calls of datasets, whose parameters some bugs measure
    sources = [file for ending in ("*.py", "*.j2") for file in KIT.rglob(ending)]
    found = {
        f"{named(file)}:{number}: {match.group()}"
        for file in sources
        if not any(folder in file.parents for folder in home)
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1)
        if (match := words.search(line))
    }
    assert found == set()
