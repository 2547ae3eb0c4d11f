"""Five bugs whose answers are known, through every command that concludes something: each sentence printed is true."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.known.shelf import RELEASES, make_shelf

ROOT = Path(__file__).resolve().parents[2]
ALL = f"datasets=={','.join(RELEASES)}"
FIRST_LAST = {  # what is true: the releases in which each bug shows
    "known-wrong-answer": {"1.0", "2.0", "3.0", "4.0"},
    "known-late-start": {"6.0", "7.0", "8.0", "9.0"},
    "known-two-transitions": {"3.0", "4.0", "7.0", "8.0"},
    "known-broken-old": {"5.0", "6.0"},
    "known-flaky": {"4.0", "5.0", "6.0", "7.0", "8.0", "9.0"},
}
SILENT = {"known-late-start": "different-failure", "known-broken-old": "untestable"}
"""What the oldest releases show where the bug cannot even be asked for."""


class Kit:
    """The command line, with an index of nine made-up releases and a reports folder of its own."""

    def __init__(self, folder: Path) -> None:
        make_shelf(folder / "shelf")
        self.folder = folder
        own = {"UV_FIND_LINKS": "shelf", "UV_CACHE_DIR": "uv", "REPRO_CACHE": "cache", "REPRO_REPORTS": "reports"}
        self.env = {**os.environ, **{name: str(folder / value) for name, value in own.items()}}
        self.env |= {"UV_NO_INDEX": "1", "REPRO_BUGS": str(ROOT / "tests" / "known" / "bugs"), "PYTHONPATH": str(ROOT)}

    def __call__(self, *words: str, status: int | None = None) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "repro", *words], cwd=self.folder, env=self.env, capture_output=True, text=True
        )
        assert "Traceback" not in done.stderr, done.stderr
        if status is not None:
            assert done.returncode == status, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def json(self, *words: str, status: int | None = None) -> Any:
        return json.loads(self(*words, "--json", status=status))


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Kit:
    return Kit(tmp_path_factory.mktemp("known"))


def truth(bug: str, release: str) -> str:
    if release in FIRST_LAST[bug]:
        return "present"
    oldest = {"known-late-start": 4.0, "known-broken-old": 5.0}.get(bug, 0.0)
    return SILENT[bug] if float(release) < oldest else "absent"


EXIT = {"present": 1, "absent": 0, "different-failure": 125, "untestable": 125}
NEWEST_OF_EACH = {(bug, truth(bug, release)): release for bug in FIRST_LAST for release in RELEASES}
"""The matrix below asks for all releases; alone each bug is run in the newest release of each answer."""


@pytest.mark.parametrize(("bug", "release"), [(bug, release) for (bug, _), release in NEWEST_OF_EACH.items()])
def test_run_says_what_is_true_of_one_release(kit, bug, release):
    wanted = truth(bug, release)
    found = kit.json("run", bug, "--target", f"datasets=={release}", status=EXIT[wanted])
    assert found["status"] == wanted


def test_one_clean_trial_of_a_race_settles_nothing(kit):
    found = kit.json("run", "known-flaky", "--target", "datasets==2.0", "--trials", "1", status=125)
    assert found["status"] == "unsettled"
    assert "not seen in 1 trial (rate below" in found["reason"]


def test_the_matrix_is_true_in_each_cell(kit):
    found = kit.json("matrix", *FIRST_LAST, "--axis", ALL, status=0)
    shown = {(cell["bug"], cell["target"].get("datasets")): cell["status"] for cell in found["cells"]}
    assert shown == {(bug, release): truth(bug, release) for bug in FIRST_LAST for release in RELEASES}


CHANGES = {
    "known-wrong-answer": [("4.0", "present", "5.0", "absent")],
    "known-late-start": [("3.0", "different-failure", "4.0", "absent"), ("5.0", "absent", "6.0", "present")],
    "known-two-transitions": [
        ("2.0", "absent", "3.0", "present"),
        ("4.0", "present", "5.0", "absent"),
        ("6.0", "absent", "7.0", "present"),
        ("8.0", "present", "9.0", "absent"),
    ],
    "known-broken-old": [("4.0", "untestable", "5.0", "present"), ("6.0", "present", "7.0", "absent")],
}


@pytest.mark.parametrize("bug", CHANGES)
def test_bisect_all_finds_each_change_and_tells_two_failures_apart(kit, bug):
    found = kit.json("bisect", bug, "--axis", ALL, "--all", status=0)
    plain = [(t["last"], _word(t["before"]), t["first"], _word(t["after"])) for t in found["transitions"]]
    assert plain == CHANGES[bug]
    if bug == "known-late-start":
        assert "ImportError: cannot import name 'late'" in found["transitions"][0]["before"]


def _word(label: str) -> str:
    return re.split(r"[ :]", label)[0]


def test_bisect_of_the_race_finds_its_first_release_and_gives_the_counts(kit):
    found = kit.json("bisect", "known-flaky", "--axis", ALL, status=0)
    race = found["race"]
    assert (race["last"], race["first"], race["confident"]) == ("3.0", "4.0", True)
    assert "healthy up to 3.0, affected from 4.0" in found["conclusion"][0]


def test_bisect_names_the_bound_that_is_not_what_it_was_said_to_be(kit):
    found = kit.json("bisect", "known-wrong-answer", "--axis", ALL, "--good", "2.0", "--bad", "9.0", status=1)
    assert "--good 2.0 is present" in found["problem"] and "--bad 9.0 is absent" in found["problem"]


def test_the_bounds_of_a_race_are_named_too_if_they_are_not_what_they_were_said_to_be(kit):
    found = kit.json("bisect", "known-flaky", "--axis", ALL, "--good", "9.0", "--bad", "1.0", status=1)
    assert "--good 9.0 fails in" in found["problem"] and "the other way round" in found["problem"]


@pytest.mark.parametrize("bug", FIRST_LAST)
def test_the_issue_text_lists_as_affected_and_as_absent_only_what_is(kit, bug):
    kit("matrix", bug, "--axis", ALL, status=0)
    text = Path(kit("issue", bug, "--run", status=0).strip().splitlines()[-1]).read_text("utf-8")
    affected = _releases(re.search(r"present in datasets ([\d., and]+)", text))
    absent = _releases(re.search(r"Absent in datasets ([^;]*?), in the same", text))
    assert affected == FIRST_LAST[bug]
    assert absent == {release for release in RELEASES if truth(bug, release) == "absent"}


def _releases(found: re.Match[str] | None) -> set[str]:
    return set(re.findall(r"\d\.0", found[1])) if found else set()


def test_the_page_never_calls_a_release_affected_that_is_not(kit):
    kit("matrix", *FIRST_LAST, "--axis", ALL, status=0)
    kit("page", status=0)
    page = (kit.folder / "reports" / "index.md").read_text("utf-8")
    for bug, shown in FIRST_LAST.items():
        title = kit.json("list")
        heading = next(one["title"] for one in title if one["bug"] == bug)
        part = page.split(f"## {heading}")[1].split("\n## ")[0]
        rows = dict(re.findall(r"^\| (\d\.0) \| (.*?) \|$", part, re.MULTILINE))
        assert {release for release, words in rows.items() if "✗" in words} == shown
        assert {release for release, words in rows.items() if "✓" in words} == {
            release for release in RELEASES if truth(bug, release) == "absent"
        }
