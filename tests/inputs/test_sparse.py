"""Large inputs are laid out only where holes stay holes and the disk has room."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from repro.errors import UserError
from repro.inputs import cohort, sparse, uniform


def test_a_sparse_file_system_with_room_passes_and_nothing_is_left(tmp_path):
    sparse.require(tmp_path, 1)
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_that_stores_holes_is_refused_and_nothing_is_left(tmp_path):
    with pytest.raises(UserError, match=r"is not sparse \(16777216 bytes .* REPRO_CACHE") as caught:
        sparse.require(tmp_path, 1, allocated=lambda file: file.stat().st_size)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_one_coarse_record_for_the_header_is_still_sparse(tmp_path):
    sparse.require(tmp_path, 1, allocated=lambda file: 128 << 10)
    with pytest.raises(UserError, match="not sparse"):
        sparse.require(tmp_path, 1, allocated=lambda file: 1 << 20)


@pytest.mark.parametrize("needed", [1001, 10**15])
def test_too_full_is_refused_and_the_remedy_named(tmp_path, needed):
    with pytest.raises(UserError, match=r"MB free .* REPRO_CACHE"):
        sparse.require(tmp_path, needed, free=lambda folder: 1000)


def test_exactly_enough_room_passes(tmp_path):
    sparse.require(tmp_path, 1000, free=lambda folder: 1000)


def test_the_builders_ask_first(tmp_path, monkeypatch):
    def refuse(folder: Path, needed: int) -> None:
        raise UserError(f"asked for {needed}")

    monkeypatch.setattr(sparse, "require", refuse)
    with pytest.raises(UserError, match="asked for"):
        cohort.build(tmp_path, sessions=3)
    with pytest.raises(UserError, match=f"asked for {6 * sparse.PER_FILE}"):
        uniform.build(tmp_path, rows=3, files_per_row=2, file_size=1000, content="sparse")
    assert [p.name for p in tmp_path.iterdir() if not p.name.endswith(".lock")] == []


def _mounted(tmp_path: Path, make: list[str] | None, options: list[str]) -> Path:
    """Mount an image made by ``make`` (or a tmpfs, without it); skip where that is not possible."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting needs root on Linux")
    folder, image = tmp_path / "mounted", tmp_path / "image"
    folder.mkdir()
    if make:
        if not shutil.which(make[0]):
            pytest.skip(f"{make[0]} is not installed")
        with image.open("wb") as file:
            file.truncate(256 << 20)
        subprocess.run([*make, image], check=True, capture_output=True)
    mounted = subprocess.run(["mount", *options, image if make else "tmpfs", folder], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"cannot mount here: {mounted.stderr.strip()}")
    return folder


# FAT has no holes at all; ext4 in clusters of 16 MiB has none that the probe could see, so it is a stand-in that
# every Linux kernel can mount.
@pytest.mark.parametrize(
    "make",
    [["mkfs.vfat"], ["mkfs.ext4", "-q", "-O", "bigalloc", "-C", str(16 << 20)]],
    ids=["vfat", "ext4-bigalloc"],
)
def test_a_real_file_system_without_holes_is_refused(tmp_path, make):
    folder = _mounted(tmp_path, make, ["-o", "loop"])
    try:
        with pytest.raises(UserError, match="is not sparse"):
            cohort.build(folder / "cache", sessions=3)
        left = [path.name for path in (folder / "cache").iterdir()]
    finally:
        subprocess.run(["umount", folder], check=True)
    assert left == [".arc-7894-3-v1.lock"]


def test_a_real_full_disk_is_refused(tmp_path):
    folder = _mounted(tmp_path, None, ["-t", "tmpfs", "-o", "size=1m"])
    try:
        with pytest.raises(UserError, match="MB free and these inputs need"):
            cohort.build(folder, sessions=100)
    finally:
        subprocess.run(["umount", folder], check=True)
