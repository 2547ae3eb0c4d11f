"""A pull request's diff meets an installed release."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repro.errors import EnvironmentFault, UserError
from repro.targets.patching import DoesNotApply, apply
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


def patch_file(tmp_path: Path, diff: str | bytes) -> Path:
    path = tmp_path / "pr.patch"
    path.write_bytes(diff.encode() if isinstance(diff, str) else diff)
    return path


def files(site: Path) -> dict[str, bytes]:
    """All that the environment holds, to the byte."""
    return {str(path.relative_to(site)): path.read_bytes() for path in site.rglob("*") if not path.is_dir()}


def refused(diff: str | bytes, site: Path, tmp_path: Path) -> str:
    """Why a diff does not apply; nothing may have changed, nor be left beside it."""
    before = files(tmp_path)
    patch = patch_file(tmp_path, diff)
    with pytest.raises(DoesNotApply, match=r"^[^\n]+$") as caught:
        apply(patch, site, PACKAGES)
    patch.unlink()
    assert files(tmp_path) == before
    return str(caught.value)


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


def test_a_diff_of_nothing_that_is_installed_is_refused(site: Path, tmp_path: Path) -> None:
    diff = SETUP + "".join(change(f"{letter}.py") for letter in "xyz")
    assert refused(diff, site, tmp_path) == (
        "patch pr.patch changes no file of this environment ('b/setup.py', 'b/x.py', 'b/y.py')"
    )


def test_a_file_that_is_no_diff_is_refused_with_the_way_to_make_one(site: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="git diff >"):
        apply(patch_file(tmp_path, "not a diff\n"), site, PACKAGES)


# The whole of what git can say of a file


def git_diff(tmp_path: Path, trees: list[dict[str, bytes]], flag: str) -> bytes:
    """What git says of the step from one tree to the next."""
    repository = tmp_path / "upstream"
    for tree in trees:
        shutil.rmtree(repository / "src", ignore_errors=True)
        for name, content in tree.items():
            (repository / name).parent.mkdir(parents=True, exist_ok=True)
            (repository / name).write_bytes(content)
        git(repository, "init", "-q")
        git(repository, "config", "core.autocrlf", "false")
        git(repository, "add", "-A")
        git(repository, "commit", "-qm", "x", "--allow-empty")
    shown = subprocess.check_output(["git", "diff", "--binary", flag, "HEAD~1", "HEAD"], cwd=repository)
    shutil.rmtree(repository)
    return shown


LONG = b"".join(b"line %d\n" % i for i in range(40))
TABLE = "src/datasets/table.py"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({"t": b"1\n"}, {"t": b"2\n", "new/deep/n.py": b"n\n", "new/__init__.py": b""}, id="new folders"),
        pytest.param({"t": LONG}, {"io/moved.py": LONG}, id="pure rename"),
        pytest.param({"t": LONG, "u": b"1\n"}, {"u v": LONG, "u": b"2\n"}, id="rename with a space"),
        pytest.param({"t": LONG}, {"\u00e9\t.py": LONG + b"more\n"}, id="rename to a quoted name, changed"),
        pytest.param({"t": LONG, "u": b"u"}, {"u": b"u"}, id="deletion"),
        pytest.param({"io/deep/a.py": b"a\n", "t": b"t\n"}, {"t": b"t\n"}, id="deletion of a whole folder"),
        pytest.param({"t": b"", "u": b"u\n"}, {"u": b"u\n"}, id="deletion of an empty file"),
        pytest.param({"t": b"a\r\nb\r\n"}, {"t": b"a\r\nc\r\n"}, id="CRLF"),
        pytest.param({"t": b"a\r\nb\n"}, {"t": b"a\nb\r\n"}, id="mixed line ends"),
        pytest.param({"t": b"\xe9\n\xff\xfe\n"}, {"t": b"\xe8\n\xff\xfe\n"}, id="no UTF-8"),
        pytest.param({"t": b"a\rb\x0c\x1c\n\xc2\x85"}, {"t": b"a\rc\x0c\x1c\n\xc2\x85"}, id="other line ends"),
        pytest.param({"t": b"no end"}, {"t": b"no end\n"}, id="no line feed at the end"),
        pytest.param({"t": b"\0\1\2" * 50}, {"t": b"\0\1\3" * 50}, id="binary"),
        pytest.param({"t": b"-- x\n-- y\n"}, {"t": b"++ x\n"}, id="lines like headers"),
    ],
)
@pytest.mark.parametrize("flag", ["--find-renames", "--no-renames", "--src-prefix=i/"])
def test_a_release_becomes_what_the_pull_request_makes_of_it(
    before: dict[str, bytes], after: dict[str, bytes], flag: str, tmp_path: Path
) -> None:
    site = tmp_path / "site-packages"
    for name, content in before.items():
        (site / "datasets" / name).parent.mkdir(parents=True, exist_ok=True)
        (site / "datasets" / name).write_bytes(content)
    upstream = [{f"src/datasets/{name}": content for name, content in tree.items()} for tree in (before, after)]
    diff = git_diff(tmp_path, upstream, flag)
    apply(patch_file(tmp_path, diff), site, PACKAGES)
    assert files(site) == {f"datasets/{name}": content for name, content in after.items()}
    assert {path.parent.name for path in site.rglob("*")} <= {"site-packages", "datasets", "io", "new", "deep"}
    assert all(any(folder.iterdir()) for folder in site.rglob("*") if folder.is_dir())
    with pytest.raises(DoesNotApply, match="is already part of datasets"):
        apply(patch_file(tmp_path, diff), site, PACKAGES)


def test_a_diff_without_a_and_b_applies_too(site: Path, tmp_path: Path) -> None:
    trees = [{TABLE: BEFORE.encode()}, {TABLE: AFTER.encode(), "src/datasets/new/n.py": b"n\n"}]
    apply(patch_file(tmp_path, git_diff(tmp_path, trees, "--no-prefix")), site, PACKAGES)
    assert files(site) == {"datasets/table.py": AFTER.encode(), "datasets/new/n.py": b"n\n"}


def test_a_change_of_mode_reaches_the_environment_and_not_the_cache(site: Path, tmp_path: Path) -> None:
    apply(patch_file(tmp_path, f"diff --git a/{TABLE} b/{TABLE}\nold mode 100644\nnew mode 100755\n"), site, PACKAGES)
    assert (site / "datasets" / "table.py").stat().st_mode & 0o111
    assert not (tmp_path / "cache" / "table.py").stat().st_mode & 0o111


def test_a_soft_link_to_the_installers_cache_is_replaced_not_written_through(site: Path, tmp_path: Path) -> None:
    (site / "datasets" / "table.py").unlink()
    (site / "datasets" / "table.py").symlink_to(tmp_path / "cache" / "table.py")
    apply(patch_file(tmp_path, change(TABLE)), site, PACKAGES)
    assert (tmp_path / "cache" / "table.py").read_text() == BEFORE
    assert (site / "datasets" / "table.py").read_text() == AFTER


def test_a_deleted_file_stays_in_the_installers_cache(site: Path, tmp_path: Path) -> None:
    gone = "".join(f"-{line}\n" for line in BEFORE.splitlines())
    diff = f"diff --git a/{TABLE} b/{TABLE}\ndeleted file mode 100644\n--- a/{TABLE}\n+++ /dev/null\n@@ -1,6 +0,0 @@\n"
    apply(patch_file(tmp_path, diff + gone), site, PACKAGES)
    assert files(tmp_path / "env") == {}
    assert site.is_dir()
    assert not (site / "datasets").exists()
    assert (tmp_path / "cache" / "table.py").read_text() == BEFORE


# Whole or not at all

OTHER = "src/datasets/other.py"
LINK = ADDED_TEST.replace("tests/", "src/datasets/").replace("100644", "120000")


@pytest.mark.parametrize(
    ("second", "says"),
    [
        (change("src/datasets/other.py"), "other.py"),
        (change("src/datasets/missing.py"), "datasets/missing.py: No such file"),
        (change("src/datasets/new/missing.py"), "datasets/new/missing.py: No such file"),
        (LINK, "'b/src/datasets/test_g.py' is a symbolic link or a submodule"),
        (change("src/datasets/kernel.pyx"), "'b/src/datasets/kernel.pyx' is compiled: build a checkout"),
        (change("cpp/src/kernel.cc"), "'b/cpp/src/kernel.cc' is compiled: build a checkout"),
        (change("src/datasets/../../escape.py"), "'b/src/datasets/../../escape.py' is not the name of a file"),
        (change("src/datasets//x.py"), "'b/src/datasets//x.py' is not the name of a file"),
        (change("src/datasets/" + "x" * 256), "is not the name of a file"),
        (change("src/datasets/x\0.py"), "is not the name of a file"),
        (change("src/datasets/" + "x/" * 100_000 + "x"), "x/x' is too long for the name of a file"),
        (change("src/datasets/" + "x" * 255), "xxx"),
        (change("src/datasets/folder"), "'b/src/datasets/folder' is a folder in this release"),
        (change("src/datasets/other.py/x.py"), "'b/src/datasets/other.py/x.py' lies below a file in this release"),
        (change("src/datasets/away/x.py"), "'b/src/datasets/away/x.py' lies behind a link that leads out"),
        (change("site/deep/other/x.py"), ", other: its packages lie at different depths"),
        (
            f"diff --git a/{OTHER} b/tools/other.py\nrename from {OTHER}\nrename to tools/other.py\n",
            "'b/tools/other.py' comes from outside of its package, or goes there",
        ),
        (
            f"diff --git a/{OTHER} b/{OTHER}\nindex 1..2 100644\nBinary files a/{OTHER} and b/{OTHER} differ\n",
            "other.py",
        ),
        (change("src/datasets/other.py", "@@ -1,9 +1,9 @@\n-x\n"), "('datasets/other.py')"),
    ],
)
def test_a_diff_applies_as_a_whole_or_not_at_all_and_the_file_is_named(
    second: str, says: str, site: Path, tmp_path: Path
) -> None:
    (site / "datasets" / "other.py").write_text("something else\n")
    (site / "datasets" / "folder").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (site / "datasets" / "away").symlink_to(tmp_path / "elsewhere")
    (site / "other").mkdir()
    (site / "other" / "x.py").write_text("one\n")
    said = refused(change(TABLE) + second, site, tmp_path)
    assert said.startswith("patch pr.patch does not apply to datasets 5.2.0")
    assert "site" in second or said.startswith("patch pr.patch does not apply to datasets 5.2.0: ")
    assert says in said


@pytest.mark.parametrize(
    "second",
    [
        change("tests/datasets/test_table.py"),
        ADDED_TEST.replace("tests/", "tests/datasets/"),
        ADDED_TEST.replace("tests/", "docs/source/"),
        ADDED_TEST.replace("tests/", "tools/"),
        change("tests/kernel.cc"),
        LINK.replace("src/datasets/", "docs/"),
        change("CHANGELOG.md"),
        change("conftest.py"),
        ADDED_TEST.replace("tests/", "other/datasets/"),
        "diff --git \nold mode 100644\nnew mode 100755\n",
    ],
)
def test_tests_documents_and_tools_of_the_repository_are_left_out(second: str, site: Path, tmp_path: Path) -> None:
    others = {"datasets/test_table.py": b"something else\n", "conftest.py": b"something else\n"}
    for name, content in others.items():
        (site / name).write_bytes(content)
    apply(patch_file(tmp_path, second + change(TABLE)), site, PACKAGES)
    assert files(site) == {"datasets/table.py": AFTER.encode(), **others}


def test_so_they_are_in_a_diff_without_a_and_b(site: Path, tmp_path: Path) -> None:
    diff = f"--- datasets/table.py\n+++ datasets/table.py\n{HUNK}--- /dev/null\n+++ tools/new.py\n@@ -0,0 +1 @@\n+x\n"
    apply(patch_file(tmp_path, diff), site, PACKAGES)
    assert files(site) == {"datasets/table.py": AFTER.encode()}


def test_the_longest_name_that_a_file_can_have_is_one(site: Path, tmp_path: Path) -> None:
    apply(patch_file(tmp_path, ADDED_TEST.replace("tests/test_g.py", "src/datasets/" + "x" * 255)), site, PACKAGES)
    assert (site / "datasets" / ("x" * 255)).read_text() == "assert True\n"


def test_a_full_temporary_folder_is_no_matter(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    apply(patch_file(tmp_path, change(TABLE)), site, PACKAGES)
    assert (site / "datasets" / "table.py").read_text() == AFTER


@pytest.mark.parametrize("second", [ADDED_TEST, ADDED_TEST.replace("tests/", "tests/datasets/")])
def test_a_diff_of_new_tests_only_changes_nothing_that_is_installed(second: str, site: Path, tmp_path: Path) -> None:
    assert refused(second, site, tmp_path).startswith("patch pr.patch changes no file of this environment ('b/tests/")


def test_a_package_called_like_a_folder_of_the_repository_is_not_taken_for_it(site: Path, tmp_path: Path) -> None:
    (site / "tools").mkdir()
    apply(patch_file(tmp_path, change(TABLE) + ADDED_TEST.replace("tests/", "tools/")), site, PACKAGES)
    assert files(site) == {"datasets/table.py": AFTER.encode()}


@pytest.mark.parametrize("lead", ["/home/me/new/", "../../new/", "./new/", "/", "../", "./"])
def test_a_diff_of_two_folders_outside_any_repository_applies(lead: str, site: Path, tmp_path: Path) -> None:
    diff = f"--- {lead.replace('new', 'old')}datasets/table.py\n+++ {lead}datasets/table.py\n{HUNK}"
    apply(patch_file(tmp_path, diff), site, PACKAGES)
    assert files(site) == {"datasets/table.py": AFTER.encode()}


def test_nothing_outside_of_the_environment_is_touched(site: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.py").write_text(BEFORE)
    for path in (f"{tmp_path}/outside.py", "datasets/../../../outside.py", "x/../outside.py"):
        said = refused(f"--- {path}\n+++ {path}\n{HUNK}", site, tmp_path)
        assert "/:" not in said and "applies to /" not in said


@pytest.mark.parametrize("variable", ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"])
def test_settings_of_the_user_do_not_make_a_diff_fit(
    variable: str, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text("[apply]\nignorewhitespace = change\n")
    monkeypatch.setenv(variable, str(tmp_path / "config"))
    assert "table.py" in refused(change(TABLE).replace("return 2", "return  2"), site, tmp_path)


def test_attributes_of_the_user_do_not_change_what_is_written(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home" / "git").mkdir(parents=True)
    (tmp_path / "home" / "git" / "attributes").write_text("*.py text eol=crlf\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    git(tmp_path, "init", "-q")
    spaced = change(TABLE).replace("return 3", "return 3 ")
    apply(patch_file(tmp_path, spaced), site, PACKAGES)
    assert (site / "datasets" / "table.py").read_bytes() == AFTER.replace("return 3", "return 3 ").encode()


def test_without_git_the_machine_is_at_fault_not_the_diff(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentFault, match=r"cannot start git .*; install git"):
        apply(patch_file(tmp_path, change(TABLE)), site, PACKAGES)


def test_the_packages_that_a_diff_changes_are_named_each_with_its_version(site: Path, tmp_path: Path) -> None:
    (site / "Some_Thing").mkdir()
    (site / "Some_Thing" / "x.py").write_text("one\n")
    diff = change("src/Some_Thing/x.py") + change("src/Some_Thing/y.py") + change(TABLE)
    patch = patch_file(tmp_path, diff)
    with pytest.raises(DoesNotApply, match=r"does not apply to datasets 5\.2\.0, some-thing: "):
        apply(patch, site, PACKAGES)
    with pytest.raises(DoesNotApply, match=r"does not apply to datasets, some-thing 1: "):
        apply(patch, site, {"some-thing": "1"})


PIECES = [
    change(TABLE).encode(),
    ADDED_TEST.replace("tests/", "src/datasets/").encode(),
    SETUP.encode(),
    LINK.encode(),
    f"diff --git a/{TABLE} b/src/datasets/moved.py\nrename from {TABLE}\nrename to src/datasets/moved.py\n".encode(),
    f"diff --git a/{TABLE} b/{TABLE}\nold mode 100644\nnew mode 100755\n".encode(),
    HUNK.encode(),
    b"--- datasets/table.py\n+++ datasets/../../table.py\n",
    b"--- /dev/null\n+++ datasets/table.py/x\n@@ -0,0 +1 @@\n+x\n",
    b"--- /dev/null\n+++ datasets/\xff\x00x\n@@ -0,0 +1 @@\n+x\n",
    b"--- /dev/null\n+++ datasets/n\n@@ -0,0 +1 @@\n+x\n",
    b"--- datasets/table.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n",
]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=8), min_size=1, max_size=5).map(b"".join))
def test_any_bytes_apply_whole_or_are_refused_and_the_cache_stays(diff: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cached, site = Path(folder) / "cached", Path(folder) / "env" / "site-packages"
        (site / "datasets").mkdir(parents=True)
        cached.write_text(BEFORE)
        os.link(cached, site / "datasets" / "table.py")
        try:
            apply(patch_file(Path(folder), diff), site, PACKAGES)
        except (UserError, DoesNotApply):
            assert files(site) == {"datasets/table.py": BEFORE.encode()}
        assert cached.read_text() == BEFORE
        assert [path.name for path in site.parent.iterdir()] == ["site-packages"]
        assert {path.name for path in Path(folder).iterdir()} == {"cached", "env", "pr.patch"}
