"""A file is written whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from repro.files import write_atomic


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def fails(*args: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_the_bytes_arrive_as_they_are_in_a_folder_that_is_made(tmp_path: Path) -> None:
    file = tmp_path / "new" / "deep" / "file.bin"
    write_atomic(file, b"\x00\xff\r\n")
    assert file.read_bytes() == b"\x00\xff\r\n"
    assert names(file.parent) == ["file.bin"]


def test_everybody_may_read_it(tmp_path: Path) -> None:
    write_atomic(tmp_path / "file", b"")
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


def test_a_reader_who_has_the_old_file_open_keeps_all_of_it(tmp_path: Path) -> None:
    file = tmp_path / "file"
    write_atomic(file, b"old")
    with file.open("rb") as reader:
        write_atomic(file, b"new and longer")
        assert reader.read() == b"old"
    assert file.read_bytes() == b"new and longer"


def test_a_link_to_another_file_is_replaced_not_written_through(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.write_bytes(b"shared")
    os.link(shared, tmp_path / "hard")
    (tmp_path / "soft").symlink_to(shared)
    for name in ("hard", "soft"):
        write_atomic(tmp_path / name, b"own")
    assert shared.read_bytes() == b"shared"


@pytest.mark.parametrize("broken", ["fsync", "chmod", "replace"])
def test_a_failure_at_any_step_reaches_the_caller_and_leaves_the_old_file_alone(
    broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    write_atomic(file, b"old")
    monkeypatch.setattr(os if broken == "fsync" else Path, broken, fails)
    with pytest.raises(OSError, match="No space left"):
        write_atomic(file, b"new")
    assert names(tmp_path) == ["file"]
    assert file.read_bytes() == b"old"


def test_a_target_that_is_a_folder_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError):
        write_atomic(tmp_path / "folder", b"new")
    assert names(tmp_path) == ["folder"]
