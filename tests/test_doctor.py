"""The doctor says what a machine can do, and never falls over."""

from __future__ import annotations

import json
import shutil
from collections import namedtuple

import pytest

from repro import cli, doctor
from repro.doctor import Finding
from repro.errors import UserError

PARTS = ("interpreters", "uv", "memory cap", "peak memory", "memray", "sparse files", "free disk", "free memory")


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("REPRO_CACHE", str(tmp_path))


@pytest.mark.parametrize(
    ("finding", "line"),
    [
        (Finding("uv", True, "0.8", "pip install uv", needed=True), "ok      uv                 0.8"),
        (Finding("gdb", False, "not found", "install gdb"), "absent  gdb                not found  -> install gdb"),
        (Finding("uv", False, "no", "pip install uv", True), "MISSING uv                 no  -> pip install uv"),
    ],
)
def test_a_finding_is_one_line_and_names_the_remedy_only_for_what_is_missing(finding, line):
    assert finding.line() == line


def test_every_part_of_the_machine_is_looked_at():
    found = doctor.examine()
    names = [finding.what for finding in found]
    assert names[0] == "machine"
    assert set(PARTS) <= set(names)
    assert {"gdb", "py-spy", "sample", "lldb"} & set(names)
    assert all(len(finding.line().splitlines()) == 1 for finding in found)
    missing = [finding.what for finding in found if not finding.fine and not finding.remedy]
    assert missing == [], "nothing missing is left without a remedy"


@pytest.mark.parametrize(
    ("name", "replacement", "what", "remedy"),
    [
        ("targets.installed", lambda: (), "interpreters", "install Python 3.11"),
        ("sparse.require", "refuse", "sparse files", "set REPRO_CACHE"),
        ("caps.writable_cgroup", lambda: None, "memory cap", "a writable cgroup"),
    ],
)
def test_what_is_missing_is_said_with_its_remedy(monkeypatch, name, replacement, what, remedy):
    def refuse(*args: object) -> None:
        raise UserError("not sparse")

    monkeypatch.setattr(f"repro.doctor.{name}", refuse if replacement == "refuse" else replacement)
    monkeypatch.setattr("repro.doctor.caps.systemd_works", lambda: False)
    (finding,) = [one for one in doctor.examine() if one.what == what]
    assert not finding.fine
    assert remedy in finding.remedy


def test_a_full_disk_is_said(monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10 << 30, 9 << 30, 1 << 30))
    (finding,) = [one for one in doctor.examine() if one.what == "free disk"]
    assert (finding.fine, finding.needed, finding.detail) == (False, True, "1 GiB at the cache")


def test_a_part_that_fails_is_one_more_finding(monkeypatch, capsys):
    def broken() -> None:
        raise ZeroDivisionError("a slip of ours")

    monkeypatch.setattr("repro.doctor.targets.installed", broken)
    found = [one for one in doctor.examine() if "cannot tell" in one.detail]
    assert [one.detail for one in found] == ["cannot tell: ZeroDivisionError"]
    assert "a slip of ours" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("fine", "needed", "status"), [(True, True, 0), (False, False, 0), (False, True, 1), (True, False, 0)]
)
def test_the_exit_status_says_whether_something_needed_is_missing(monkeypatch, capsys, fine, needed, status):
    monkeypatch.setattr("repro.doctor.examine", lambda: [Finding("x", fine, "y", "z", needed)])
    for words, shown in ((["doctor"], "x"), (["doctor", "--json"], '"what": "x"')):
        with pytest.raises(SystemExit) as ended:
            cli.main(words)
        assert ended.value.code == status
        assert shown in capsys.readouterr().out


def test_json_is_one_list_of_findings(monkeypatch, capsys):
    monkeypatch.setattr("repro.doctor.examine", lambda: [Finding("x", True, "y")])
    with pytest.raises(SystemExit):
        cli.main(["doctor", "--json"])
    expected = [{"what": "x", "fine": True, "detail": "y", "remedy": "", "needed": False}]
    assert json.loads(capsys.readouterr().out) == expected
