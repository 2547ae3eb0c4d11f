"""A bug is a folder with a bug.py; a fix is a name of the bug, or anyone's file."""

import os
import textwrap
from pathlib import Path

import pytest

from repro import bugs
from repro.bugs.declaration import FixKind
from repro.errors import UserError

BUG = """
from repro.bugs.declaration import Bug, Scenario
BUG = Bug(slug="{slug}", title="", summary="", scenarios=(Scenario("s", ""),))
"""


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """A folder of the user's, named in REPRO_BUGS; returns what makes a bug in it."""
    monkeypatch.setenv("REPRO_BUGS", str(tmp_path))

    def make(folder: str, text: str) -> Path:
        made: Path = tmp_path / folder
        made.mkdir()
        (made / "bug.py").write_text(text)
        (made / "probe.py").write_text("")
        return made

    return make


def test_every_bug_of_the_package_loads_and_is_whole():
    assert "embed-sliced-list" in bugs.slugs()
    for slug in bugs.slugs():
        bug = bugs.load(slug)
        assert (bug.folder / "probe.py").is_file()
        assert bug.default_scenario in {scenario.name for scenario in bug.scenarios}
        assert all(fix.path is None or fix.path.is_file() for fix in bug.fixes)


def test_a_folder_elsewhere_is_one_more_bug(outside):
    folder = outside("my_own_bug", BUG.format(slug="my-own-bug"))
    assert "my-own-bug" in bugs.slugs()
    assert bugs.load("my-own-bug").folder == folder.resolve()


def test_several_folders_are_searched(outside, tmp_path, monkeypatch):
    outside("here", BUG.format(slug="here"))
    (tmp_path / "second" / "there").mkdir(parents=True)
    (tmp_path / "second" / "there" / "bug.py").write_text(BUG.format(slug="there"))
    monkeypatch.setenv("REPRO_BUGS", os.pathsep.join((str(tmp_path), "", str(tmp_path / "second"))))
    assert {"here", "there"} <= set(bugs.slugs())


def test_an_unknown_slug_names_the_nearest():
    with pytest.raises(UserError, match=r"unknown bug 'embed-sliced-lists'\. Did you mean 'embed-sliced-list'\?"):
        bugs.load("embed-sliced-lists")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bug = 1", r"declares no bug: give it a line BUG = Bug\(\.\.\.\)"),
        (BUG.format(slug="other"), "declares 'other': give it the slug 'mine'"),
        ("import nowhere_to_be_found", r"does not load: correct this first: .*/mine/bug.py:1: ModuleNotFoundError"),
        ("BUG = (", r"does not load: correct this first: .*/mine/bug.py:1: SyntaxError: '\(' was never closed"),
        ("import sys\nsys.exit()", r"does not load: correct this first: .*/mine/bug.py:2: SystemExit"),
        ("import json\n\njson.loads('')", r"correct this first: .*/mine/bug.py:3: JSONDecodeError: Expecting value"),
    ],
)
def test_a_bug_that_is_none_is_said_in_one_line(outside, text, message):
    outside("mine", text)
    with pytest.raises(UserError, match=message) as raised:
        bugs.load("mine")
    assert "\n" not in str(raised.value)


def test_a_bug_without_a_probe_is_said_with_the_file_to_write(outside):
    folder = outside("mine", BUG.format(slug="mine"))
    (folder / "probe.py").unlink()
    with pytest.raises(UserError, match=r"mine has no probe: write .*/mine/probe\.py"):
        bugs.load("mine")


def test_the_same_slug_twice_is_refused(outside):
    outside("embed_sliced_list", BUG.format(slug="embed-sliced-list"))
    with pytest.raises(UserError, match="two folders declare the bug 'embed-sliced-list': rename"):
        bugs.slugs()


def test_a_folder_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setenv("REPRO_BUGS", "/no/such/folder")
    with pytest.raises(UserError, match="REPRO_BUGS names /no/such/folder, which is not a folder"):
        bugs.slugs()


def test_a_fix_is_found_by_name():
    bug = bugs.load("embed-sliced-list")
    assert [bugs.fix(bug, name).kind for name in ("none", "combine-chunks", "contiguous-copy")] == list(FixKind)


def test_a_fix_may_be_anyones_file(tmp_path):
    bug = bugs.load("embed-sliced-list")
    (tmp_path / "my_idea.py").write_text("def my_idea(shard):\n    return shard\n")
    (tmp_path / "theirs.patch").write_text("")
    workaround, patch = bugs.fix(bug, str(tmp_path / "my_idea.py")), bugs.fix(bug, str(tmp_path / "theirs.patch"))
    assert (workaround.name, workaround.kind, workaround.path) == (
        "my-idea",
        FixKind.WORKAROUND,
        tmp_path / "my_idea.py",
    )
    assert (patch.name, patch.kind, patch.path) == ("theirs", FixKind.PATCH, tmp_path / "theirs.patch")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("combine-chunk", None, "unknown fix 'combine-chunk'. Did you mean 'combine-chunks'?"),
        ("lost.patch", None, "there is no file"),
        ("idea.py", "def other(shard): ...", r"defines no function idea\(shard\)"),
        ("idea.py", "def idea(", "is not valid Python"),
    ],
)
def test_a_fix_that_is_none_is_said_in_one_line(tmp_path, name, text, message):
    if text is not None:
        (tmp_path / name).write_text(textwrap.dedent(text))
    given = str(tmp_path / name) if "." in name else name
    with pytest.raises(UserError, match=message) as raised:
        bugs.fix(bugs.load("embed-sliced-list"), given)
    assert "\n" not in str(raised.value)
