"""Cleaning up removes what the kit made and what killed kits left, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from repro import housekeeping
from repro.errors import UserError
from repro.trial import at_work, caps
from repro.trial.leftovers import TOKEN_VARIABLE


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Folders for reports, cache and scratch; returns their parent."""
    for name in ("reports", "cache", "tmp"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("REPRO_REPORTS", str(tmp_path / "reports"))
    monkeypatch.setenv("REPRO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr(housekeeping, "candidates", list)  # other kits on this machine may be killed at any moment
    return tmp_path


def cleaned(**options: bool) -> list[str]:
    """What was said, but for processes of other kits."""
    return [line for line in housekeeping.clean_up(**options) if not line.startswith("ended ")]


def gone() -> int:
    """The number of a process that has ended."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def make(*files: Path) -> None:
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def test_scratch_reports_go_and_published_ones_stay(places):
    reports = places / "reports"
    kept = [reports / name for name in ("README.md", "expected.json", "claims.md", "published/01.html")]
    make(*kept, reports / "evidence/x/1.json", reports / "notebooks/01.html", reports / "index.html")
    said = cleaned()
    assert sorted(path for path in reports.rglob("*") if path.is_file()) == sorted(kept)
    assert said == [f"removed reports/{name}" for name in ("evidence", "index.html", "notebooks")]


def test_the_cache_goes_only_if_asked(places):
    make(places / "cache/envs/a/x", places / "cache/arc-1/y")
    list(housekeeping.clean_up())
    assert (places / "cache/envs/a/x").exists()
    assert cleaned(also_cache=True) == ["removed the cache of inputs and environments"]
    assert not (places / "cache").exists()


def test_cleaning_what_is_clean_does_nothing(places):
    assert cleaned() == []
    (places / "reports").rmdir()
    (places / "cache").rmdir()
    assert cleaned(also_cache=True) == []


def test_a_link_in_the_reports_is_removed_and_what_it_points_to_is_not(places):
    make(places / "elsewhere/data", places / "reports/evidence/x")
    (places / "reports/link").symlink_to(places / "elsewhere")
    list(housekeeping.clean_up())
    assert (places / "elsewhere/data").exists()
    assert list((places / "reports").iterdir()) == []


@pytest.mark.parametrize("variable", ["REPRO_REPORTS", "REPRO_CACHE"])
def test_a_folder_that_the_kit_did_not_make_is_never_emptied(places, variable, monkeypatch):
    make(places / "mine/thesis.tex", places / "reports/evidence/x")
    monkeypatch.setenv(variable, str(places / "mine"))
    with pytest.raises(UserError, match=f"{variable} names .*mine, which the kit did not make"):
        list(housekeeping.clean_up(also_cache=True))
    assert (places / "mine/thesis.tex").exists()
    assert (places / "reports/evidence/x").exists(), "nothing is removed before all is known to be ours"


def test_a_folder_around_the_current_one_is_never_removed(places, monkeypatch):
    make(places / "cache/envs/x", places / "cache/other/y")
    monkeypatch.chdir(places / "cache/other")
    with pytest.raises(UserError, match="REPRO_CACHE names"):
        list(housekeeping.clean_up(also_cache=True))


def test_scratch_of_a_kit_that_is_gone_is_removed_and_that_of_a_living_one_is_not(places):
    dead, alive = f"{caps.PREFIX}{gone()}-abc", f"{caps.PREFIX}{os.getpid()}-abc"
    make(places / "tmp" / dead / "x", places / "tmp" / alive / "x", places / "tmp" / f"{caps.PREFIX}mine-x" / "x")
    assert cleaned() == [f"removed the leftover {dead}"]
    assert sorted(path.name for path in (places / "tmp").iterdir()) == sorted([alive, f"{caps.PREFIX}mine-x"])


@pytest.mark.skipif(caps.writable_cgroup() is None, reason="no writable cgroup on this machine")
def test_a_cgroup_of_a_kit_that_is_gone_is_removed(places, monkeypatch):
    place = caps.writable_cgroup()
    assert place is not None
    monkeypatch.setattr(housekeeping, "candidates", lambda: [place])
    leaf = place[1] / f"{caps.PREFIX}{gone()}-0"
    leaf.mkdir()
    assert f"removed the leftover {leaf.name}" in list(housekeeping.clean_up())
    assert not leaf.exists()


def sleeper(token: str = "", **options: object) -> subprocess.Popen[bytes]:
    """A process like one of a trial: with a token in its environment, or with its output in a scratch folder."""
    made: subprocess.Popen[bytes] = subprocess.Popen(
        [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"],
        env={TOKEN_VARIABLE: token} if token else {},
        start_new_session=True,
        **options,  # type: ignore[call-overload]
    )
    if made.stdout is not None:
        made.stdout.readline()
    return made


def test_a_probe_that_outlived_its_kit_and_guardian_is_ended_and_that_of_a_living_kit_is_not(places):
    orphan = sleeper(f"{gone()}-abc-1", stdout=subprocess.PIPE)
    living = sleeper(f"{os.getpid()}-abc-1", stdout=subprocess.PIPE)
    try:
        list(housekeeping.clean_up())
        assert orphan.wait(timeout=20) < 0
        assert living.poll() is None
    finally:
        for process in (orphan, living):
            process.kill()
            process.communicate()


def test_a_probe_without_its_token_is_known_by_its_output_in_the_scratch_folder(places):
    scratch = places / "tmp" / f"{caps.PREFIX}{gone()}-abc"
    make(scratch / "stdout")
    with (scratch / "stdout").open("wb") as output:
        orphan = sleeper(stdout=output)
    try:
        while not (scratch / "stdout").read_text():
            time.sleep(0.01)
        assert [line for line in list(housekeeping.clean_up()) if line.startswith("ended ")]
        assert orphan.wait(timeout=20) < 0
        assert not scratch.exists()
    finally:
        orphan.kill()
        orphan.wait()


HOLD = "import sys; from pathlib import Path; from repro.trial import at_work; at_work.hold(Path(sys.argv[1])); input()"


def test_cleaning_is_refused_while_another_kit_is_at_work_and_not_after_it(places):
    make(places / "reports/evidence/x")
    at_work.hold(places / "reports")  # our own hold is no hindrance
    kit = subprocess.Popen(
        [sys.executable, "-c", HOLD.replace("input()", "print(flush=True); input()"), str(places / "reports")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert kit.stdout is not None
    kit.stdout.readline()
    with pytest.raises(UserError, match=r"a kit is at work on .*reports: wait"):
        list(housekeeping.clean_up())
    assert (places / "reports/evidence/x").exists()
    kit.kill()
    kit.communicate()
    assert "removed reports/evidence" in list(housekeeping.clean_up())


def test_what_cannot_be_removed_is_not_said_to_be(places, monkeypatch):
    scratch = places / "tmp" / f"{caps.PREFIX}{gone()}-abc"
    make(scratch / "x")
    monkeypatch.setattr("repro.trial.leftovers.remove_folder", lambda path: None)
    assert cleaned() == [f"could not remove the leftover {scratch.name}"]
