"""Every recipe is printed as one whole file, which needs nothing of the kit."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from repro import recipes
from repro.cli.recipe import command
from repro.errors import UserError

HERE = Path(recipes.__file__).parent


def printed(*words: str) -> Result:
    return CliRunner().invoke(command, words, catch_exceptions=False, standalone_mode=False)


def test_every_file_of_the_room_is_a_recipe_and_nothing_else_is():
    files = {path.stem for path in HERE.glob("*.py")} - {"__init__"}
    packages = {path.parent.name for path in HERE.glob("*/__init__.py")}
    assert {name.replace("-", "_") for name in recipes.names()} == files | packages
    assert {"write-shards", "arrow-cache"} <= set(recipes.names())


@pytest.mark.parametrize("name", recipes.names())
def test_a_recipe_is_printed_byte_by_byte_and_imports_nothing_of_the_kit(name):
    path = HERE / f"{name.replace('-', '_')}.py"
    assert printed(name).output.encode() == (path.read_bytes() if path.exists() else recipes.source(name).encode())
    tree = ast.parse(recipes.source(name))
    imported = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    imported += [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert {one.partition(".")[0] for one in imported}.isdisjoint({"repro", "tests"})


def test_a_recipe_of_several_modules_is_printed_as_one_file_that_works_alone(tmp_path):
    package = importlib.import_module("repro.recipes.arrow_cache")
    (tmp_path / "mine.py").write_text(printed("arrow-cache").output)
    use = "from mine import *; write_cache([{'a': 1}], {'a': 'int64'}, 'cache'); print(list(open_cache('cache')))"
    run = subprocess.run([sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, '.'); {use}"], **told(tmp_path))
    assert run.stdout == "[{'a': 1}]\n", run.stderr
    defined = [getattr(node, "name", None) for node in ast.parse((tmp_path / "mine.py").read_text()).body]
    assert {*package.__all__} <= {*defined}
    assert len({*defined} - {None}) == len([name for name in defined if name]), "two modules define one name"


def told(folder: Path) -> dict[str, Any]:
    return {"cwd": folder, "capture_output": True, "text": True}


def test_without_a_name_all_are_listed_with_what_they_are_for():
    said = printed().output.splitlines()
    assert [line.partition(":")[0] for line in said] == recipes.names()
    assert all(len(line.partition(": ")[2]) > 20 for line in said)


@pytest.mark.parametrize("name", ["write-shard", "write_shards", "../errors", "__init__", ""])
def test_an_unknown_name_is_refused_with_all_there_are(name):
    with pytest.raises(UserError, match=r"unknown recipe .* Choose from: .*write-shards"):
        printed(name)
