"""Every recipe is a whole file: `repro recipe` prints it as it is, and it needs nothing of the kit."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from repro import recipes
from repro.cli.recipe import command
from repro.errors import UserError


def printed(*words: str) -> Result:
    return CliRunner().invoke(command, words, catch_exceptions=False, standalone_mode=False)


def test_every_file_of_the_room_is_a_recipe_and_nothing_else_is():
    files = {path.stem for path in Path(recipes.__file__).parent.glob("*.py")} - {"__init__"}
    assert {name.replace("-", "_") for name in recipes.names()} == files
    assert "write-shards" in recipes.names()


@pytest.mark.parametrize("name", recipes.names())
def test_a_recipe_is_printed_byte_by_byte_and_imports_nothing_of_the_kit(name):
    path = Path(recipes.__file__).with_name(f"{name.replace('-', '_')}.py")
    assert printed(name).output.encode() == path.read_bytes()
    tree = ast.parse(recipes.source(name))
    imported = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    imported += [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert {one.partition(".")[0] for one in imported}.isdisjoint({"repro", "tests"})


def test_without_a_name_all_are_listed_with_what_they_are_for():
    said = printed().output.splitlines()
    assert [line.partition(":")[0] for line in said] == recipes.names()
    assert all(len(line.partition(": ")[2]) > 20 for line in said)


@pytest.mark.parametrize("name", ["write-shard", "write_shards", "../errors", "__init__", ""])
def test_an_unknown_name_is_refused_with_all_there_are(name):
    with pytest.raises(UserError, match=r"unknown recipe .* Choose from: .*write-shards"):
        printed(name)
