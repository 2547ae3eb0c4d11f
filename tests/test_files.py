"""A file is written whole or not at all, and a write that fails leaves nothing behind."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from repro.files import write_atomic


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_it_creates_and_replaces(tmp_path):
    path = tmp_path / "report.json"
    write_atomic(path, b"old, and longer")
    write_atomic(path, b"new")
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["report.json"]


def test_others_may_read_it(tmp_path):
    write_atomic(tmp_path / "report", b"")
    assert stat.S_IMODE((tmp_path / "report").stat().st_mode) == 0o644


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
@pytest.mark.parametrize("stop", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()], ids=["full disk", "Ctrl-C"])
def test_a_write_that_stops_at_any_step_leaves_the_old_content_and_no_other_file(tmp_path, monkeypatch, step, stop):
    path = tmp_path / "report"
    path.write_bytes(b"old")

    def stopped(*_):
        raise stop

    match step:
        case "write":
            monkeypatch.setattr(os, "fdopen", stopped)
        case "fsync":
            monkeypatch.setattr(os, "fsync", stopped)
        case "replace":
            monkeypatch.setattr(Path, "replace", stopped)
    with pytest.raises(type(stop)):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["report"]


def test_the_content_reaches_the_disk_before_it_takes_the_name(tmp_path, monkeypatch):
    path = tmp_path / "report"
    synced: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda _: synced.append(path.exists()))
    write_atomic(path, b"content")
    assert synced == [False]


def test_a_folder_that_is_not_there_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_atomic(tmp_path / "nowhere" / "report", b"")
