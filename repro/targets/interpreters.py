"""The Python interpreters of this machine, and the one that a spec means."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from repro.targets import uv
from repro.targets.spec import Spec

OLDEST = Version("3.9")
_HOMES = ("miniforge3", "mambaforge", "miniconda3", "anaconda3", ".conda")


@dataclass(frozen=True, slots=True)
class Interpreter:
    """One CPython, by its full version (``3.12.1``) and its real path (not that of a virtual environment)."""

    version: str
    path: Path


def running() -> Interpreter:
    """The interpreter that runs the kit."""
    return Interpreter(platform.python_version(), Path(sys.executable).resolve())


def installed() -> tuple[Interpreter, ...]:
    """Every CPython from 3.9 on that is on PATH, in pyenv, conda or uv, each once, newest first."""
    found = {Path(one["path"]).resolve(): one["version"] for one in uv.installed_pythons(list(_search()))}
    ordered = sorted(found.items(), key=lambda one: (Version(one[1]), str(one[0])), reverse=True)
    return tuple(Interpreter(version, path) for path, version in ordered if Version(version) >= OLDEST)


def find(spec: Spec) -> Interpreter | None:
    """The interpreter that ``spec`` asks for; ``None`` if this machine has no such one."""
    if spec.python is None:
        return running()
    if not spec.python_is_version:
        path = Path(spec.python).expanduser().absolute()
        described = uv.describe_python(path)
        return None if described is None else Interpreter(described["version"], path.resolve())
    if _is(spec.python, running().version):
        return running()
    return next((one for one in installed() if _is(spec.python, one.version)), None)


def _is(wanted: str, version: str) -> bool:
    return f"{version}.".startswith(f"{wanted}.")


def _search() -> Iterator[Path]:
    # pyenv puts shims on PATH, which refuse to run any version but the selected one: go to the versions themselves.
    for entry in os.environ.get("PATH", os.defpath).split(os.pathsep):
        if entry and Path(entry).name != "shims":
            yield Path(entry)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted(pyenv.glob("versions/*/bin"))
    for home in _HOMES:
        yield Path.home() / home / "bin"
        yield from sorted((Path.home() / home).glob("envs/*/bin"))
