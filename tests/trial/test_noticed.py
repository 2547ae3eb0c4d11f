"""Single faults that could slip into the supervisor unseen: each test here turns red by one of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from repro.errors import UserError
from repro.model import Killer, Sample, Stack, Symptom
from repro.trial import cgroup, leftovers, meters, process, reaper, scratch
from repro.trial.classify import Facts, classify
from repro.trial.events import MAX_BYTES, EventReader
from repro.trial.output import FLOOD_BYTES, TAIL_BYTES, HeldFile, Output
from repro.trial.supervise import MAX_SAMPLES, scratch_folder, thinned
from repro.trial.tree import Tree

MIB = 1 << 20
PLACE = cgroup.writable_cgroup()
kernel_cap = pytest.mark.skipif(PLACE is None, reason="no writable cgroup on this machine")
linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux only")


# Whose kill it was


def test_a_kill_of_the_kernel_elsewhere_is_not_ours_if_our_own_counter_is_known():
    ending = classify(Facts(None, "SIGKILL", True, False, group_oom_kills=0, machine_oom_kills=3))
    assert (ending.symptom, ending.killer) == (Symptom.CRASH, Killer.UNKNOWN)


def test_a_kill_of_the_kernel_elsewhere_may_be_ours_if_there_is_no_counter(run):
    counts = iter([5, 6])
    outcome = run("os.kill(os.getpid(), 9)", memory=256 * MIB, cap="watchdog", machine_oom_kills=lambda: next(counts))
    assert (outcome.symptom, outcome.killer) == (Symptom.OUT_OF_MEMORY, Killer.KERNEL)
    assert outcome.killer_basis.startswith("likely")


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (Facts(None, "SIGKILL", True, True, group_oom_kills=1), "the kernel killed it for memory, after it was done"),
        (
            Facts(0, None, True, True, group_oom_kills=1, oom_after_done=False),
            "the kernel killed a process that the probe had started, for memory, before it was done; "
            "the probe then ended with exit status 0",
        ),
        (
            Facts(None, "SIGKILL", True, True, ended_by_us="group-oom", group_oom_kills=1, oom_after_done=None),
            "the kernel killed a process that the probe had started, for memory, about when it was done; "
            "the kit then ended the probe",
        ),
        (
            Facts(None, "SIGABRT", True, True, group_oom_kills=1, oom_after_done=True),
            "the kernel killed a process that the probe had started, for memory, after it was done; "
            "the probe then ended by SIGABRT",
        ),
    ],
)
def test_it_is_said_who_killed_whom_and_when(facts, said):
    ending = classify(facts)
    assert (ending.symptom, ending.killer, ending.detail) == (Symptom.OUT_OF_MEMORY, Killer.KERNEL, said)


def test_a_plain_hang_is_not_said_to_be_after_the_last_statement():
    assert classify(Facts(None, "SIGKILL", True, False, ended_by_us="timeout", timeout_s=7)).detail == (
        "not done after 7 s"
    )
    assert classify(Facts(None, "SIGKILL", True, True, ended_by_us="grace", grace_s=7)).detail == (
        "still alive 7 s after its last statement"
    )


@kernel_cap
def test_a_probe_that_cannot_enter_its_cgroup_is_our_fault_and_its_own_status_97_is_not(run, monkeypatch):
    own = run("os._exit(97)", memory=256 * MIB)
    assert (own.symptom, own.exit_code) == (Symptom.ERROR, 97)
    enter = cgroup.Cgroup.wrap
    monkeypatch.setattr(
        cgroup.Cgroup, "wrap", lambda self, command: [w.replace(self.path.name, "gone") for w in enter(self, command)]
    )
    refused = run("", memory=256 * MIB)
    assert (refused.symptom, refused.detail) == (
        Symptom.KIT_FAULT,
        "the probe broke its contract: it could not enter its cgroup",
    )


# How much memory


@pytest.mark.parametrize("limit_first", [True, False])
def test_swap_is_capped_with_memory_in_both_cgroup_versions(tmp_path, monkeypatch, limit_first):
    """A folder stands in for the kernel's; version 1 counts memory and swap together."""
    files = cgroup.V1 if limit_first else cgroup.V2
    real = Path.mkdir

    def mkdir(path, *args, **kwargs):
        real(path, *args, **kwargs)
        (path / files.limit).write_text("untouched")
        (path / files.swap).write_text("untouched")

    monkeypatch.setattr(Path, "mkdir", mkdir)
    leaf = cgroup.Cgroup("cgroup", tmp_path, files, MIB)
    assert (leaf.path / files.limit).read_text() == str(MIB)
    assert (leaf.path / files.swap).read_text() == (str(MIB) if files is cgroup.V1 else "0")


@linux
def test_a_peak_in_kilobytes_becomes_bytes():
    peak, source = meters.exact_peak(os.getpid()) or (0, "")
    told = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert source == "VmHWM"
    assert told is not None
    assert peak <= int(told.group(1)) * 1024 < 2 * peak


@linux
def test_the_exact_peak_of_the_root_is_not_taken_for_that_of_a_tree(monkeypatch):
    child = subprocess.Popen(["sleep", "60"])
    monkeypatch.setattr(meters, "exact_peak", lambda pid: (1 << 50, "VmHWM"))
    try:
        tree = Tree(os.getpid())
        tree.sample([child.pid])
        assert 0 < tree.peak < 1 << 50
        assert tree.peak_source.startswith("sampled")
    finally:
        child.kill()
        child.wait()


class Fake:
    def __init__(self, pid: int) -> None:
        self.pid = pid

    def is_running(self) -> bool:
        return True


def test_the_cap_holds_for_a_peak_between_two_samples_of_a_lone_process():
    tree = Tree(os.getpid())
    tree.peak, tree.peak_source = 300, "VmHWM"
    assert tree.above(200, total=100)
    tree.peak_source = "sampled"
    assert not tree.above(200, total=100)


@pytest.mark.parametrize(("sum_of_rss", "proportional", "above"), [(300, 150, False), (300, 250, True)])
def test_shared_pages_count_once_against_the_cap(monkeypatch, sum_of_rss, proportional, above):
    tree = Tree(os.getpid())
    tree.known = {1: Fake(1), 2: Fake(2)}  # type: ignore[dict-item]
    monkeypatch.setattr(meters, "proportional", lambda processes: proportional)
    assert tree.above(200, sum_of_rss) is above


@given(st.integers(0, 5000), st.integers(0, 10**6), st.sampled_from([1, 7, 50, MAX_SAMPLES]))
@example(3000, 2999, 50)
def test_a_timeline_of_thousands_of_samples_keeps_its_peak_when_thinned(count, where, limit):
    samples = [Sample(float(i), 1, 1) for i in range(count)]
    if count:
        samples[where % count] = Sample(float(where % count), 2, 1)
    kept = thinned(samples, limit)
    assert len(kept) <= limit
    assert not count or samples[where % count] in kept
    assert list(kept) == sorted(kept, key=lambda sample: sample.t)


def test_a_timeline_keeps_its_peak_over_a_long_run(run, monkeypatch):
    """2,000 ticks are not waited for: the limits of the timeline are made small instead."""
    monkeypatch.setattr("repro.trial.supervise.MAX_SAMPLES", 5)
    body = "spike = bytearray(os.urandom(1 << 20) * 150); time.sleep(0.2); del spike; time.sleep(1.5); say('done')"
    outcome = run(body)
    assert max(sample.rss_bytes for sample in outcome.timeline) > 150 * MIB


# How long


def test_the_grace_is_not_added_to_the_timeout(run):
    outcome = run("time.sleep(600)", timeout=0.5, grace=500)
    assert outcome.symptom is Symptom.HANG
    assert outcome.wall_s < 500


def test_the_time_that_stacks_take_is_not_the_probes(run):
    def slow(pid: int) -> tuple[Stack, ...]:
        time.sleep(2)
        return ()

    began = time.monotonic()
    outcome = run("time.sleep(600)", timeout=0.3, take_stacks=slow)
    assert outcome.wall_s < time.monotonic() - began - 2 + 0.001
    late = run("say('done'); time.sleep(600)", timeout=30, grace=0.3, take_stacks=slow)
    assert late.exit_s is not None
    assert late.exit_s < 2


def test_the_wait_for_the_end_begins_with_the_last_statement_not_with_the_start(run):
    outcome = run("time.sleep(1); say('done'); time.sleep(600)", timeout=300, grace=0.3)
    assert outcome.exit_s is not None
    assert outcome.wall_s - outcome.exit_s >= 1


# What it prints, and what it may do


@pytest.mark.parametrize("floods", [1, 2, 3])
def test_each_byte_of_output_is_in_the_tail_or_counted_also_after_several_floods(tmp_path, floods):
    output = Output(tmp_path / "stdout")
    written = 0
    for number in range(floods):
        os.write(output.fd, bytes([65 + number]) * (FLOOD_BYTES + 1))
        written += FLOOD_BYTES + 1
        assert output.flooded
        output.trim()
        assert not output.flooded
    os.write(output.fd, b"the end\n")
    written += 8
    note, _, tail = output.tail().partition("\n")
    assert note == f"[{written - TAIL_BYTES} bytes of output dropped]"
    assert tail == chr(64 + floods) * (TAIL_BYTES - 8) + "the end\n"
    output.close()


def test_output_that_fits_has_no_note(tmp_path):
    output = Output(tmp_path / "stdout")
    os.write(output.fd, b"x" * TAIL_BYTES)
    assert output.tail() == "x" * TAIL_BYTES
    output.close()


def test_a_probe_may_not_reach_the_hub_and_sends_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    env = process.probe_environment(tmp_path, "token")
    assert (env["HF_HUB_OFFLINE"], env["HF_HUB_DISABLE_TELEMETRY"], env["DO_NOT_TRACK"]) == ("1", "1", "1")


@linux
def test_a_process_found_by_its_token_alone_is_a_survivor(run, monkeypatch):
    """Without a reaper, and gone from the tree before anybody looked."""
    monkeypatch.setattr(process, "ADOPTS", False)
    monkeypatch.setattr(Tree, "_look_around", lambda self, others: None)
    body = """
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            null = os.open("/dev/null", os.O_RDWR)
            os.dup2(null, 1); os.dup2(null, 2)
            time.sleep(600)
        os._exit(0)
    os.wait()
    say('done')
    """
    assert run(body, cap="watchdog", memory=512 * MIB).survivors == 1


def test_the_reaper_knows_the_names_of_the_tokens():
    assert (leftovers.REAPER_VARIABLE, leftovers.TOKEN_VARIABLE) == reaper.TOKENS


# Where it works


@pytest.mark.parametrize("kind", ["full", "missing", "a file", "readonly"])
def test_a_temporary_folder_that_cannot_be_used_is_one_line_with_place_and_remedy(tmp_path, monkeypatch, kind):
    place = tmp_path / "tmp"
    if kind == "a file":
        place.touch()
    elif kind != "missing":
        place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setattr("tempfile.tempdir", str(place))
    if kind == "full":
        monkeypatch.setattr(scratch, "full", lambda folder: "0 B free, 16.0 MiB needed")
    if kind == "readonly":  # root may write anywhere, so the system's answer is made up
        monkeypatch.setattr(Path, "mkdir", _refuse)
    with pytest.raises(UserError) as error, scratch_folder():
        pass
    assert str(place) in str(error.value)
    assert "TMPDIR" in str(error.value)
    assert "\n" not in str(error.value)


def _refuse(*_: object, **__: object) -> None:
    raise OSError(30, "Read-only file system")


def test_a_probe_that_fails_because_the_disk_is_full_says_nothing_of_the_bug(run, monkeypatch):
    monkeypatch.setattr("repro.trial.supervise.full", lambda folder: "0 B free, 16.0 MiB needed")
    outcome = run("raise OSError(28, 'No space left on device')")
    assert outcome.symptom is Symptom.KIT_FAULT
    assert "TMPDIR" in outcome.detail
    assert run("say('done')").symptom is Symptom.OK


# The event reader takes anything


LINE = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [
            b'{"event": "done"}',
            b'{"event": "measure", "measures": {"n": 1}}',
            b"[" * 2000,
            b"9" * 5000,
            b'{"event": "measure", "measures": {"n": "\\ud800"}}',
        ]
    ),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    ).map(lambda value: json.dumps({"event": "measure", "measures": value, "t": value}).encode()),
)


@given(st.lists(st.tuples(LINE, st.booleans()), max_size=30), st.integers(0, 9))
def test_whatever_is_written_the_reader_neither_raises_nor_keeps_what_cannot_be_saved(tmp_path_factory, lines, cut):

    file = HeldFile(tmp_path_factory.mktemp("fuzz") / "events")
    reader = EventReader(file)
    for line, look in lines:
        os.write(file.fd, line + b"\n")
        if look:
            reader.poll()
    if cut == 0:
        os.ftruncate(file.fd, 3)
    if cut == 1:
        os.ftruncate(file.fd, MAX_BYTES + 10)
    events = reader.finish()
    json.dumps(
        [events.measures, events.started, events.phases, events.unsupported], allow_nan=False, ensure_ascii=False
    ).encode()
    assert all(isinstance(fault, str) and len(fault) < 500 for fault in events.faults)
    file.close()


# Leftovers of kits


def test_a_process_number_that_was_given_out_again_is_not_the_kit():
    own = psutil.Process()
    assert not leftovers.owner_is_gone(f"repro-{own.pid}-abc", time.time())
    assert leftovers.owner_is_gone(f"repro-{own.pid}-abc", own.create_time() - 60)
    assert not leftovers.owner_is_gone("repro-mine-abc", time.time())
