"""Recipe: an index once, then the ranges of the case, each of them checked (`repro recipe read-case` prints it)."""

import functools
from typing import Any

import read_case as recipe

index = functools.cache(recipe.case_index)


def read_case(repository: str, columns: list[str], *, id: str, **_: object) -> dict[str, Any]:
    case = recipe.read_case(index(repository), id, columns=columns)
    return {name: case[name] for name in columns}
