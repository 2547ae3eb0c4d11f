"""The parts of the supervisor that can be looked at alone: events, caps, meters, stack tools, thinning."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.errors import UserError
from repro.model import Sample
from repro.trial import caps, cgroup, meters, stacks
from repro.trial.cgroup import Cgroup, counter
from repro.trial.events import EventReader
from repro.trial.output import HeldFile
from repro.trial.supervise import thinned
from repro.trial.tree import Tree


@given(st.lists(st.integers(1, 40), max_size=20))
def test_events_read_in_any_pieces_are_the_same(tmp_path_factory, pieces):
    lines = [{"event": "started"}, {"event": "measure", "measures": {"n": 1}}, {"event": "done"}]
    data = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    path = tmp_path_factory.mktemp("events") / "EVENTS.jsonl"
    file, at = HeldFile(path), 0
    reader = EventReader(file)
    for size in [*pieces, len(data)]:
        with path.open("ab") as file:
            file.write(data[at : at + size])
        at += size
        reader.poll()
    events = reader.finish()
    assert (events.measures, events.done, events.faults) == ({"n": 1}, True, [])


@pytest.mark.parametrize("line", [b"[]", b"3", b'{"t": 1}', b'{"event": "hello"}', b'{"event": "measure"}', b"\xff"])
def test_a_line_that_is_no_event_is_a_fault(tmp_path, line):
    file = HeldFile(tmp_path / "e")
    file.path.write_bytes(line + b"\n")
    assert len(EventReader(file).finish().faults) == 1


@given(st.lists(st.integers(0, 10**9), max_size=3000))
def test_thinning_keeps_the_peak_and_the_order(values):
    samples = [Sample(float(i), v, 1) for i, v in enumerate(values)]
    kept = thinned(samples, 50)
    assert len(kept) <= 50
    assert max((s.rss_bytes for s in kept), default=0) == max(values, default=0)
    assert list(kept) == sorted(kept, key=lambda s: s.t)


def test_an_unknown_cap_backend_names_the_valid_ones():
    with pytest.raises(UserError, match=r"systemd-run, watchdog\. For no cap, type --memory none"):
        caps.open_cap(1 << 30, "magic")


def test_a_cap_that_nobody_enforces_cannot_be_had(monkeypatch):
    """Its trial would be kept, drawn and told of as one under the cap, and reused for one that is enforced."""
    monkeypatch.setenv("REPRO_CAP", "none")
    with pytest.raises(UserError, match="--memory none"):
        caps.open_cap(1 << 30)


@pytest.mark.parametrize("backend", caps.BACKENDS)
def test_without_a_cap_it_does_not_matter_whether_the_backend_works(backend, monkeypatch):
    monkeypatch.setattr(caps, "writable_cgroup", lambda: None)
    monkeypatch.setattr(caps, "systemd_works", lambda: False)
    assert caps.open_cap(None, backend).name == "none"


def test_a_backend_that_does_not_work_here_says_so(monkeypatch):
    monkeypatch.setattr(caps, "systemd_works", lambda: False)
    with pytest.raises(UserError, match="repro doctor"):
        caps.open_cap(1 << 30, "systemd-run")


def test_without_a_cgroup_or_systemd_the_watchdog_is_chosen(monkeypatch):
    monkeypatch.setattr(caps, "writable_cgroup", lambda: None)
    monkeypatch.setattr(caps, "systemd_works", lambda: False)
    assert caps.open_cap(1 << 30).name == "watchdog"
    assert caps.open_cap(None).name == "none"


def test_without_a_cgroup_a_systemd_scope_is_chosen(monkeypatch):
    monkeypatch.setattr(caps, "writable_cgroup", lambda: None)
    monkeypatch.setattr(caps, "systemd_works", lambda: True)
    command = caps.open_cap(1 << 30).wrap(["python", "probe.py"])
    assert command[:3] == ["systemd-run", "--user", "--scope"]
    assert {"MemoryMax=1073741824", "MemorySwapMax=0", "OOMPolicy=continue"} <= set(command)
    assert command[-3:] == ["--", "python", "probe.py"]


@pytest.mark.parametrize("files", [cgroup.V1, cgroup.V2])
@pytest.mark.parametrize("memory", [None, 1 << 20])
def test_a_folder_that_is_no_cgroup_is_not_taken_for_one(tmp_path, files, memory):
    """Where version 2 is mounted elsewhere, its usual root is a plain folder in which anything can be written."""
    with pytest.raises(FileNotFoundError):
        cgroup.Cgroup("cgroup", tmp_path, files, memory)
    assert list(tmp_path.iterdir()) == []


def test_cgroup_v2_uses_the_names_of_version_2(tmp_path, monkeypatch):
    """No unified memory controller is needed: a folder stands in for the kernel's; its leaf gets the kernel's files."""
    real = Path.mkdir

    def mkdir(path, *args, **kwargs):
        real(path, *args, **kwargs)
        (path / "memory.max").write_text("max")
        (path / "memory.swap.max").write_text("max")
        (path / "memory.events").write_text("low 0\noom 2\noom_kill 1\n")
        (path / "memory.peak").write_text("4096\n")

    monkeypatch.setattr(Path, "mkdir", mkdir)
    leaf = cgroup.Cgroup("cgroup-v2", tmp_path, cgroup.V2, 1 << 20)
    assert (leaf.path / "memory.max").read_text() == "1048576"
    assert (leaf.path / "memory.swap.max").read_text() == "0"
    assert (leaf.oom_kills(), leaf.peak_bytes()) == (1, 4096)


@pytest.mark.parametrize("prefix", ["repro-"])
def test_a_cgroup_with_processes_inside_is_emptied_and_removed(prefix):
    place = caps.writable_cgroup()
    if place is None:
        pytest.skip("no writable cgroup on this machine")
    leaf = cgroup.Cgroup(*place, None)
    sleeper = subprocess.Popen(leaf.wrap(["sleep", "60"]))
    while sleeper.pid not in leaf.pids():
        assert sleeper.poll() is None
    assert leaf.path.name.startswith(prefix)
    leaf.close()
    assert sleeper.wait(timeout=5) < 0
    assert not leaf.path.exists()


def test_the_macos_counters_are_where_apple_puts_them():
    """``rusage_info_v4``: a 16-byte uuid, then 35 64-bit counters; the footprint is number 7, its lifetime peak 28."""
    assert ctypes.sizeof(meters._RUsageV4) == 16 + 35 * 8
    assert meters._RUsageV4.ri_phys_footprint.offset == 16 + 7 * 8
    assert meters._RUsageV4.ri_lifetime_max_phys_footprint.offset == 16 + 28 * 8


@pytest.mark.skipif(sys.platform != "linux", reason="VmHWM")
def test_the_peak_of_a_child_is_not_that_of_its_fat_parent():
    fat = bytearray(os.urandom(1 << 20) * 200)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        tree = Tree(child.pid)
        while tree.sample()[0] < 4 << 20:
            pass
        assert tree.peak < 100 << 20 < len(fat)
    finally:
        child.communicate(b"\n")


def test_a_stack_tool_that_is_missing_fails_or_hangs_is_said_so():
    assert stacks.run_tool("gdb", None).note == "not installed"
    failed = stacks.run_tool("x", [sys.executable, "-c", "import sys; print('a'); sys.exit('no interpreter found')"])
    assert (failed.text, failed.note) == ("a\n", "exit status 1: no interpreter found")
    hung = stacks.run_tool("x", [sys.executable, "-c", "import time; time.sleep(60)"], timeout_s=0.3)
    assert hung.note == "no answer within 0.3 s"


@pytest.mark.parametrize("platform, first", [("linux", "pystack"), ("darwin", "sample")])
def test_each_platform_has_its_stack_tools(monkeypatch, platform, first):
    monkeypatch.setattr(sys, "platform", platform)
    assert stacks.tools(1)[0][0] == first


def test_the_kernel_kills_in_the_leaf_also_where_the_groups_around_it_say_never():
    """Else every trial at its cap would be a hang."""
    place = caps.writable_cgroup()
    if place is None or place[0] != "cgroup-v1":
        pytest.skip("needs a writable cgroup of v1")
    _, parent, files = place
    around = Cgroup("cgroup-v1", parent, files, 1 << 30)
    try:
        (around.path / files.events).write_text("1")
        leaf = Cgroup("cgroup-v1", around.path, files, 1 << 30)
        assert counter(leaf.path / files.events, "oom_kill_disable") == 0
        leaf.close()
    finally:
        around.close()
