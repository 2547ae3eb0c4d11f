"""The door of the kit: what `make` offers, which Python it takes, and how it makes and mends an environment."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
CONDA_NAME = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["name"]
VARIABLES = ("PYTHON", "BIDS_ROOT", "TRIALS", "MEMORY", "TARGET", "DEPTH", "ARGS", "FRESH", "EXTRA")


def run(*command: str, cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
    """Runs a command as from a fresh terminal: nothing of the make or conda around these tests is passed on."""
    outer = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", *VARIABLES)
    clean = {name: value for name, value in os.environ.items() if name not in outer}
    return subprocess.run(command, cwd=cwd, env=clean | env, capture_output=True, text=True, check=False)


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1].strip()


def entry(name: str) -> str:
    """The lines of one package in the lock, hashes included."""
    found = re.search(rf"^{name}==(?:.*\\\n)+.*\n", LOCK, re.M)
    assert found
    return found.group()


# What make offers


def test_make_alone_lists_every_command_and_every_variable() -> None:
    commands = re.findall(r"^([a-z-]+):.*?## (.+)$", MAKEFILE, re.M)
    variables = re.findall(r"^([A-Z_]+) \?=## (.+)$", MAKEFILE, re.M)
    assert {"repro", "test", "lab", "lock", "lint", "bench", "mutants", "clean"} <= {name for name, _ in commands}
    assert {name for name, _ in variables} == set(VARIABLES)

    shown = run("make").stdout

    for name, text in commands:
        assert re.search(rf"^  make {name} +{re.escape(text)}$", shown, re.M), name
    for name, text in variables:
        assert re.search(rf"^  {name} +{re.escape(text)}$", shown, re.M), name


def test_make_repro_passes_on_the_variables_that_are_set_and_no_others() -> None:
    assert last_line(run("make", "-n", "repro")).endswith("-m repro report")
    given = ("BIDS_ROOT=/data/my study", "TRIALS=3", "MEMORY=2GiB", "TARGET=datasets==5.1.0 pyarrow==24.0.0")
    assert last_line(run("make", "-n", "repro", "DEPTH=full", *given)).endswith(
        '-m repro report --depth "full" --bids-root "/data/my study" --trials "3" --memory "2GiB"'
        ' --target "datasets==5.1.0 pyarrow==24.0.0"'
    )


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "reports/README.md", "environment.yml", ".ci/run"])
def test_every_make_command_named_in_a_page_exists(page: str) -> None:
    named = set(re.findall(r"(?:^|[`#(] *)make ([a-z-]+)", (ROOT / page).read_text(encoding="utf-8"), re.M))
    assert named <= set(re.findall(r"^([a-z-]+):", MAKEFILE, re.M))


@pytest.mark.parametrize("gate", [".ci/run", ".github/workflows/tests.yml"])
def test_what_lands_has_passed_all_tests_and_make_test_leaves_out_the_slow_ones_only(gate: str) -> None:
    assert re.findall(r"make (test\S*)", (ROOT / gate).read_text(encoding="utf-8")) in (["test-all"], ["test-all"] * 2)
    everything = last_line(run("make", "-n", "test-all"))
    assert last_line(run("make", "-n", "test")) == f'{everything} -m "not slow"'
    assert "-m pytest" in everything and " -k " not in everything


def test_makefile_needs_nothing_newer_than_make_3_81() -> None:
    newer = (
        r"&:",
        r"!=",
        r"::=",
        r"\$\(file ",
        r"\$\(guile ",
        r"\$\(let ",
        r"^\.ONESHELL",
        r"^undefine ",
        r"^private ",
    )
    rules = re.sub(r"^(#.*|\t.*|[^\n]*\t.*)$", "", MAKEFILE, flags=re.M)
    assert [found for pattern in newer for found in re.findall(pattern, rules, re.M)] == []


def test_without_git_the_error_says_how_to_get_it(tmp_path: Path) -> None:
    (tmp_path / "sh").symlink_to("/bin/sh")
    done = run(str(shutil.which("make")), "git-there", PATH=str(tmp_path))
    assert done.returncode != 0
    assert "git is missing" in done.stderr
    assert "apt install git" in done.stderr


# Which Python, which environment


def pretend(folder: Path, name: str, setup: str) -> Path:
    """An interpreter called ``name`` that runs ``setup`` before the code it is given with -c."""
    folder.mkdir(exist_ok=True)
    wrapper = folder / name
    wrapper.write_text(f"""#!/bin/sh\nexec '{sys.executable}' -c '{setup}; exec(sys.argv[1])' "$2"\n""")
    wrapper.chmod(0o755)
    return wrapper


def find_python(folder: Path, *given: str) -> subprocess.CompletedProcess[str]:
    dirname = shutil.which("dirname")
    assert dirname
    (folder / "dirname").symlink_to(dirname)
    return run("/bin/sh", "tools/environment.sh", "--find", *given, PATH=str(folder))


OLD = "import sys; sys.version_info = (3, 9, 6)"
NO_VENV = 'import sys; sys.modules["ensurepip"] = None'


def test_a_python_that_is_too_old_or_broken_is_passed_over(tmp_path: Path) -> None:
    pretend(tmp_path, "python3.13", "import sys; sys.exit(127)")
    pretend(tmp_path, "python3.12", NO_VENV)
    pretend(tmp_path, "python3", OLD)
    pretend(tmp_path, "python", 'import sys; sys._base_executable = "/the/good/one"')
    assert last_line(find_python(tmp_path)) == "/the/good/one"


def test_without_a_good_python_one_line_says_what_was_seen_and_what_to_type(tmp_path: Path) -> None:
    pretend(tmp_path, "python3.12", NO_VENV)
    pretend(tmp_path, "python3", OLD)
    done = find_python(tmp_path)
    assert done.returncode != 0
    (line,) = done.stderr.splitlines()
    assert "python3 is only 3.9.6" in line
    assert "lacks venv" in line
    assert "make PYTHON=" in line


def test_a_python_given_by_name_is_never_replaced_by_another(tmp_path: Path) -> None:
    pretend(tmp_path, "python3", "import sys")
    old = pretend(tmp_path / "my tools", "python3", OLD)
    done = find_python(tmp_path, str(old))
    assert done.returncode != 0
    assert f"{old} is only 3.9.6" in done.stderr


def test_a_complete_conda_environment_is_used_as_it_is() -> None:
    done = run("make", "-n", "repro", CONDA_PREFIX=sys.prefix, CONDA_DEFAULT_ENV=CONDA_NAME)
    assert last_line(done) == f'"{sys.prefix}/bin/python" -m repro report'
    assert "environment.sh" not in done.stdout


@pytest.mark.parametrize("name", [CONDA_NAME, "base"])
def test_another_or_an_incomplete_conda_environment_is_left_alone(name: str, tmp_path: Path) -> None:
    prefix = sys.prefix if name == "base" else str(tmp_path)
    done = run("make", "-n", "repro", CONDA_PREFIX=prefix, CONDA_DEFAULT_ENV=name)
    assert last_line(done) == ".venv/bin/python -m repro report"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty kit with a lock of three packages, made where a run was killed, through a link, in "a clone"."""
    folder = tmp_path_factory.mktemp("a clone")
    for file in ("Makefile", "tools/environment.sh"):
        (folder / file).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / file, folder / file)
    (folder / "repro").mkdir()
    (folder / "repro/__init__.py").touch()
    (folder / "requirements.lock").write_text(entry("pip") + entry("setuptools") + entry("uv"))
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "datasets-repro"\nversion = "0"\n[tool.setuptools]\npackages = ["repro"]\n'
    )
    for name in (".making", "leftover"):
        (folder / ".venv" / name).parent.mkdir(exist_ok=True)
        (folder / ".venv" / name).touch()
    link = tmp_path_factory.mktemp("links") / "clone"
    link.symlink_to(folder)
    done = run("make", "env", cwd=link, PWD=str(link), PYTHON=sys.executable)
    assert done.returncode == 0, done.stderr
    return folder


def installed(folder: Path, module: str) -> bool:
    """Whether the environment of ``folder`` has this module, and not merely the folder itself."""
    return run(".venv/bin/python", "-I", "-c", f"import {module}", cwd=folder).returncode == 0


@pytest.mark.slow
@pytest.mark.targets
def test_make_env_starts_afresh_after_a_kill_and_installs_the_lock_and_the_kit(small: Path) -> None:
    assert not (small / ".venv/leftover").exists()
    assert installed(small, "uv")
    assert installed(small, "repro")
    listed = run(".venv/bin/uv", "pip", "freeze", "--quiet", "--python", ".venv/bin/python", cwd=small).stdout
    assert sorted(line for line in listed.splitlines() if "==" in line) == sorted(
        re.findall(r"^\S+==\S+", (small / "requirements.lock").read_text(), re.M)
    )


@pytest.mark.slow
@pytest.mark.targets
def test_a_second_make_does_nothing_and_a_changed_lock_is_followed(small: Path) -> None:
    assert "Nothing to be done" in run("make", "env", cwd=small).stdout
    extra = entry("iniconfig")
    with (small / "requirements.lock").open("a") as lock:
        lock.write(extra)
    assert not installed(small, "iniconfig")
    assert "Ready" in run("make", "env", cwd=small).stdout
    assert installed(small, "iniconfig")


@pytest.mark.slow
@pytest.mark.targets
@pytest.mark.parametrize("accident", ["none", "killed", "moved", "python gone"])
def test_only_a_spoilt_environment_asks_for_a_python_again(accident: str, small: Path) -> None:
    venv = small / ".venv"
    python = (venv / "bin/python").readlink()
    (small / "pyproject.toml").touch()
    if accident == "killed":
        (venv / ".ready").unlink()
        (venv / ".making").touch()
    elif accident == "moved":
        (venv / ".ready").write_text("/another/folder\n")
    elif accident == "python gone":
        (venv / "bin/python").unlink()
        (venv / "bin/python").symlink_to("/nonexistent/python3")

    done = run("make", "env", cwd=small, PYTHON="/nonexistent/python3")

    assert ("no Python >= 3.11" in done.stderr) == (accident != "none")
    (venv / "bin/python").unlink()
    (venv / "bin/python").symlink_to(python)
    (venv / ".ready").write_text(f"{small}\n")
    (venv / ".making").unlink(missing_ok=True)


def test_make_clean_removes_scratch_and_keeps_what_is_committed(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    kept = ["reports/README.md", "reports/expected.json", "reports/claims.md", "reports/published/a.html"]
    scratch = ["reports/run.html", "reports/runs/one.json", ".pytest_cache/x", "repro/__pycache__/x.pyc"]
    for name in kept + scratch:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert run("make", "clean", cwd=tmp_path).returncode == 0
    files = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()}
    assert files == {"Makefile", *kept}
