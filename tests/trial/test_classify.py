"""How an ending is named, from facts alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.model import Killer, Symptom
from repro.trial.classify import SILENT, Ending, Facts, classify

FACTS = st.builds(
    Facts,
    exit_code=st.sampled_from([None, 0, 1, 3]),
    signal=st.sampled_from([None, "SIGKILL", "SIGABRT", "SIGSEGV"]),
    started=st.booleans(),
    done=st.booleans(),
    unsupported=st.sampled_from([None, "no Nifti"]),
    faults=st.sampled_from([(), ("malformed event line",)]),
    ended_by_us=st.sampled_from(["", "cap", "timeout", "grace", "group-oom"]),
    group_oom_kills=st.sampled_from([None, 0, 1]),
    oom_after_done=st.sampled_from([None, False, True]),
    machine_oom_kills=st.sampled_from([None, 0, 1]),
    cap_broken=st.sampled_from(["", "left its cgroup"]),
)
HEALTHY = Facts(0, None, started=True, done=True)
KILLED = Facts(None, "SIGKILL", started=True, done=False)
COUNTED = "the cgroup's oom_kill counter rose by 2"
POOL = "the kernel killed a process that the probe had started, for memory"
WATCHED = "the watchdog saw the probe and its processes above the cap and killed them"
UNEXPLAINED = "no cap, counter or kill of ours explains it: an external SIGKILL"


@given(FACTS)
def test_every_combination_of_facts_has_a_name_and_a_reason(facts):
    ending = classify(facts)
    assert isinstance(ending.symptom, Symptom)
    assert ending.detail
    assert (ending.killer is None) == (not ending.basis)


def test_a_run_that_did_its_work_and_exited_with_status_0_is_ok():
    assert classify(HEALTHY) == Ending(Symptom.OK, "done, and exited with status 0")


@pytest.mark.parametrize(
    "but",
    [
        {"exit_code": 1},
        {"exit_code": None},
        {"exit_code": None, "signal": "SIGABRT"},
        {"exit_code": None, "signal": "SIGKILL"},
        {"started": False},
        {"done": False},
        {"unsupported": "no Nifti"},
        {"faults": ("malformed event line",)},
        {"ended_by_us": "cap"},
        {"ended_by_us": "timeout"},
        {"ended_by_us": "grace"},
        {"group_oom_kills": 1},
        {"cap_broken": "left its cgroup"},
    ],
    ids=str,
)
def test_ok_needs_all_of_it(but: dict[str, Any]):
    assert classify(replace(HEALTHY, **but)).symptom is not Symptom.OK


def test_a_kill_elsewhere_on_the_machine_does_not_touch_a_run_that_is_ok():
    assert classify(replace(HEALTHY, group_oom_kills=0, machine_oom_kills=5)).symptom is Symptom.OK


@pytest.mark.parametrize(
    ("facts", "symptom", "detail"),
    [
        (Facts(3, None, True, False), Symptom.ERROR, "exit status 3 before it was done"),
        (Facts(3, None, True, True), Symptom.ERROR, "exit status 3 after it was done"),
        (Facts(0, None, True, False), Symptom.ERROR, "exit status 0, but its last statement never ran"),
        (Facts(0, None, False, False), Symptom.KIT_FAULT, SILENT),
        (Facts(0, None, True, False, unsupported="no Nifti"), Symptom.UNSUPPORTED, "no Nifti"),
        (Facts(1, None, True, False, unsupported="no Nifti"), Symptom.ERROR, "exit status 1 before it was done"),
        (Facts(None, "SIGABRT", True, False), Symptom.CRASH, "SIGABRT before it was done"),
        (Facts(None, "SIGABRT", True, True), Symptom.CRASH_AT_EXIT, "SIGABRT after it was done"),
        (
            Facts(1, None, True, False, faults=("malformed event line", "no end")),
            Symptom.KIT_FAULT,
            "the probe broke its contract: malformed event line",
        ),
        (
            Facts(None, None, True, False),
            Symptom.KIT_FAULT,
            "how it ended is not known: the process that watched it was killed",
        ),
        (replace(KILLED, cap_broken="left its cgroup"), Symptom.KIT_FAULT, "left its cgroup"),
        (replace(KILLED, ended_by_us="timeout", timeout_s=2.5), Symptom.HANG, "not done after 2.5 s"),
        (
            Facts(None, "SIGKILL", True, True, ended_by_us="grace", grace_s=5.0),
            Symptom.HANG_AT_EXIT,
            "still alive 5 s after its last statement",
        ),
    ],
)
def test_each_end_that_nobody_else_is_to_blame_for_has_its_name_and_says_why(facts, symptom, detail):
    assert classify(facts) == Ending(symptom, detail)


@pytest.mark.parametrize(("done", "when"), [(False, "before it was done"), (True, "after it was done")])
def test_the_watchdog_that_killed_it_above_its_cap_is_named(done, when):
    ending = classify(replace(KILLED, done=done, ended_by_us="cap", machine_oom_kills=1))
    assert ending == Ending(Symptom.OUT_OF_MEMORY, f"over the memory cap, {when}", Killer.WATCHDOG, WATCHED)


@pytest.mark.parametrize(("done", "when"), [(False, "before it was done"), (True, "after it was done")])
def test_the_counter_of_its_own_cgroup_proves_that_the_kernel_killed_it(done, when):
    ending = classify(replace(KILLED, done=done, group_oom_kills=2, machine_oom_kills=2))
    assert ending == Ending(Symptom.OUT_OF_MEMORY, f"the kernel killed it for memory, {when}", Killer.KERNEL, COUNTED)


@pytest.mark.parametrize(
    ("facts", "then"),
    [
        (Facts(1, None, True, False), "the probe then ended with exit status 1"),
        (Facts(None, "SIGSEGV", True, False), "the probe then ended by SIGSEGV"),
        (replace(KILLED, ended_by_us="timeout"), "the kit then ended the probe"),
        (replace(KILLED, ended_by_us="group-oom"), "the kit then ended the probe"),
    ],
)
def test_a_kernel_that_killed_a_process_of_a_pool_is_told_with_what_became_of_the_probe(facts, then):
    ending = classify(replace(facts, group_oom_kills=2))
    assert ending.detail == f"{POOL}, before it was done; {then}"
    assert (ending.symptom, ending.killer) == (Symptom.OUT_OF_MEMORY, Killer.KERNEL)
    assert ending.basis == f"{COUNTED}; the probe itself was not killed by it"


@pytest.mark.parametrize(
    ("done", "after", "when"),
    [
        (True, True, "after it was done"),
        (True, False, "before it was done"),
        (True, None, "about when it was done"),
        (False, True, "before it was done"),
        (False, None, "before it was done"),
    ],
)
def test_when_a_process_of_a_pool_was_killed_is_told_as_far_as_it_is_known(done, after, when):
    ending = classify(Facts(0, None, True, done, group_oom_kills=1, oom_after_done=after))
    assert ending.detail == f"{POOL}, {when}; the probe then ended with exit status 0"


def test_a_machine_wide_counter_is_only_called_likely():
    likely = "likely: the machine-wide oom_kill counter rose by 3 meanwhile"
    ending = classify(replace(KILLED, machine_oom_kills=3))
    assert ending == Ending(Symptom.OUT_OF_MEMORY, "SIGKILL before it was done", Killer.KERNEL, likely)


@pytest.mark.parametrize(
    ("done", "symptom", "when"),
    [(False, Symptom.CRASH, "before it was done"), (True, Symptom.CRASH_AT_EXIT, "after it was done")],
)
@pytest.mark.parametrize("counters", [{}, {"machine_oom_kills": 0}, {"group_oom_kills": 0, "machine_oom_kills": 1}])
def test_a_kill_that_no_counter_explains_came_from_outside(counters: dict[str, Any], done, symptom, when):
    """A counter of its own that did not rise says more than one of the whole machine that did."""
    ending = classify(replace(KILLED, done=done, **counters))
    assert ending == Ending(symptom, f"SIGKILL {when}", Killer.UNKNOWN, UNEXPLAINED)


def test_a_machine_wide_counter_does_not_explain_another_signal():
    assert classify(Facts(None, "SIGSEGV", True, False, machine_oom_kills=1)).symptom is Symptom.CRASH


def test_what_a_reader_has_to_know_besides_stands_behind_the_detail():
    ending = classify(replace(KILLED, notes=("no cgroup", "swap was on")))
    assert ending == Ending(
        Symptom.CRASH, "SIGKILL before it was done; no cgroup; swap was on", Killer.UNKNOWN, UNEXPLAINED
    )


def test_an_unknown_reason_raises():
    with pytest.raises(ValueError, match="unknown reason 'boredom'"):
        classify(Facts(0, None, True, True, ended_by_us="boredom"))
