"""The workflows: pinned actions, no right that a job does not need, and macOS within its limits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

FOLDER = Path(__file__).resolve().parent.parent / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))


def read(name: str) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load((FOLDER / name).read_text("utf-8"))
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_action_is_pinned_by_commit_with_its_version_beside_it(path: Path) -> None:
    used = re.findall(r"uses: (.+)", path.read_text("utf-8"))
    assert used
    assert [one for one in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one)] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_workflow_grants_nothing_and_a_job_no_more_than_reading_unless_it_runs_no_foreign_code(path: Path) -> None:
    workflow = read(path.name)
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        text = str(job["steps"])
        if job["permissions"] != {"contents": "read"}:
            assert job["permissions"] == {"issues": "write"}
            assert not re.search(r"make |python|checkout", text)
        assert "persist-credentials" in text or "checkout" not in text


def test_macos_runs_on_arm64_with_the_watchdog_and_4_gb() -> None:
    job = read("tests.yml")["jobs"]["macos"]
    assert job["runs-on"] == "macos-15"
    assert job["env"]["REPRO_CAP"] == "watchdog"
    assert "--budget 4GB" in str(job["steps"])


def test_the_watch_runs_weekly_and_keeps_to_one_issue() -> None:
    watch = read("upstream-watch.yml")
    assert len(watch[True]["schedule"][0]["cron"].split()) == 5  # YAML 1.1 reads the key "on" as true
    assert watch[True]["schedule"][0]["cron"].split()[4].isdigit()
    assert "make regress" in str(watch["jobs"]["check"]["steps"])
    said = str(watch["jobs"]["tell"]["steps"])
    assert said.index("gh issue list") < said.index("gh issue edit") < said.index("gh issue create")
