"""A source tree counts as it is at this moment, and stays as it was."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from repro.errors import EnvironmentFault, UserError
from repro.targets import checkout, interpreters, uv
from tests.targets.conftest import git


def status(folder: Path) -> str:
    return subprocess.check_output(["git", "status", "--porcelain", "--ignored"], cwd=folder, text=True)


def test_the_same_tree_has_the_same_fingerprint(checkout_folder: Path) -> None:
    assert checkout.read(str(checkout_folder)) == checkout.read(str(checkout_folder))


def test_an_edit_a_new_file_and_another_commit_each_change_it(checkout_folder: Path) -> None:
    states = [checkout.read(str(checkout_folder))]
    (checkout_folder / "tiny" / "__init__.py").write_text("version = 'other'\n")
    states.append(checkout.read(str(checkout_folder)))
    (checkout_folder / "tiny" / "new.py").touch()
    states.append(checkout.read(str(checkout_folder)))
    git(checkout_folder, "add", ".")
    git(checkout_folder, "commit", "-qm", "second")
    states.append(checkout.read(str(checkout_folder)))
    assert len({state.fingerprint for state in states}) == 4
    assert len({state.label for state in states}) == 4
    assert [state.dirty for state in states] == [False, True, True, False]
    assert states[0].commit == states[1].commit != states[3].commit


def test_what_git_ignores_and_what_is_deleted_does_not_count(checkout_folder: Path) -> None:
    (checkout_folder / ".gitignore").write_text("junk\n")
    (checkout_folder / "junk").write_text("anything")
    (checkout_folder / "tiny" / "__init__.py").unlink()
    assert checkout.read(str(checkout_folder)).files == (".gitignore", "backend.py", "pyproject.toml")


def test_a_tree_outside_git_is_read_too_without_its_build_litter(checkout_folder: Path) -> None:
    shutil.rmtree(checkout_folder / ".git")
    before = checkout.read(str(checkout_folder))
    (checkout_folder / "build").mkdir()
    (checkout_folder / "build" / "stale.py").touch()
    after = checkout.read(str(checkout_folder))
    assert before == after
    assert after.commit is None
    assert after.label.startswith("tree.")


def test_the_wheel_is_built_once_and_the_tree_stays_clean(
    checkout_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = checkout.read(str(checkout_folder))
    built = checkout.wheel(source, interpreters.running(), cache=tmp_path / "cache")
    assert built.name == "tiny-1.0-py3-none-any.whl"
    assert status(checkout_folder) == ""
    assert not list(tmp_path.rglob("*.building"))
    monkeypatch.setattr(uv, "build_wheel", lambda *args, **how: pytest.fail("built twice"))
    assert checkout.wheel(source, interpreters.running(), cache=tmp_path / "cache") == built


def test_a_build_may_ask_git_for_the_version(checkout_folder: Path, tmp_path: Path) -> None:
    backend = checkout_folder / "backend.py"
    ask = "import subprocess\nsubprocess.run(['git', 'describe', '--tags'], check=True)\n"
    backend.write_text(ask + backend.read_text())
    git(checkout_folder, "tag", "v1")
    checkout.wheel(checkout.read(str(checkout_folder)), interpreters.running(), cache=tmp_path / "cache")


def test_a_tree_that_does_not_build_says_its_last_line_and_leaves_nothing(
    checkout_folder: Path, tmp_path: Path
) -> None:
    (checkout_folder / "backend.py").write_text("raise RuntimeError('broken at this commit')\n")
    with pytest.raises(uv.BuildFailed, match=r"^RuntimeError: broken at this commit$"):
        checkout.wheel(checkout.read(str(checkout_folder)), interpreters.running(), cache=tmp_path / "cache")
    assert [path.suffix for path in (tmp_path / "cache" / "wheels").iterdir()] == [".lock"]


def test_a_repository_that_git_refuses_is_a_fault_of_the_machine(checkout_folder: Path) -> None:
    (checkout_folder / ".git" / "config").write_text("[core\n")
    with pytest.raises(EnvironmentFault, match=r"git cannot read .*config"):
        checkout.read(str(checkout_folder))


def test_a_folder_without_a_build_file_is_no_checkout(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a checkout"):
        checkout.read(str(tmp_path))
