"""Provenance: enough to judge a result, nothing that names a person or a machine."""

from __future__ import annotations

import getpass
import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from repro import __version__
from repro.evidence import provenance as module
from repro.evidence.provenance import git_state, machine, provenance


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", folder, *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path):
    git(tmp_path, "init")
    (tmp_path / "file").write_text("1")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "one")
    return tmp_path


def test_it_tells_version_time_and_machine():
    told = provenance()
    assert told["kit_version"] == __version__
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", told["time_utc"])
    assert told["machine"]["memory_bytes"] > 1 << 28
    assert told["machine"]["cpus"] >= 1
    assert told["machine"]["python"] == ".".join(map(str, sys.version_info[:3]))


def test_it_names_nobody():
    text = json.dumps(provenance())
    assert str(Path.home()) not in text
    assert str(Path(__file__).parents[2]) not in text
    words = set(re.findall(r"[\w.-]+", text))
    assert not words & {socket.gethostname(), getpass.getuser()}


def test_the_kernel_release_is_numbers_only(monkeypatch):
    monkeypatch.setattr("platform.mac_ver", lambda: ("", ("", "", ""), ""))
    monkeypatch.setattr("platform.release", lambda: "6.1.0-13-acme-cloud")
    assert machine()["release"] == "6.1.0"


def test_a_clean_checkout_gives_its_commit(checkout):
    state = git_state(checkout)
    assert state is not None
    assert re.fullmatch(r"[0-9a-f]{40}", state["commit"])
    assert state["dirty"] is False


def test_a_changed_or_added_file_makes_it_dirty(checkout):
    (checkout / "new").write_text("2")
    state = git_state(checkout)
    assert state is not None
    assert state["dirty"] is True


def test_a_kit_inside_another_projects_repository_gives_no_commit(checkout):
    inner = checkout / "vendored"
    inner.mkdir()
    assert git_state(inner) is None


def test_no_repository_no_commit_and_no_git_are_all_none(tmp_path, monkeypatch):
    assert git_state(None) is None
    assert git_state(tmp_path) is None
    git(tmp_path, "init")
    assert git_state(tmp_path) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_state(tmp_path) is None


def test_a_hanging_git_is_given_up(checkout, monkeypatch):
    (checkout / "bin").mkdir()
    slow = checkout / "bin" / "git"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}:/usr/bin:/bin")
    monkeypatch.setattr(module, "GIT_TIMEOUT_S", 0.2)
    assert git_state(checkout) is None
