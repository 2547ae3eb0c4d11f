"""An input appears whole or not at all, and is made once however many ask."""

import errno
import threading
from pathlib import Path

import pytest

from repro.errors import UserError
from repro.inputs.cache import build_once
from repro.inputs.manifest import Manifest


def make(root: Path) -> Manifest:
    (root / "1.nii").write_bytes(b"1")
    return Manifest(root, "one", {"images": "sequence"}, ({"images": ("1.nii",)},), {"1.nii": 1})


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_manifest_points_at_the_final_folder(tmp_path):
    made = build_once(tmp_path / "one", make)
    assert made.root == tmp_path / "one"
    assert (made.root / "1.nii").read_bytes() == b"1"
    assert names(tmp_path) == {"one", ".one.lock"}


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_builder_that_stops_leaves_nothing_half_made(tmp_path, error):
    def stop(root: Path) -> Manifest:
        make(root)
        raise error

    with pytest.raises(error):
        build_once(tmp_path / "one", stop)
    assert names(tmp_path) == {".one.lock"}
    assert build_once(tmp_path / "one", make).sizes == {"1.nii": 1}


def test_what_a_killed_builder_left_is_cleared_away(tmp_path):
    (tmp_path / ".one.tmp").mkdir()
    (tmp_path / ".one.tmp" / "half.nii").write_bytes(b"x")
    assert names(build_once(tmp_path / "one", make).root) == {"1.nii", "manifest.json"}
    assert names(tmp_path) == {"one", ".one.lock"}


def test_two_builders_at_once_build_once(tmp_path):
    calls: list[Path] = []
    results: list[Manifest] = []
    inside = threading.Event()

    def slow(root: Path) -> Manifest:
        calls.append(root)
        inside.set()
        other.join(0.3)  # time for the other to reach the lock
        return make(root)

    def build() -> None:
        results.append(build_once(tmp_path / "one", slow))

    def follow() -> None:
        inside.wait()
        build()

    other = threading.Thread(target=follow)
    other.start()
    build()
    other.join()
    assert len(calls) == 1
    assert results[0] == results[1]


def test_a_full_disk_is_a_users_error_and_leaves_nothing(tmp_path):
    def fill(root: Path) -> Manifest:
        make(root)
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(UserError, match=r"No space left on device.*REPRO_CACHE"):
        build_once(tmp_path / "one", fill)
    assert names(tmp_path) == {".one.lock"}


def test_other_system_errors_are_not_dressed_up(tmp_path):
    def fail(root: Path) -> Manifest:
        raise FileNotFoundError("a mistake of ours")

    with pytest.raises(FileNotFoundError):
        build_once(tmp_path / "one", fail)
