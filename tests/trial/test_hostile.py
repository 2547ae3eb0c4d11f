"""Nothing a probe does fools, hangs or outlives the supervisor: behaviour, what it is called, and what it leaves.

The table is run under every way to cap memory that works on this machine, and without a reaper, as on macOS.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from repro.model import Killer, Limits, Outcome, Request, Symptom
from repro.trial import caps, process
from repro.trial.scratch import scratch_folder
from repro.trial.supervise import supervise
from tests.trial import hostile
from tests.trial.conftest import alive, left_behind

OK, FAULT, ERROR, OOM = Symptom.OK, Symptom.KIT_FAULT, Symptom.ERROR, Symptom.OUT_OF_MEMORY
HANG, CRASH = Symptom.HANG, Symptom.CRASH
kernel = caps.writable_cgroup()
WAYS = [name for name in ("cgroup-v1", "cgroup-v2") if kernel and kernel[0] == name] + ["watchdog"]
linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux only")
root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may do that")


@dataclass(frozen=True)
class Expected:
    """``said`` is in the detail or its basis. ``killer`` is True for whoever enforces the cap there."""

    symptom: Symptom
    said: str = ""
    killer: bool | Killer | None = None
    survivors: int | None = None


BROKEN = "the probe broke its contract: "
TABLE = {
    "memory": Expected(OOM, "before it was done", killer=True),
    "memory_in_an_orphan": Expected(OOM, "before it was done", killer=True),
    "memory_in_an_orphan_without_environment": Expected(OOM, "before it was done", killer=True),
    "memory_in_a_memfd": Expected(OOM, "before it was done", killer=True),
    "memory_in_an_open_tmpfs_file": Expected(OOM, "before it was done", killer=True),
    "memory_in_a_closed_tmpfs_file": Expected(OK),
    "memory_shared_by_a_pool": Expected(OK),
    "main_thread_ends": Expected(OOM, "before it was done", killer=True),
    "child_killed_for_memory_before_done": Expected(OOM, "before it was done", killer=True),
    "sigkill_itself": Expected(CRASH, "external SIGKILL", killer=Killer.UNKNOWN),
    "orphan_stays": Expected(OK, survivors=1),
    "orphan_without_environment_stays": Expected(OK, survivors=1),
    "main_thread_of_an_orphan_ends": Expected(OK, survivors=1),
    "misleading_name": Expected(OK, survivors=1),
    "many_children": Expected(OK, survivors=40),
    "chain_of_forks": Expected(OK),
    "ignores_every_signal": Expected(HANG),
    "stops_itself": Expected(HANG),
    "traces_itself": Expected(HANG),
    "execs_another_program": Expected(HANG),
    "closes_every_file": Expected(ERROR, "its last statement never ran"),
    "kills_its_parent": Expected(FAULT, "is not known"),
    "stops_its_parent": Expected(OK),
    "kills_its_group": Expected(CRASH, "external SIGKILL", killer=Killer.UNKNOWN),
    "zombies": Expected(OK, survivors=0),
    "events_sparse": Expected(HANG),
    "events_sparse_and_ended": Expected(FAULT, f"{BROKEN}more than 16 MiB of events"),
    "events_a_fifo": Expected(FAULT, f"{BROKEN}the event file was replaced"),
    "events_a_link_to_endless": Expected(FAULT, f"{BROKEN}the event file was replaced"),
    "events_a_loop": Expected(FAULT, f"{BROKEN}the event file was replaced"),
    "events_a_folder": Expected(FAULT, f"{BROKEN}the event file was replaced"),
    "events_cut_down": Expected(FAULT, f"{BROKEN}the event file was cut down"),
    "events_endless_line": Expected(FAULT, f"{BROKEN}more than 16 MiB of events"),
    "events_100_mb_of_measures": Expected(FAULT, f"{BROKEN}more than 16 MiB of events"),
    "events_a_million": Expected(FAULT, f"{BROKEN}more than 10000 events"),
    "events_number_of_400_digits": Expected(FAULT, f"{BROKEN}malformed event line"),
    "events_number_of_5000_digits": Expected(FAULT, f"{BROKEN}malformed event line"),
    "events_time_of_400_digits": Expected(FAULT, f"{BROKEN}malformed event line"),
    "events_not_a_number": Expected(FAULT, f"{BROKEN}malformed event line"),
    "events_900_deep": Expected(FAULT, f"{BROKEN}malformed event line"),
    "events_100000_deep": Expected(FAULT, f"{BROKEN}malformed event line"),
    "events_half_a_character": Expected(FAULT, f"{BROKEN}malformed event line"),
    "events_name_is_a_list": Expected(FAULT, f"{BROKEN}malformed event line"),
    "output_replaced_by_a_fifo": Expected(OK),
    "output_replaced_by_a_link": Expected(OK),
    "output_sparse": Expected(OK),
    "output_flood": Expected(OK),
    "scratch_gone": Expected(FAULT, f"{BROKEN}the event file was replaced or removed"),
    "scratch_renamed": Expected(OK),
    "scratch_locked": Expected(OK),
    "scratch_3000_deep": Expected(OK),
    "scratch_links_out": Expected(OK),
    "hang": Expected(HANG, "not done after 2 s"),
    "busy": Expected(HANG, "not done after 2 s"),
    "exit_97": Expected(ERROR, "exit status 97 before it was done"),
    "real_time_signal": Expected(CRASH, "SIG"),
    "done_twice": Expected(FAULT, f"{BROKEN}event 'done' after done"),
    "done_and_hang": Expected(Symptom.HANG_AT_EXIT, "still alive 1 s after its last statement"),
    "done_and_abort": Expected(Symptom.CRASH_AT_EXIT, "SIGABRT after it was done"),
    "nothing": Expected(OK, survivors=0),
}
NEED_KERNEL = {
    "memory_in_a_cgroup_of_its_own": Expected(OOM, "oom_kill counter rose by 1", killer=Killer.KERNEL),
    "memory_after_leaving_the_cgroup": Expected(OOM, "left the cgroup", killer=Killer.WATCHDOG),
    "limit_raised": Expected(FAULT, "its memory cap did not hold"),
    # the probe ends right after its child, and the kernel may take both: which came first is said only if seen
    "child_killed_for_memory_and_survived": Expected(OOM, "the kernel killed ", killer=True),
}
NEED_ROOT = {
    "orphan_in_a_namespace": Expected(OK, survivors=4),
    "scratch_immutable": Expected(OK),
    "scratch_mounted_over": Expected(FAULT, f"{BROKEN}the event file was replaced or removed"),
    "scratch_bind_mount": Expected(OK),
}


def tried(behaviour: str, cap: str, outside: Path) -> Outcome:
    """Run one behaviour; whatever happens, nothing may be left of it, and what lies outside is as it was."""
    (outside / "precious").write_text("kept")
    with scratch_folder():  # what a kit makes once
        pass
    before = psutil.Process().num_fds()
    with scratch_folder() as scratch:
        request = Request("hostile", "any", "none", None, {"behaviour": behaviour}, {"outside": str(outside)}, "")
        outcome = supervise(
            request,
            sys.executable,
            Path(hostile.__file__),
            Limits(hostile.CAP, 2.0, 1.0) if outcome_may_hang(behaviour) else Limits(hostile.CAP, 20.0, 1.0),
            scratch=scratch,
            cap_backend=cap,
            take_stacks=lambda pid: (),
            machine_oom_kills=lambda: 0,
        )
    assert not scratch.exists()
    assert left_behind() == []
    assert [pid for pid in outcome.measures.get("pids", []) if alive(pid)] == []
    assert (outside / "precious").read_text() == "kept"
    assert psutil.Process().num_fds() == before
    json.dumps(outcome.measures, allow_nan=False).encode()
    return outcome


def outcome_may_hang(behaviour: str) -> bool:
    return (TABLE | NEED_KERNEL | NEED_ROOT)[behaviour].symptom in (HANG, Symptom.HANG_AT_EXIT)


def check(outcome: Outcome, expected: Expected, cap: str) -> None:
    assert outcome.symptom is expected.symptom, (outcome.detail, outcome.stderr_tail[-500:])
    assert expected.said in f"{outcome.detail} {outcome.killer_basis}"
    killer = expected.killer
    if killer is True:
        killer = Killer.WATCHDOG if cap == "watchdog" else Killer.KERNEL
    assert outcome.killer is killer
    if expected.survivors is not None:
        assert outcome.survivors == expected.survivors
    assert len(outcome.stdout_tail) < 70_000


@linux
@pytest.mark.parametrize("cap", WAYS)
@pytest.mark.parametrize("behaviour", TABLE)
def test_each_behaviour_has_its_name_and_leaves_nothing(behaviour, cap, tmp_path):
    check(tried(behaviour, cap, tmp_path), TABLE[behaviour], cap)


@linux
@pytest.mark.skipif(kernel is None, reason="no writable cgroup on this machine")
@pytest.mark.parametrize("behaviour", NEED_KERNEL)
def test_a_cap_of_the_kernel_that_is_got_round_is_noticed(behaviour, tmp_path):
    check(tried(behaviour, WAYS[0], tmp_path), NEED_KERNEL[behaviour], WAYS[0])


@linux
@root
@pytest.mark.parametrize("cap", WAYS)
@pytest.mark.parametrize("behaviour", NEED_ROOT)
def test_what_only_root_may_do_leaves_nothing_either(behaviour, cap, tmp_path):
    check(tried(behaviour, cap, tmp_path), NEED_ROOT[behaviour], cap)


# Without a reaper (macOS) orphans are found by their token and their output; one that drops both gets away.
WITHOUT_REAPER = sorted(TABLE.keys() - {"kills_its_parent", "stops_its_parent"})
GETS_AWAY = {"orphan_without_environment_stays", "memory_in_an_orphan_without_environment"}


@linux
@pytest.mark.slow
@pytest.mark.parametrize("behaviour", [name for name in WITHOUT_REAPER if name not in GETS_AWAY])
def test_without_a_reaper_the_same_holds(behaviour, tmp_path, monkeypatch):
    monkeypatch.setattr(process, "ADOPTS", False)
    check(tried(behaviour, "watchdog", tmp_path), TABLE[behaviour], "watchdog")


def test_every_behaviour_of_the_probe_is_in_the_table():
    made = {
        name
        for name, thing in vars(hostile).items()
        if callable(thing) and getattr(thing, "__module__", "") == hostile.__name__ and not name.startswith("_")
    }
    helpers = {"raw", "say", "fill", "orphan", "sleep_long", "eat"}
    assert made - helpers == set(TABLE | NEED_KERNEL | NEED_ROOT)


@linux
@pytest.mark.parametrize("cap", WAYS)
def test_pages_that_a_pool_shares_are_in_the_peak_once(cap, tmp_path):
    """A sum of RSS would be 280 MiB and more, under a cap of 128 MiB."""
    outcome = tried("memory_shared_by_a_pool", cap, tmp_path)
    assert 60 << 20 < outcome.peak_rss_bytes < hostile.CAP
    assert "counted once" in outcome.peak_rss_source
    assert max(sample.rss_bytes for sample in outcome.timeline) < hostile.CAP


@linux
def test_memory_that_no_process_shows_is_said(tmp_path):
    outcome = tried("memory_in_a_closed_tmpfs_file", "watchdog", tmp_path)
    Path(outcome.measures["file"]).unlink()
    assert "files below /dev/shm grew by 64.0 MiB meanwhile" in outcome.detail


@linux
def test_the_output_is_the_held_file_not_what_was_put_in_its_place(tmp_path):
    assert tried("output_replaced_by_a_fifo", "watchdog", tmp_path).stdout_tail == "written to the old file\n"
