"""Reads the requirements of a script from its PEP 723 header, and writes those of one environment into it. Pure."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

_DEPENDENCIES = re.compile(r"""(?m)^# dependencies = \[(?:"[^"]*"|'[^']*'|[^\]"'])*\]""")


def asked(script: str) -> dict[str, str]:
    """Name -> requirement, as the header of a script asks for it; empty without one that can be read."""
    found = _DEPENDENCIES.search(script)
    try:
        lines = found[0].splitlines() if found else []
        return named(tomllib.loads("\n".join(line.removeprefix("#") for line in lines).strip()).get("dependencies", []))
    except tomllib.TOMLDecodeError:
        return {}


def named(words: Iterable[str]) -> dict[str, str]:
    """Name -> requirement of those ``words`` that are one: a path or a bare word such as ``latest`` is none."""
    found: dict[str, str] = {}
    for word in words:
        try:
            requirement = Requirement(word)
        except InvalidRequirement:
            continue
        found[canonicalize_name(requirement.name)] = word
    return found


def pins(target: Mapping[str, Any]) -> dict[str, str]:
    """What an environment was asked to hold beside a script's own packages: ``numpy<2``, ``pyarrow==24.0.0``.

    No other package brings datasets with it, so what does not ask for datasets is run without.
    """
    words = named(str(target.get("spec", "")).split())
    return {n: w for n, w in words.items() if n not in ("python", "datasets") and Requirement(w).specifier}


def wanted(script: str, target: Mapping[str, Any]) -> list[str]:
    """What a script needs to fail as it was seen to fail in ``target``: its packages in those versions, and the pins.

    A package that the environment did not hold stays as the header asks for it; a checkout has no release to name.
    """
    own, held = asked(script), held_in(target)
    exact = [f"{name}=={held[name]}" if _released(held.get(name, "")) else word for name, word in own.items()]
    return exact + [word for name, word in pins(target).items() if name not in own]


def own_target(script: str, target: Mapping[str, Any]) -> str:
    """The target that holds what a script needs and nothing else; where it was a checkout, ``target`` as it was."""
    words = str(target.get("spec", "")).split()
    if any("/" in word or word.endswith(".whl") for word in words) or not asked(script):
        return " ".join(words)
    return " ".join([*wanted(script, target), *(word for name, word in named(words).items() if name == "python")])


def held_in(target: Mapping[str, Any]) -> dict[str, str]:
    """Name -> version of all that an environment held."""
    main = {name: str(target[name]) for name in ("datasets", "pyarrow") if target.get(name)}
    return {**(target.get("packages") or {}), **main}


def with_header(script: str, requirements: Iterable[str]) -> str:
    """The script with these ``requirements`` in its header; unchanged where it has none."""
    listed = ", ".join(map(json.dumps, requirements))
    return _DEPENDENCIES.sub(lambda _: f"# dependencies = [{listed}]", script, count=1)


def _released(version: str) -> bool:
    try:
        return not (Version(version).is_devrelease or Version(version).local)
    except InvalidVersion:
        return False
