"""Exit statuses as shells and git read them: a fault of the machine is no verdict, and a closed pipe changes none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from repro import targets
from repro.errors import EnvironmentFault, UserError
from tests.conftest import Fake, Kit, made_up_bug
from tests.targets.conftest import git

ROOT = Path(__file__).resolve().parents[1]
KIT = """
import errno, os, sys
from pathlib import Path
from repro import cli, targets
from repro.errors import EnvironmentFault
from tests.conftest import here

def provision(spec, **how):
    if state == "index":
        raise EnvironmentFault("the index does not answer; try again")
    return here()

def full(descriptor):
    raise OSError(errno.ENOSPC, "No space left on device")

state = Path(os.environ["STATE"]).read_text().strip() if "STATE" in os.environ else ""
if state:
    with open(os.environ["STATE"] + "-tried", "a") as tried:
        tried.write(state + "\\n")
if state == "full":
    os.fsync = full
targets.provision = provision
cli.main(sys.argv[1:])
"""
COUNTED = "say('measure', measures={'seen': %d})\nsay('done')"
BODIES = {0: COUNTED % 3, 1: COUNTED % 9, 125: "sys.exit(3)"}


def environment(root: Path, **more: str) -> dict[str, str]:
    places = {"REPRO_BUGS": root / "bugs", "REPRO_REPORTS": root / "reports", "REPRO_CACHE": root / "cache"}
    return {**os.environ, **{name: str(path) for name, path in places.items()}, "PYTHONPATH": str(ROOT), **more}


# Faults of the machine


@pytest.mark.parametrize(
    ("error", "status"),
    [(EnvironmentFault("the index does not answer"), 125), (UserError("there is no such release"), 2)],
)
@pytest.mark.parametrize("command", ["run", "matrix", "bisect", "regress"])
def test_a_fault_of_the_machine_is_no_mistake_and_no_verdict(
    fake: Fake, kit: Kit, monkeypatch: pytest.MonkeyPatch, command: str, error: UserError, status: int
) -> None:
    fake.bug(COUNTED % 3)

    def fails(spec: str) -> object:
        raise error

    fake.answer = fails  # type: ignore[assignment]
    axis = {"matrix": ["--axis", "datasets==1.0,2.0"], "bisect": ["--axis", "datasets==1.0,2.0"]}
    said = kit(command, "made-up", *axis.get(command, []))
    assert (said.status, said.out) == (status, "")
    assert said.err.splitlines()[-1] == f"repro: {error}"


def test_a_full_disk_is_no_verdict(fake: Fake, kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.bug(COUNTED % 9)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    said = kit("run", "made-up")
    assert (said.status, said.out) == (125, "") and "No space left on device" in said.err


def test_an_interrupt_is_no_verdict(fake: Fake, kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.bug(COUNTED % 3)

    def stop(*args: object, **how: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(targets, "provision", stop)
    assert kit("run", "made-up").status == 130, "above 127 ends git bisect run"


# A reader that goes away


@pytest.mark.parametrize(
    ("status", "options"), [*((status, ()) for status in BODIES), (1, ("--json",)), (1, ("--trials", "2"))]
)
def test_a_closed_pipe_keeps_the_status_of_the_verdict(tmp_path: Path, status: int, options: tuple[str, ...]) -> None:
    made_up_bug(tmp_path / "bugs", BODIES[status])
    kit = subprocess.Popen(
        [sys.executable, "-c", KIT, "run", "made-up", *options],
        env=environment(tmp_path),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert kit.stdout is not None and kit.stderr is not None
    kit.stdout.close()
    said = kit.stderr.read().decode()
    kit.stderr.close()
    assert kit.wait(60) == status
    assert "Traceback" not in said and "BrokenPipe" not in said


def test_the_status_is_kept_in_a_shell_that_reads_one_line(tmp_path: Path) -> None:
    made_up_bug(tmp_path / "bugs", BODIES[1])
    (tmp_path / "kit.py").write_text(KIT)
    line = f'"{sys.executable}" "{tmp_path / "kit.py"}" run made-up 2>&1 | head -1; echo "${{PIPESTATUS[0]}}"'
    done = subprocess.run(
        ["bash", "-c", line], env=environment(tmp_path), cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "1"


def test_a_reader_who_closes_both_streams_changes_nothing_either(tmp_path: Path) -> None:
    made_up_bug(tmp_path / "bugs", BODIES[1])
    read, write = os.pipe()
    kit = subprocess.Popen(
        [sys.executable, "-c", KIT, "run", "made-up"], env=environment(tmp_path), cwd=ROOT, stdout=write, stderr=write
    )
    os.close(read)
    os.close(write)
    assert kit.wait(60) == 1


# git bisect run


STATES = ("good", "good", "broken", "good", "index", "good", "bad", "full", "cap", "bad")
PROBE = """
state = Path({state!r}).read_text().strip()
if state == "broken":
    raise ImportError("numpy.core.multiarray failed to import")
if state == "cap":
    data = bytearray(300 << 20)
    time.sleep(5)
say("started", versions={{}})
say("measure", measures={{"seen": 9 if state == "bad" else 3}})
say("done")
"""


@pytest.mark.slow
def test_git_bisect_run_finds_the_commit_although_machine_and_environments_fail_in_between(tmp_path: Path) -> None:
    repository = tmp_path / "checkout"
    repository.mkdir()
    git(repository, "init", "-q")
    for number, state in enumerate(STATES):
        (repository / "state").write_text(f"{state}\n")
        (repository / "NEWS").write_text(f"change {number}\n")
        git(repository, "add", "-A")
        git(repository, "commit", "-qm", f"change {number}: {state}")
    made_up_bug(tmp_path / "bugs", PROBE.format(state=str(repository / "state")), started=False)
    listed = subprocess.run(
        ["git", "rev-list", "--reverse", "HEAD"], cwd=repository, capture_output=True, text=True, check=True
    )
    commits = listed.stdout.split()
    git(repository, "bisect", "start", commits[-1], commits[0])
    done = subprocess.run(
        ["git", "bisect", "run", sys.executable, "-c", KIT, "run", "made-up", "--memory", "128MiB"],
        cwd=repository,
        env=environment(tmp_path, STATE=str(repository / "state")),
        capture_output=True,
        text=True,
        check=False,
    )
    tried = set((repository / "state-tried").read_text().split())
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{commits[STATES.index('bad')]} is the first bad commit" in done.stdout
    assert {"index"} < tried and tried & {"broken", "full", "cap"}, tried


# Places that cannot be used


@pytest.mark.parametrize("words", [("page",), ("claims",), ("issue", "embed-sliced-list"), ("doctor",)])
@pytest.mark.parametrize("variable", ["REPRO_REPORTS", "REPRO_CACHE"])
def test_a_place_that_cannot_be_used_is_one_line_and_never_a_traceback(tmp_path, words, variable):
    plain = tmp_path / "file"
    plain.write_text("not a folder")
    env = {**os.environ, "REPRO_REPORTS": str(tmp_path / "reports"), "REPRO_CACHE": str(tmp_path / "cache")}
    env[variable] = str(plain / "below")
    done = subprocess.run([sys.executable, "-m", "repro", *words], env=env, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert done.returncode in {0, 1, 2, 125} and (done.returncode != 125 or str(plain) in done.stderr)
