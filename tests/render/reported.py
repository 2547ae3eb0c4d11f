"""Evidence of both kinds to render: a deterministic bug with releases and fixes, and a race with stacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from repro import bugs
from repro.bugs.declaration import Bug, Column
from repro.bugs.pending import chapters
from repro.decide.claims import Chapter, ledger
from repro.evidence.record import Evidence
from repro.model import Killer, Limits, Outcome, Sample, Stack, Symptom, Verdict
from tests.evidence.examples import MIB, evidence

OPENED = Column("files opened", lambda outcome: str(outcome.measures.get("files_opened", "")))
EMBED: Bug = replace(bugs.load("embed-sliced-list"), columns=(OPENED,))
EXIT: Bug = bugs.load("exit-hang")
GDB = """\
[New LWP 2]
To enable execution of this file add
\tadd-auto-load-safe-path ~/.pyenv/versions/3.11.7/bin/python3.11-gdb.py
Thread 3 (Thread 0x7f5 (LWP 3) "python"):
#0  0x00007f45 in __GI___futex_abstimed_wait_cancelable64 (private=0) at ./nptl/futex-internal.c:139
#1  0x00007f45 in blas_thread_server () from <cache>/envs/9bc3/lib/python3.11/site-packages/numpy.libs/libopenblas.so
#2  0x00007f45 in clone3 () at ../sysdeps/unix/sysv/linux/x86_64/clone3.S:81

Thread 2 (Thread 0x7f5 (LWP 2) "jemalloc_bg_thd"):
#0  __futex_abstimed_wait_common64 (private=0, futex_word=0x7f) at ./nptl/futex-internal.c:57
#5  0x00007f53 in background_thread_entry () from <cache>/pyarrow/libarrow.so.2200

Thread 1 (Thread 0x7f6 (LWP 1) "python"):
#0  __futex_abstimed_wait_common64 (private=0) at ./nptl/futex-internal.c:57
#5  0x00007f53 in std::condition_variable::wait(std::unique_lock<std::mutex>&) () from /lib/libstdc++.so.6
#6  0x00007f53 in arrow::internal::ThreadPool::Shutdown(bool) () from <cache>/pyarrow/libarrow.so.2200
#7  0x00007f53 in std::_Sp_counted_ptr<Pool*, (__gnu_cxx::_Lock_policy)2>::_M_dispose() () from <cache>/libarrow.so.2200
#9  0x00007f53 in __run_exit_handlers (status=0, listp=0x7f) at ./stdlib/exit.c:116
#10 0x00007f53 in __GI_exit (status=<optimized out>) at ./stdlib/exit.c:146
"""
SCRIPT_SAID = "opened 300 files, needed 1; Python's memory peak 300 MiB"


def judged(evidence: Mapping[str, Sequence[Evidence]]) -> list[Chapter]:
    """The whole ledger, judged from ``evidence``."""
    return ledger((EMBED, EXIT), chapters(), evidence)


def embed(version: str, symptom: Symptom, *, shows: bool, scenario: str = "shard-first", **changes: Any) -> Evidence:
    """A trial at the scale of the report."""
    killed = symptom is Symptom.OUT_OF_MEMORY
    outcome = Outcome(
        symptom,
        "the kernel killed it for memory, before it was done" if killed else "done, and exited with status 0",
        signal="SIGKILL" if killed else None,
        exit_code=None if killed else 0,
        killer=Killer.KERNEL if killed else None,
        done=not killed,
        wall_s=7.2,
        peak_rss_bytes=2040 * MIB,
        measures={"files_opened": 16 if shows else 6, "files_needed": 6},
        phases=((0.1, "embed"),),
        timeline=tuple(Sample(i / 40, min(2040, 60 + 9 * i) * MIB, 1) for i in range(280)),
    )
    target = {
        "spec": f"datasets=={version}",
        "python": "3.11.7",
        "datasets": version,
        "pyarrow": "24.0.0",
        "packages": {},
    }
    given: dict[str, Any] = {"scenario": scenario, "parameters": {}, "target": target, "outcome": outcome}
    given |= {"verdict": Verdict(symptom, shows, "as it was"), "limits": Limits(2048 * MIB, 120.0, 30.0)}
    return evidence(**(given | changes))


def minimal(version: str = "5.1.0", said: str = SCRIPT_SAID, **changes: Any) -> Evidence:
    """A run of the script of the issue that shows the bug."""
    at = {
        "file": "datasets/table.py",
        "line": 2226,
        "text": "x = array.values",
        "permalink": "https://example.org/L2226",
    }
    target: dict[str, Any] = {
        "spec": f"datasets=={version}",
        "python": "3.11.7",
        "datasets": version,
        "pyarrow": "24.0.0",
        "environment": f"- `datasets` version: {version}",
    }
    outcome = Outcome(
        Symptom.ERROR, "exit status 1", exit_code=1, stdout_tail=f"{said}\n", stderr_tail=" 0%|\r100%|done"
    )
    target |= {"cause": at, "packages": {}}
    return embed(version, Symptom.ERROR, shows=True, scenario="minimal", outcome=outcome, target=target, **changes)


def embed_evidence() -> list[Evidence]:
    """Affected in 4.4.2 and 5.1.0, fixed in 5.2.0, no such environment for one; one fix helps, one does not."""
    nothing = Outcome(Symptom.UNSOLVABLE, "no solution")
    impossible = {"spec": "datasets==5.2.0 pyarrow==22.0.0", "packages": {}}
    test: dict[str, Any] = {
        "scenario": "exported-test",
        "verdict": Verdict(Symptom.ERROR, True, "red: 3 failed, 0 passed"),
    }
    return [
        embed("4.4.2", Symptom.OUT_OF_MEMORY, shows=True),
        embed("5.1.0", Symptom.OUT_OF_MEMORY, shows=True),
        embed("5.1.0", Symptom.OUT_OF_MEMORY, shows=True, scenario="empty-list-row"),
        embed("5.1.0", Symptom.OK, shows=False, scenario="plain-column"),
        embed("5.1.0", Symptom.OK, shows=False, fix="pandas-round-trip"),
        embed("5.1.0", Symptom.OUT_OF_MEMORY, shows=True, fix="combine-chunks"),
        embed("5.2.0", Symptom.OK, shows=False),
        embed("", Symptom.UNSOLVABLE, shows=False, target=impossible, outcome=nothing,
              verdict=Verdict(Symptom.UNSOLVABLE, False, "datasets 5.2.0 needs pyarrow>=24")),
        take(),
        gate(),
        minimal(),
        embed("5.1.0", Symptom.ERROR, shows=True, **test),
    ]  # fmt: skip


def gate(symptom: Symptom = Symptom.OK, said: str = "200 of 200 cases right", version: str = "5.1.0") -> Evidence:
    """The correctness gate of the workaround that users may paste."""
    outcome, verdict = Outcome(symptom, "done", done=True), Verdict(symptom, False, said)
    return embed(version, symptom, shows=False, scenario="gate", fix="take", outcome=outcome, verdict=verdict)


def take(version: str = "5.1.0", symptom: Symptom = Symptom.OK, **changes: Any) -> Evidence:
    """A trial of that workaround."""
    return embed(version, symptom, shows=symptom is Symptom.OUT_OF_MEMORY, fix="take", **changes)


def race(version: str = "26.0.1", symptom: Symptom = Symptom.OK, n: int = 1, **changes: Any) -> list[Evidence]:
    """Trials of the race; a hang at exit is the bug."""
    target = {"spec": f"pyarrow=={version}", "python": "3.11.7", "pyarrow": version, "packages": {}}
    outcome, shows = Outcome(symptom, "it ended late", done=True, wall_s=6.0), symptom is Symptom.HANG_AT_EXIT
    given: dict[str, Any] = {"bug": "exit-hang", "scenario": "arrow-generator", "parameters": {}, "target": target}
    given |= {
        "outcome": outcome,
        "verdict": Verdict(symptom, shows, "it ended late"),
        "limits": Limits(None, 30.0, 3.0),
    }
    return [evidence(**(given | changes)) for _ in range(n)]


def exit_minimal(**changes: Any) -> Evidence:
    """A run of the script of the race that hangs as its trials do."""
    outcome = Outcome(Symptom.HANG_AT_EXIT, "killed", done=True, wall_s=33.0, stdout_tail="last line\n")
    verdict = Verdict(Symptom.HANG_AT_EXIT, True, "still there")
    given: dict[str, Any] = {"scenario": "minimal", "outcome": outcome, "verdict": verdict} | changes
    return race(**given)[0]


def exit_evidence(stack: str = GDB, n: int = 20) -> list[Evidence]:
    """A race: 15 of 20 hang in 26.0.1, none of 20 in 27.0.0."""
    found = []
    for version, bad in (("26.0.1", 3 * n // 4), ("27.0.0", 0)):
        for i in range(n):
            symptom = Symptom.HANG_AT_EXIT if i < bad else Symptom.OK
            stacks = (Stack("gdb", stack),) if i < bad else ()
            target = {"spec": f"pyarrow=={version}", "python": "3.11.7", "pyarrow": version, "packages": {}}
            outcome = Outcome(symptom, "it ended late", done=True, wall_s=6.0, stacks=stacks)
            verdict = Verdict(symptom, i < bad, "it ended late")
            given: dict[str, Any] = {"bug": "exit-hang", "scenario": "arrow-generator", "parameters": {}}
            given |= {"target": target, "outcome": outcome, "verdict": verdict, "limits": Limits(None, 30.0, 3.0)}
            found.append(evidence(**given))
    return found
