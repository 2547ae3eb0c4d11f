"""Records to test with: one real-looking, and a Hypothesis strategy for any."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from repro.evidence.record import Evidence
from repro.model import Killer, Limits, Outcome, Sample, Stack, Symptom, Verdict

MIB = 1 << 20


def evidence(**changes: Any) -> Evidence:
    """A killed trial of ``embed-sliced-list``; ``changes`` go to ``Evidence.create``."""
    outcome = Outcome(
        Symptom.OUT_OF_MEMORY,
        "the kernel killed it for memory, before it was done",
        signal="SIGKILL",
        killer=Killer.KERNEL,
        killer_basis="the cgroup's oom_kill counter rose by 1",
        wall_s=9.8,
        peak_rss_bytes=2040 * MIB,
        peak_rss_source="sampled",
        peak_kernel_bytes=2048 * MIB,
        cap_backend="cgroup-v1",
        measures={"files_opened": 902, "files_needed": 1},
        started={"versions": {"datasets": "5.1.0"}},
        phases=((0.4, "load"), (1.2, "embed")),
        timeline=tuple(Sample(i / 4, min(2040, 60 + 55 * i) * MIB, 1) for i in range(40)),
        stderr_tail="Uploading the dataset shards:   0%|          | 0/902",
    )
    given: dict[str, Any] = {
        "bug": "embed-sliced-list",
        "scenario": "shard-first",
        "fix": "none",
        "parameters": {"sessions": 902, "content": "sparse"},
        "target": {
            "spec": "datasets==5.1.0 pyarrow==24.0.0",
            "python": "3.11.7",
            "datasets": "5.1.0",
            "pyarrow": "24.0.0",
            "packages": {"datasets": "5.1.0", "pyarrow": "24.0.0", "rich": "15.0.0"},
            "patch": None,
        },
        "limits": Limits(2048 * MIB, 120.0, 60.0),
        "outcome": outcome,
        "verdict": Verdict(Symptom.OUT_OF_MEMORY, True, "it opened 902 files where the shard needs 1"),
        "provenance": {"kit_version": "0.1.0", "git": None, "machine": {"os": "Linux"}},
        "reproduce": "repro run embed-sliced-list --scenario shard-first",
        "memray": None,
    }
    return Evidence.create(**(given | changes))


_finite = st.floats(allow_nan=False, allow_infinity=False)
_whole = st.integers(-(2**53), 2**53)
_scalar = st.none() | st.booleans() | _whole | _finite | st.text(max_size=20)
_table = st.dictionaries(
    st.text(max_size=10),
    st.recursive(_scalar, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)),
    max_size=4,
)
_symptom = st.sampled_from(list(Symptom))
_text = st.text(max_size=30) | st.just("half a pair: \udc80")
# allow_none is spelled out: builds() fills only required fields by itself
_outcomes = st.builds(
    Outcome,
    symptom=_symptom,
    detail=_text,
    exit_code=st.none() | st.integers(0, 255),
    signal=st.none() | st.just("SIGKILL"),
    killer=st.none() | st.sampled_from(list(Killer)),
    done=st.booleans(),
    wall_s=_finite,
    exit_s=st.none() | _finite,
    peak_rss_bytes=_whole,
    peak_kernel_bytes=st.none() | _whole,
    measures=_table,
    started=_table,
    phases=st.lists(st.tuples(_finite, _text), max_size=3).map(tuple),
    timeline=st.lists(st.builds(Sample, _finite, _whole, _whole), max_size=3).map(tuple),
    stdout_tail=_text,
    stderr_tail=_text,
    stacks=st.lists(st.builds(Stack, _text, _text, _text), max_size=2).map(tuple),
    survivors=st.integers(0, 9),
)

evidences = st.builds(
    evidence,
    scenario=_text,
    fix=_text,
    parameters=st.dictionaries(st.text(max_size=9), _scalar, max_size=3),
    target=_table,
    limits=st.builds(Limits, st.none() | _whole, _finite, _finite),
    outcome=_outcomes,
    verdict=st.builds(Verdict, _symptom, st.booleans(), _text),
    provenance=_table,
    reproduce=_text,
    memray=st.none() | _table,
)
