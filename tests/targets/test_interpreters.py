"""Which python a spec means."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from repro.targets import interpreters, uv
from repro.targets.interpreters import Interpreter
from repro.targets.spec import parse


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """A machine with five pythons; returns the folders that were searched."""
    searched: list[Path] = []

    def listed(search: list[Path]) -> list[dict[str, Any]]:
        searched.extend(search)
        versions = ["3.8.18", "3.90.2", "3.90.10", "3.91.0", "3.9.18"]
        again = {"path": str(tmp_path / "alias"), "version": "3.91.0"}
        return [*({"path": str(tmp_path / version), "version": version} for version in versions), again]

    (tmp_path / "3.91.0").touch()
    (tmp_path / "alias").symlink_to(tmp_path / "3.91.0")
    monkeypatch.setattr(uv, "installed_pythons", listed)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    return searched


def test_each_interpreter_is_listed_once_newest_first_and_none_too_old(machine: list[Path]) -> None:
    assert [one.version for one in interpreters.installed()] == ["3.91.0", "3.90.10", "3.90.2", "3.9.18"]


def test_without_a_wish_it_is_the_python_that_runs_the_kit_not_its_virtual_environment(machine: list[Path]) -> None:
    found = interpreters.find(parse("datasets"))
    assert found == Interpreter(sys.version.split()[0], Path(sys.executable).resolve())


@pytest.mark.parametrize(
    ("text", "version"),
    [("python==3.90", "3.90.10"), ("python==3.90.2", "3.90.2"), ("python==3.9", "3.9.18"), ("python==3.92", None)],
)
def test_a_version_means_its_newest_patch_release(machine: list[Path], text: str, version: str | None) -> None:
    found = interpreters.find(parse(text))
    assert (found and found.version) == version


def test_pyenv_versions_are_searched_themselves_not_the_shims(
    machine: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "pyenv" / "versions" / "3.90.2" / "bin"
    own.mkdir(parents=True)
    monkeypatch.setenv("PATH", f"{tmp_path / 'pyenv' / 'shims'}:/usr/bin")
    interpreters.installed()
    assert machine[:2] == [Path("/usr/bin"), own]


def test_an_interpreter_path_is_asked_for_its_version() -> None:
    base = Path(sys.executable).resolve()
    assert interpreters.find(parse(f"python:{sys.executable}")) == Interpreter(sys.version.split()[0], base)


@pytest.mark.parametrize("path", ["/nowhere/python", "/dev/null"])
def test_a_path_that_is_no_interpreter_is_not_found(path: str) -> None:
    assert interpreters.find(parse(f"python:{path}")) is None
