"""A pull request's diff meets an installed release."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from repro.errors import UserError
from repro.targets import patching
from repro.targets.patching import DoesNotApply, apply, sections
from repro.targets.tools import Finished, run
from tests.targets.conftest import git

BEFORE = "def f():\n    return 1\n\n\ndef g():\n    return 2\n"
AFTER = BEFORE.replace("return 2", "return 3")
HUNK = "@@ -3,4 +3,4 @@\n \n \n def g():\n-    return 2\n+    return 3\n"
PACKAGES = {"datasets": "5.2.0"}


def change(path: str, hunk: str = HUNK) -> str:
    return f"diff --git a/{path} b/{path}\nindex 1..2 100644\n--- a/{path}\n+++ b/{path}\n{hunk}"


ADDED_TEST = (
    "diff --git a/tests/test_g.py b/tests/test_g.py\nnew file mode 100644\n--- /dev/null\n+++ b/tests/test_g.py\n"
    "@@ -0,0 +1 @@\n+assert True\n"
)
SETUP = change("setup.py", "@@ -1 +1 @@\n-old\n+new\n")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site-packages whose one module is linked to a file of the installer's cache, as uv links them."""
    cached = tmp_path / "cache" / "table.py"
    cached.parent.mkdir()
    cached.write_text(BEFORE)
    folder = tmp_path / "env" / "site-packages"
    (folder / "datasets").mkdir(parents=True)
    os.link(cached, folder / "datasets" / "table.py")
    return folder


def patch_file(tmp_path: Path, diff: str) -> Path:
    path = tmp_path / "pr.patch"
    path.write_text(diff)
    return path


@pytest.mark.parametrize(
    "diff",
    [
        change("src/datasets/table.py"),
        change("datasets/table.py"),
        f"--- datasets/table.py\t2026-01-01\n+++ datasets/table.py\t2026-01-02\n{HUNK}",
        SETUP + change("src/datasets/table.py") + ADDED_TEST,
    ],
    ids=["src-layout", "flat-layout", "plain-diff", "whole-pull-request"],
)
def test_a_diff_is_applied_whatever_folders_lead_to_the_package(diff: str, site: Path, tmp_path: Path) -> None:
    apply(patch_file(tmp_path, diff), site, PACKAGES)
    assert (site / "datasets" / "table.py").read_text() == AFTER
    assert [file.name for file in site.rglob("*")] == ["datasets", "table.py"]


def test_the_installers_cache_never_changes(site: Path, tmp_path: Path) -> None:
    apply(patch_file(tmp_path, change("src/datasets/table.py")), site, PACKAGES)
    assert (tmp_path / "cache" / "table.py").read_text() == BEFORE


def test_the_link_to_it_is_broken_before_git_writes(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    links: list[int] = []

    def watched(argv: list[str], **how: Any) -> Finished:
        if "--check" not in argv:
            links.append((site / "datasets" / "table.py").stat().st_nlink)
        return run(argv, **how)

    monkeypatch.setattr(patching, "run", watched)
    apply(patch_file(tmp_path, change("src/datasets/table.py")), site, PACKAGES)
    assert links == [1]


def test_a_file_that_the_diff_adds_to_the_package_is_added(site: Path, tmp_path: Path) -> None:
    apply(patch_file(tmp_path, ADDED_TEST.replace("tests/", "src/datasets/")), site, PACKAGES)
    assert (site / "datasets" / "test_g.py").read_text() == "assert True\n"


def test_a_repository_around_the_environment_makes_no_difference(site: Path, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    apply(patch_file(tmp_path, change("src/datasets/table.py")), site, PACKAGES)
    assert (site / "datasets" / "table.py").read_text() == AFTER


def test_a_diff_that_is_released_already_is_told_apart_from_one_that_does_not_fit(site: Path, tmp_path: Path) -> None:
    patch = patch_file(tmp_path, change("src/datasets/table.py"))
    apply(patch, site, PACKAGES)
    with pytest.raises(DoesNotApply, match=r"^patch pr.patch is already part of datasets 5\.2\.0$"):
        apply(patch, site, PACKAGES)
    (site / "datasets" / "table.py").write_text("something else\n")
    with pytest.raises(DoesNotApply, match=r"^patch pr.patch does not apply to datasets 5\.2\.0: .*table\.py"):
        apply(patch, site, PACKAGES)


def test_a_diff_applies_as_a_whole_or_not_at_all(site: Path, tmp_path: Path) -> None:
    (site / "datasets" / "other.py").write_text("something else\n")
    diff = change("src/datasets/table.py") + change("src/datasets/other.py")
    with pytest.raises(DoesNotApply, match=r"other\.py"):
        apply(patch_file(tmp_path, diff), site, PACKAGES)
    assert (site / "datasets" / "table.py").read_text() == BEFORE


def test_a_diff_of_nothing_that_is_installed_is_refused(site: Path, tmp_path: Path) -> None:
    with pytest.raises(DoesNotApply, match="changes no file of this environment"):
        apply(patch_file(tmp_path, SETUP), site, PACKAGES)


def test_a_file_that_is_no_diff_is_refused_with_the_way_to_make_one(site: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="git diff >"):
        apply(patch_file(tmp_path, "not a diff\n"), site, PACKAGES)


def test_a_removed_line_that_looks_like_a_header_does_not_start_a_new_file() -> None:
    (only,) = sections(change("a.sql", "@@ -1,2 +1,2 @@\n--- x\n+++ y\n"))
    assert only.path == "b/a.sql"
