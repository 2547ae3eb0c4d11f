"""Ctrl-C and an order to stop, in the middle of trials: they end at once, and nothing of them is left."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import psutil
import pytest

from repro.model import TargetInfo
from repro.trial import caps
from repro.trial.leftovers import TOKEN_VARIABLE
from repro.trial.supervise import Interrupted
from tests.conftest import here, made_up_bug
from tests.run.test_runner import SAY_ALL, question, scratches, trials


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_runner_that_is_told_to_stop_ends_all_trials_and_keeps_none(fake, jobs):
    fake.bug(f"time.sleep(60)\n{SAY_ALL}")
    runner, began = fake.runner, time.monotonic()
    threading.Timer(0.8, runner.stop.set).start()
    with pytest.raises(Interrupted):
        trials(runner, question(timeout="50s"), 4, jobs)
    assert time.monotonic() - began < 40, "the probes were waited for"
    assert fake.kept == []


def test_after_an_interrupt_the_same_runner_can_be_used_again(fake):
    fake.bug(SAY_ALL)
    runner = fake.runner

    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trials(runner, question(), 4, 2, interrupted)
    assert len(trials(runner, question(), 2, 2)) == 2


KIT = """
import sys
from repro import cli, targets
from tests.conftest import here
targets.provision = lambda spec, **how: here()
cli.main(["run", "made-up", "--timeout", "60s", "--memory", "512MiB", *sys.argv[1:]])
"""


TWO = ("--trials", "4", "--jobs", "2")


@pytest.mark.parametrize(
    ("sent", "options"), [("SIGINT", ()), ("SIGINT", TWO), ("SIGTERM", ()), ("SIGHUP", TWO)], ids=str
)
def test_ctrl_c_a_kill_and_a_closed_terminal_end_it_at_once_say_so_and_leave_nothing(tmp_path, sent, options):
    pids = tmp_path / "pids"
    pids.mkdir()
    body = f"(Path({str(pids)!r}) / str(os.getpid())).touch()\ntime.sleep(60)\n"
    made_up_bug(tmp_path / "bugs", textwrap.dedent(body))
    before = scratches()
    places = {"REPRO_BUGS": tmp_path / "bugs", "REPRO_REPORTS": tmp_path / "reports", "REPRO_CACHE": tmp_path / "c"}
    root = Path(__file__).parents[2]
    kit = subprocess.Popen(
        [sys.executable, "-c", KIT, *options],
        env={**os.environ, **{name: str(path) for name, path in places.items()}, "PYTHONPATH": str(root)},
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    patience = time.monotonic() + 60
    while len(list(pids.iterdir())) < 1 + bool(options):
        assert kit.poll() is None and time.monotonic() < patience, "no trial began"
        time.sleep(0.02)
    kit.send_signal(signal.Signals[sent])
    out, err = kit.communicate(timeout=40)
    assert (kit.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "repro: interrupted; nothing is left running"
    assert "Traceback" not in err
    assert [path for path in pids.iterdir() if psutil.pid_exists(int(path.name))] == []
    assert [p.pid for p in psutil.process_iter() if f"{kit.pid}-" in _token(p)[: len(f"{kit.pid}-")]] == []
    assert {name for name in scratches() - before if name.startswith(f"{caps.PREFIX}{kit.pid}-")} == set()
    assert [str(path) for _, parent, _ in caps.candidates() for path in parent.glob(f"{caps.PREFIX}{kit.pid}-*")] == []
    assert list((tmp_path / "reports").rglob("*.json")) == []


def _token(process: psutil.Process) -> str:
    try:
        return process.environ().get(TOKEN_VARIABLE, "")
    except psutil.Error:
        return ""


def test_nothing_is_cleaned_away_while_an_environment_is_made(fake):
    """The first trial, and its scratch folder, come after that."""
    clean = "from repro import places; from repro.trial import at_work; at_work.refuse_if_held(places.reports())"
    said = []

    def answer(spec: str) -> TargetInfo:
        done = subprocess.run([sys.executable, "-c", clean], check=False, capture_output=True, text=True, timeout=60)
        said.append(done.stderr)
        return here(spec)

    fake.bug(SAY_ALL)
    fake.answer = answer
    fake.runner.target(question())
    assert "a kit is at work on" in said[0]
