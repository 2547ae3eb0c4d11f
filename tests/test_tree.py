"""What the tree promises: one set of dependencies in three files, and nothing committed that does not belong."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
DASK_LOCK = (ROOT / "requirements-dask.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
LOCK_ENTRY = re.compile(
    r"^(?P<name>[\w.-]+)==(?P<version>[^\s;]+).*\\\n(?P<hashes>(?:    --hash=\S+(?: \\)?\n)*)", re.M
)


# The lock, pyproject.toml and environment.yml say the same


def declared() -> list[Requirement]:
    return [Requirement(line) for line in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]]


@pytest.mark.parametrize("wanted", declared(), ids=lambda wanted: wanted.name)
def test_every_declared_dependency_is_locked_to_a_version_that_satisfies_it(wanted: Requirement) -> None:
    name = canonicalize_name(wanted.name)
    locked = [found["version"] for found in LOCK_ENTRY.finditer(LOCK) if found["name"] == name]
    assert locked, f"{name} is not in requirements.lock: run make lock"
    assert all(wanted.specifier.contains(version, prereleases=True) for version in locked), "run make lock"


@pytest.mark.parametrize("lock", [LOCK, DASK_LOCK], ids=["requirements.lock", "requirements-dask.lock"])
def test_every_locked_package_has_hashes_and_none_has_an_address(lock: str) -> None:
    entries = list(LOCK_ENTRY.finditer(lock))
    assert len(entries) == len(re.findall(r"^[^\s#]", lock, re.M))
    assert [found["name"] for found in entries if "--hash=sha256:" not in found["hashes"]] == []
    assert "://" not in lock


def test_the_lock_of_the_extra_holds_what_it_declares_and_contradicts_the_other_in_nothing() -> None:
    base, extra = ({(one["name"], one["version"]) for one in LOCK_ENTRY.finditer(lock)} for lock in (LOCK, DASK_LOCK))
    wanted = {Requirement(line).name for line in PROJECT["optional-dependencies"]["dask"]}
    assert wanted <= {name for name, _ in extra}, "run make lock"
    assert {one for one in extra if one[0] in {name for name, _ in base}} <= base, "run make lock"


def test_the_environment_holds_what_the_notebooks_promise() -> None:
    promised = {"jupyterlab", "papermill", "datasets", "pyarrow", "pandas", "nibabel", "memray", "psutil"}
    assert promised <= {requirement.name for requirement in declared()}


def test_conda_supplies_a_supported_python_and_the_lock_supplies_the_rest() -> None:
    *conda, pip = CONDA["dependencies"]
    (python,) = [line for line in conda if line.startswith("python=")]
    assert SpecifierSet(PROJECT["requires-python"]).contains(python.removeprefix("python="))
    assert "pip" in conda
    # pip refuses an editable install in the same call as hashes, so nothing else may stand here.
    assert pip == {"pip": ["-r requirements.lock"]}


# What may be committed


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def committed() -> list[Path]:
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


MAX_LINES = 300


def test_no_module_of_the_kit_is_longer_than_a_reader_can_hold_but_what_users_take_home_whole() -> None:
    modules = [file for file in (ROOT / "repro").rglob("*.py") if (ROOT / "repro" / "recipes") not in file.parents]
    assert len(modules) > 50
    lengths = {str(file.relative_to(ROOT)): len(file.read_text("utf-8").splitlines()) for file in modules}
    assert {name: length for name, length in lengths.items() if length > MAX_LINES} == {}


def test_no_file_names_a_package_registry_or_a_path_of_this_machine() -> None:
    hosts = [".".join(parts) for parts in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"))]
    hosts += [".".join(parts) for parts in (("deb", "debian", "org"), ("conda", "anaconda", "org"))]
    places = [rf"(?<![\w.-]){re.escape(str(place))}/" for place in (ROOT, Path.home()) if place != Path("/")]
    forbidden = re.compile("|".join([*map(re.escape, hosts), *places]))
    files = committed()
    assert ROOT / "Makefile" in files
    found = {
        str(file.relative_to(ROOT)): match.group()
        for file in files
        if (match := forbidden.search(file.read_bytes().decode("utf-8", "replace")))
    }
    assert found == {}


@pytest.mark.parametrize("name", ["README.md", "expected.json", "claims.md", "published/01.html"])
def test_published_reports_are_committed_and_all_others_are_scratch(name: str) -> None:
    committed()
    assert git("check-ignore", "--quiet", f"reports/{name}").returncode == 1
    assert git("check-ignore", "--quiet", f"reports/scratch/{name}").returncode == 0
