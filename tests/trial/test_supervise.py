"""The supervisor under abuse: each ending is named right, and nothing of it is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from repro.model import Killer, Symptom
from repro.trial import caps
from repro.trial.supervise import Interrupted

MIB = 1 << 20
kernel_cap = pytest.mark.skipif(caps.writable_cgroup() is None, reason="no writable cgroup on this machine")
EAT = "data = []\nwhile True:\n    data.append(b'x' * (4 << 20)); time.sleep(0.002)\n"


def test_a_probe_that_ends_well_is_ok_and_its_measures_are_kept(run):
    outcome = run("say('measure', measures={'rows': 3})\nsay('done')")
    assert (outcome.symptom, outcome.exit_code, outcome.done) == (Symptom.OK, 0, True)
    assert outcome.measures == {"rows": 3}
    assert outcome.peak_rss_bytes > MIB


def test_an_exit_status_is_an_error(run):
    outcome = run("sys.exit(3)")
    assert (outcome.symptom, outcome.exit_code, outcome.signal) == (Symptom.ERROR, 3, None)


@pytest.mark.parametrize("name", ["SIGABRT", "SIGSEGV"])
def test_a_signal_is_a_crash_with_its_name_and_python_stack(run, name):
    outcome = run(f"os.kill(os.getpid(), signal.{name})")
    assert (outcome.symptom, outcome.signal, outcome.exit_code) == (Symptom.CRASH, name, None)
    assert outcome.killer is None
    assert "Fatal Python error" in outcome.stacks[0].text


def test_a_signal_after_done_is_a_crash_at_exit(run):
    assert run("say('done')\nos.abort()").symptom is Symptom.CRASH_AT_EXIT


def test_a_python_exception_is_an_error_with_its_traceback(run):
    outcome = run("raise TypeError('Expected Array')")
    assert outcome.symptom is Symptom.ERROR
    assert "TypeError: Expected Array" in outcome.stderr_tail


@kernel_cap
def test_the_kernel_is_named_when_it_killed_for_memory(run):
    outcome = run(EAT, memory=128 * MIB)
    assert (outcome.symptom, outcome.signal, outcome.killer) == (Symptom.OUT_OF_MEMORY, "SIGKILL", Killer.KERNEL)
    assert not outcome.done
    assert outcome.peak_kernel_bytes == pytest.approx(128 * MIB, rel=0.05)
    assert "oom_kill" in outcome.killer_basis


def test_the_watchdog_is_named_when_it_killed_for_memory(run):
    outcome = run(EAT, memory=128 * MIB, cap="watchdog")
    assert (outcome.symptom, outcome.signal, outcome.killer) == (Symptom.OUT_OF_MEMORY, "SIGKILL", Killer.WATCHDOG)
    assert outcome.peak_kernel_bytes is None


@pytest.mark.parametrize("cap", [None, "watchdog"])
def test_a_sigkill_from_elsewhere_is_not_taken_for_memory(run, cap):
    outcome = run("os.kill(os.getpid(), signal.SIGKILL)", memory=256 * MIB, cap=cap)
    assert (outcome.symptom, outcome.killer) == (Symptom.CRASH, Killer.UNKNOWN)
    assert "external SIGKILL" in outcome.killer_basis


@pytest.mark.parametrize("cap", [pytest.param(None, marks=kernel_cap), "watchdog"])
def test_a_fork_pool_whose_sum_breaks_the_cap_is_out_of_memory(run, cap):
    body = """
    children = []
    for _ in range(3):
        if (pid := os.fork()) == 0:
            data = bytearray(os.urandom(1 << 20) * 90)
            time.sleep(30)
            os._exit(0)
        children.append(pid)
    for pid in children:
        os.waitpid(pid, 0)
    time.sleep(30)
    """
    outcome = run(body, memory=200 * MIB, cap=cap)
    assert outcome.symptom is Symptom.OUT_OF_MEMORY
    assert outcome.killer is (Killer.WATCHDOG if cap else Killer.KERNEL)


def test_pages_that_a_fork_pool_shares_count_once(run):
    body = """
    data = bytearray(os.urandom(1 << 20) * 80)
    pids = []
    for _ in range(3):
        if (pid := os.fork()) == 0:
            time.sleep(0.5); os._exit(0)
        pids.append(pid)
    for pid in pids: os.waitpid(pid, 0)
    say('done')
    """
    assert run(body, memory=200 * MIB, cap="watchdog").symptom is Symptom.OK


def test_a_hang_before_and_after_done_are_told_apart(run):
    assert run("time.sleep(60)", timeout=0.6).symptom is Symptom.HANG
    outcome = run("say('done')\ntime.sleep(60)", timeout=30, grace=0.5)
    assert (outcome.symptom, outcome.done) == (Symptom.HANG_AT_EXIT, True)
    assert outcome.exit_s is not None and outcome.exit_s >= 0.5


def test_a_hang_is_asked_for_its_stacks_while_it_still_hangs(run):
    from repro.trial import stacks

    outcome = run("def stuck():\n    time.sleep(60)\nstuck()", timeout=0.6, take_stacks=stacks.collect)
    assert any("stuck" in stack.text for stack in outcome.stacks), [(s.tool, s.note) for s in outcome.stacks]


def test_a_grandchild_that_called_setsid_does_not_survive(run):
    body = """
    code = "import time; time.sleep(300)"
    grandchild = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    say('measure', measures={'pid': grandchild.pid})
    say('done')
    """
    outcome = run(body)
    assert outcome.symptom is Symptom.OK
    assert outcome.survivors >= 1
    assert not _alive(outcome.measures["pid"])


def test_a_grandchild_without_our_environment_does_not_survive_either(run):
    body = """
    grandchild = subprocess.Popen(["sleep", "300"], start_new_session=True, env={"PATH": os.environ["PATH"]})
    say('measure', measures={'pid': grandchild.pid})
    time.sleep(0.4)
    say('done')
    """
    assert not _alive(run(body, cap="watchdog", memory=512 * MIB).measures["pid"])


def test_a_gigabyte_of_output_is_bounded_on_disk_and_its_tail_is_kept(run):
    body = """
    from pathlib import Path
    chunk, worst = "y" * (1 << 20), 0
    for i in range(1024):
        print(chunk)
        if i % 16 == 0:
            worst = max(worst, Path("stdout").stat().st_size)
            time.sleep(0.02)
    print("the last line")
    say('measure', measures={'worst': worst})
    say('done')
    """
    outcome = run(body, timeout=60)
    assert outcome.symptom is Symptom.OK
    assert outcome.stdout_tail.endswith("the last line\n")
    assert len(outcome.stdout_tail) <= 70_000
    assert outcome.measures["worst"] < 400 * MIB


def test_a_probe_that_closes_its_output_is_still_watched(run):
    assert run("os.close(1); os.close(2); time.sleep(0.2); say('done')").symptom is Symptom.OK


def test_malformed_events_are_our_fault_and_a_cut_off_last_line_is_not(run):
    outcome = run("os.write(_fd, b'{not json}\\n'); say('done')")
    assert outcome.symptom is Symptom.KIT_FAULT
    cut = run("say('measure', measures={'a': 1}); os.write(_fd, b'{\"event\": \"mea'); os.kill(os.getpid(), 11)")
    assert (cut.symptom, cut.measures) == (Symptom.CRASH, {"a": 1})


def test_missing_events_are_our_fault_and_a_missing_done_is_an_error(run):
    assert run("", prelude="").symptom is Symptom.KIT_FAULT
    assert run("os._exit(0)").symptom is Symptom.ERROR


def test_an_unsupported_feature_is_said_by_the_probe(run):
    outcome = run("say('unsupported', reason='datasets has no Nifti')")
    assert (outcome.symptom, outcome.detail) == (Symptom.UNSUPPORTED, "datasets has no Nifti")


@pytest.mark.parametrize("cap", [pytest.param(None, marks=kernel_cap), "watchdog"])
def test_a_spike_of_50_ms_is_in_the_peak(run, cap):
    body = "spike = bytearray(200 << 20); time.sleep(0.05); del spike; time.sleep(0.3); say('done')"
    outcome = run(body, memory=1024 * MIB, cap=cap)
    assert outcome.peak_rss_bytes > 200 * MIB
    assert cap or (outcome.peak_kernel_bytes or 0) > 200 * MIB


def test_a_python_that_is_not_there_is_our_fault_in_one_sentence(run):
    outcome = run("", python="/nowhere/python3.99")
    assert (outcome.symptom, outcome.detail) == (Symptom.KIT_FAULT, "no such interpreter: python3.99")


def test_the_probe_gets_no_secret_and_no_home(run, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_canary_canary_canary")
    outcome = run("say('measure', measures={'env': dict(os.environ)}); say('done')")
    assert "HF_TOKEN" not in outcome.measures["env"]
    assert outcome.measures["env"]["HOME"] != os.environ.get("HOME")


def test_a_stopped_trial_leaves_nothing(run):
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    with pytest.raises(Interrupted):
        run("time.sleep(60)", stop=stop)


def _alive(pid: int) -> bool:
    try:
        return b"Z" not in Path(f"/proc/{pid}/stat").read_bytes().rsplit(b")", 1)[1][:3]
    except OSError:
        return False


KIT = """
import sys, time
from pathlib import Path
from repro.model import Limits, Request
from repro.trial.supervise import scratch_folder, supervise
with scratch_folder() as scratch:
    Path(sys.argv[2]).write_text(str(scratch))
    supervise(Request("b", "s", "none", None, {}, {}, ""), sys.executable, Path(sys.argv[1]),
              Limits(256 << 20, 60, 1), scratch=scratch)
"""


@pytest.mark.parametrize("cap", ["", "watchdog"])  # without a cgroup only the token finds the probe
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_kit_that_is_killed_in_the_middle_leaves_nothing(tmp_path, sent, cap):
    probe, note, pid_file = tmp_path / "probe.py", tmp_path / "note", tmp_path / "pid"
    probe.write_text(f"import os, time\nopen({str(pid_file)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)\n")
    env = os.environ | {"REPRO_CAP": cap}
    kit = subprocess.Popen([sys.executable, "-c", KIT, str(probe), str(note)], stderr=subprocess.DEVNULL, env=env)
    deadline = time.monotonic() + 20
    while not (pid_file.exists() and pid_file.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    pid, scratch = int(pid_file.read_text()), Path(note.read_text())
    assert _alive(pid) and scratch.exists()
    kit.send_signal(sent)
    kit.wait(timeout=20)

    def left() -> list[str]:
        groups = [str(p) for p in Path("/sys/fs/cgroup").glob(f"*/**/repro-{kit.pid}-*") if p.is_dir()]
        return groups + [f"process {pid}"] * _alive(pid) + [str(scratch)] * scratch.exists()

    deadline = time.monotonic() + 20
    while left() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left() == []
