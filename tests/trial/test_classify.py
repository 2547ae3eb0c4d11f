"""How an ending is named, from facts alone."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.model import Killer, Symptom
from repro.trial.classify import Facts, classify

FACTS = st.builds(
    Facts,
    exit_code=st.sampled_from([None, 0, 1, 3]),
    signal=st.sampled_from([None, "SIGKILL", "SIGABRT", "SIGSEGV"]),
    started=st.booleans(),
    done=st.booleans(),
    unsupported=st.sampled_from([None, "no Nifti"]),
    faults=st.sampled_from([(), ("malformed event line",)]),
    ended_by_us=st.sampled_from(["", "cap", "timeout", "grace"]),
    group_oom_kills=st.sampled_from([None, 0, 1]),
    machine_oom_kills=st.sampled_from([None, 0, 1]),
)


@given(FACTS)
def test_every_combination_of_facts_has_a_name_and_a_reason(facts):
    ending = classify(facts)
    assert isinstance(ending.symptom, Symptom)
    assert ending.detail
    assert (ending.killer is None) or ending.basis


@given(FACTS)
def test_ok_needs_an_end_of_its_own_with_status_0_after_done(facts):
    if classify(facts).symptom is Symptom.OK:
        assert facts.done and facts.exit_code == 0 and facts.signal is None and not facts.ended_by_us


def test_the_kernel_counter_of_the_group_is_stronger_than_our_own_timeout():
    facts = Facts(None, "SIGKILL", True, False, ended_by_us="timeout", group_oom_kills=1)
    assert classify(facts).killer is Killer.KERNEL


def test_a_machine_wide_counter_is_only_called_likely():
    ending = classify(Facts(None, "SIGKILL", True, False, machine_oom_kills=1))
    assert ending.symptom is Symptom.OUT_OF_MEMORY
    assert ending.basis.startswith("likely")


def test_a_machine_wide_counter_does_not_explain_another_signal():
    assert classify(Facts(None, "SIGSEGV", True, False, machine_oom_kills=1)).symptom is Symptom.CRASH


def test_an_unknown_reason_raises():
    with pytest.raises(ValueError, match="unknown reason"):
        classify(Facts(0, None, True, True, ended_by_us="boredom"))


def test_done_decides_between_the_two_names_of_each_failure():
    pairs = {
        (symptom.value, done)
        for done, (why, signal) in itertools.product(
            (False, True), (("timeout", None), ("grace", None), ("", "SIGABRT"), ("", "SIGKILL"))
        )
        if (why != "grace" or done) and (why != "timeout" or not done)
        for symptom in [classify(Facts(None, signal, True, done, ended_by_us=why)).symptom]
    }
    assert pairs == {("hang", False), ("hang-at-exit", True), ("crash", False), ("crash-at-exit", True)}
