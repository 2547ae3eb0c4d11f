"""Environments, made for real by uv, from tiny packages on a shelf instead of an index."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from repro.errors import EnvironmentFault, UserError
from repro.model import Symptom, TargetInfo, Unsolvable
from repro.targets import interpreters, missing_from, provision, records, uv
from repro.targets.interpreters import Interpreter
from tests.targets.conftest import git, wheel_of

Make = Callable[..., TargetInfo | Unsolvable]
DIFF = "--- a/src/tiny/__init__.py\n+++ b/src/tiny/__init__.py\n@@ -1 +1 @@\n-version = '1.0'\n+version = 'patched'\n"
KIT = """
import sys, time
from pathlib import Path
from repro.targets import provision, uv
if sys.argv[2] == "stall":
    uv.install = lambda *args, **how: time.sleep(300)
print(provision("tiny==1.0", cache=Path(sys.argv[1]), requires=(), diagnostic=()).key)
"""


@pytest.fixture
def make(shelf: Path, tmp_path: Path) -> Make:
    def call(spec: str, **how: object) -> TargetInfo | Unsolvable:
        given = {"cache": tmp_path / "kit", "requires": (), "diagnostic": (), **how}
        return provision(spec, **given)  # type: ignore[arg-type]

    return call


@pytest.fixture
def patch(tmp_path: Path) -> Path:
    path = tmp_path / "pr.patch"
    path.write_text(DIFF)
    return path


def made(result: TargetInfo | Unsolvable) -> TargetInfo:
    assert isinstance(result, TargetInfo), result
    return result


def reported(target: TargetInfo) -> str:
    """What the environment's own python says of the package."""
    program = "import tiny; print(tiny.version)"
    return subprocess.check_output([target.python, "-c", program], text=True, cwd="/").strip()


def environments(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "kit" / "envs").iterdir() if path.is_dir()]


def kit(tmp_path: Path, how: str) -> subprocess.Popen[str]:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", KIT, str(tmp_path / "kit"), how]
    return subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)


def test_the_environment_holds_what_the_spec_says_and_nothing_else(make: Make) -> None:
    target = made(make("tiny==1.0"))
    assert target.packages == {"tiny": "1.0"}
    assert target.spec == "tiny==1.0"
    assert target.python_version == sys.version.split()[0]
    assert reported(target) == "1.0"


def test_what_is_not_pinned_is_the_newest_that_fits_all_pins_together(make: Make) -> None:
    assert made(make("latest", requires=("tiny",))).packages == {"tiny": "2.0"}
    assert made(make("app", requires=("tiny",))).packages == {"app": "1.0", "tiny": "1.0"}


def test_pins_that_exclude_each_other_are_an_outcome(make: Make, tmp_path: Path) -> None:
    result = make("app==1.0 tiny==2.0")
    assert isinstance(result, Unsolvable)
    assert result.symptom is Symptom.UNSOLVABLE
    assert result.reason.startswith("Because ")
    assert "\n" not in result.reason
    assert str(tmp_path) not in result.reason


def test_a_diagnostic_package_never_makes_a_target_unsolvable(make: Make) -> None:
    assert made(make("tiny==2.0", diagnostic=("app",))).packages == {"tiny": "2.0"}
    assert made(make("tiny==1.0", diagnostic=("app",))).packages == {"app": "1.0", "tiny": "1.0"}


def test_a_pinned_spec_is_found_again_without_uv(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    first = make("tiny==1.0")
    monkeypatch.setattr(uv, "run", lambda *args, **how: pytest.fail("uv was started"))
    assert make("tiny==1.0") == first


def test_what_is_open_is_resolved_anew_and_lands_in_the_same_environment_while_nothing_is_released(
    make: Make, shelf: Path
) -> None:
    first = made(make("latest", requires=("tiny",)))
    assert made(make("latest", requires=("tiny",))).key == first.key
    wheel_of(shelf, "tiny", "3.0")
    assert made(make("latest", requires=("tiny",))).packages == {"tiny": "3.0"}


def test_an_interpreter_that_is_not_there_is_an_outcome_that_names_those_that_are(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UV_CACHE_DIR")  # where uv remembers the interpreters that it has asked before
    result = make("tiny python==3.99")
    assert isinstance(result, Unsolvable)
    assert result.reason.startswith("no python 3.99 on this machine; found: ")


def test_a_wheel_file_is_installed_and_known_by_its_contents(make: Make, tmp_path: Path) -> None:
    path = wheel_of(tmp_path / "my dist", "tiny", "9.0", body="version = 'mine'\n")
    spec = f"'{path}'"
    first = made(make(spec))
    assert first.packages == {"tiny": "9.0"}
    assert reported(first) == "mine"
    wheel_of(tmp_path / "my dist", "tiny", "9.0", body="version = 'rebuilt'\n")
    assert reported(made(make(spec))) == "rebuilt"


def test_a_wheel_that_cannot_be_read_is_an_outcome_and_a_missing_one_a_mistake(make: Make, tmp_path: Path) -> None:
    (tmp_path / "bad-1.0-py3-none-any.whl").write_text("junk")
    result = make(f"{tmp_path}/bad-1.0-py3-none-any.whl")
    assert isinstance(result, Unsolvable)
    assert str(tmp_path) not in result.reason
    with pytest.raises(UserError, match="name an existing file"):
        make("./missing-1.0-py3-none-any.whl")


def test_a_checkout_is_another_environment_at_each_commit(make: Make, checkout_folder: Path) -> None:
    first = made(make(str(checkout_folder)))
    (checkout_folder / "tiny" / "__init__.py").write_text("version = 'second'\n")
    git(checkout_folder, "commit", "-qam", "second")
    second = made(make(str(checkout_folder)))
    assert (reported(first), reported(second)) == ("first", "second")
    head = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=checkout_folder, text=True)
    assert second.packages == {"tiny": f"1.0+git.{head[:10]}"}
    git(checkout_folder, "checkout", "-q", "HEAD~1")
    assert made(make(str(checkout_folder))).key == first.key


def test_a_checkout_that_does_not_build_is_an_outcome(make: Make, checkout_folder: Path) -> None:
    (checkout_folder / "backend.py").write_text("raise RuntimeError('broken at this commit')\n")
    result = make(str(checkout_folder))
    assert isinstance(result, Unsolvable)
    assert result.reason == "does not build: RuntimeError: broken at this commit"


def test_a_patched_release_is_another_environment_and_the_released_one_stays(make: Make, patch: Path) -> None:
    patched = made(make("tiny==1.0", patch=patch))
    assert (patched.patch, reported(patched)) == ("pr.patch", "patched")
    assert reported(made(make("tiny==1.0"))) == "1.0"
    assert made(make("tiny==1.0", patch=patch)) == patched


def test_a_patch_that_does_not_apply_is_unsupported_and_leaves_no_environment(
    make: Make, patch: Path, tmp_path: Path
) -> None:
    result = make("tiny==2.0", patch=patch)
    assert isinstance(result, Unsolvable)
    assert result.symptom is Symptom.UNSUPPORTED
    assert result.reason.startswith("patch pr.patch does not apply to tiny 2.0: ")
    assert environments(tmp_path) == []


def test_without_an_index_the_last_resolution_serves_and_says_so(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first = made(make("latest", requires=("tiny",)))
    monkeypatch.delenv("UV_NO_INDEX")
    monkeypatch.delenv("UV_FIND_LINKS")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    assert make("latest", requires=("tiny",)) == first
    assert "the package index does not answer: latest as resolved on" in caplog.text
    with pytest.raises(EnvironmentFault, match="the package index does not answer") as caught:
        make("app")
    assert "127.0.0.1" not in str(caught.value)


def test_a_kit_killed_half_way_leaves_nothing_that_a_later_one_would_trust(
    make: Make, shelf: Path, tmp_path: Path
) -> None:
    victim = kit(tmp_path, "stall")
    patience = time.monotonic() + 60
    while not list((tmp_path / "kit").glob("envs/*/bin/python")):
        assert victim.poll() is None and time.monotonic() < patience, "the kit never began an environment"
        time.sleep(0.02)
    os.kill(victim.pid, signal.SIGKILL)
    victim.communicate()
    assert reported(made(make("tiny==1.0"))) == "1.0"
    assert len(environments(tmp_path)) == 1


def test_two_kits_at_once_share_one_environment(make: Make, tmp_path: Path) -> None:
    kits = [kit(tmp_path, "go") for _ in range(2)]
    keys = {child.communicate()[0].strip() for child in kits}
    assert [child.returncode for child in kits] == [0, 0]
    assert keys == {made(make("tiny==1.0")).key}
    assert len(environments(tmp_path)) == 1


def test_an_interrupt_removes_what_was_begun(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: object, **how: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(uv, "install", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make("tiny==1.0")
    assert environments(tmp_path) == []


# What an environment is


def test_another_interpreter_is_another_environment_of_the_same_packages(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = interpreters.running()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(real.path)
    keys, asked, resolve = set(), [], uv.resolve

    def resolved(wanted: list[str], python: Path, *, cwd: Path) -> tuple[str, ...]:
        asked.append(python)
        return resolve(wanted, python, cwd=cwd)

    monkeypatch.setattr(uv, "resolve", resolved)
    for python in (real, Interpreter("3.99.0", real.path), Interpreter(real.version, tmp_path / "bin" / "python")):
        monkeypatch.setattr(interpreters, "find", lambda spec, python=python: python)
        target = made(make("tiny==1.0"))
        assert (target.packages, target.python_version) == ({"tiny": "1.0"}, python.version)
        keys.add(target.key)
    assert len(keys) == 3
    assert asked == [real.path, real.path, tmp_path / "bin" / "python"], "what fits one may not fit another"


def test_packages_that_do_not_come_from_the_checkout_or_wheel_of_the_target_are_told(
    make: Make, checkout_folder: Path, tmp_path: Path
) -> None:
    mine = made(make(str(checkout_folder), requires=("tiny",)))
    other = made(make(f"{wheel_of(tmp_path / 'dist', 'My_Other', '1.0')} tiny==1.0"))
    released = made(make("tiny==1.0"))
    assert (mine.local, other.local, released.local) == (("tiny",), ("my-other",), ())
    assert missing_from(mine, ["tiny"]) == ()
    assert missing_from(mine, ["other", "tiny"]) == ("other",)
    assert missing_from(other, ["tiny"]) == ("tiny",)
    assert missing_from(other, ["my.other"]) == ()
    assert missing_from(released, ["tiny"]) == (), "a target without local sources is no claim about any"


# The machine is at fault


def test_nothing_is_left_in_the_temporary_folder(
    make: Make, checkout_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    litter = tmp_path / "tmp"
    litter.mkdir()
    monkeypatch.setenv("TMPDIR", str(litter))
    monkeypatch.setattr(tempfile, "tempdir", None)
    backend = checkout_folder / "backend.py"
    backend.write_text(
        "import tempfile\ntempfile.mkstemp(prefix='uv-setuptools-', suffix='.lock')\n" + backend.read_text()
    )
    made(make(str(checkout_folder)))
    made(make("tiny==1.0"))
    assert list(litter.iterdir()) == []
    assert not [path for path in (tmp_path / "kit").rglob("*") if path.match("uv-*.lock")]


def test_a_cache_that_is_no_folder_is_named_with_the_way_out(make: Make, tmp_path: Path) -> None:
    (tmp_path / "kit").touch()
    with pytest.raises(EnvironmentFault, match=r"^cannot write in .*/kit \(.*\): .* another folder with REPRO_CACHE$"):
        make("tiny==1.0")


@pytest.mark.parametrize("about", [None, "envs/x", ".."])
def test_a_full_or_read_only_cache_is_named_with_the_way_out_and_nothing_half_made_stays(
    about: str | None, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make("tiny==1.0")

    def full(*args: object) -> None:
        raise OSError(
            errno.ENOSPC, "No space left on device", *([] if about is None else [str(tmp_path / "kit" / about)])
        )

    monkeypatch.setattr(records, "write_atomic", full)
    with pytest.raises(EnvironmentFault, match=r"^cannot write in .*/kit \(No space left on device\): .* REPRO_CACHE$"):
        make("tiny==2.0")
    assert len(environments(tmp_path)) == 1
    made(make("tiny==1.0"))  # what is there already needs no writing


def test_a_fault_of_another_file_is_not_blamed_on_the_cache(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*args: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "/elsewhere")

    monkeypatch.setattr(records, "write_atomic", denied)
    with pytest.raises(PermissionError):
        make("tiny==2.0")


def test_a_cache_of_uv_that_cannot_be_made_is_named_with_the_way_out(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "file" / "uv"))
    with pytest.raises(EnvironmentFault, match=r"^uv could not .* in .*/file/uv \(.*\): .*UV_CACHE_DIR"):
        make("tiny==1.0")


def test_a_new_environment_starts_with_what_its_neighbours_have_compiled(make: Make) -> None:
    first = made(make("tiny==1.0"))
    subprocess.run([first.python, "-c", "import tiny"], check=True, cwd="/", env={})
    (compiled,) = first.python.parents[1].glob("lib/*/site-packages/tiny/__pycache__/*.pyc")
    second = made(make("app==1.0"))
    assert (second.python.parents[1] / compiled.relative_to(first.python.parents[1])).is_file()
