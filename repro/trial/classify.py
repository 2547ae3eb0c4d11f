"""Decides, from observed facts alone, how a probe ended and who killed it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from repro.model import Killer, Symptom

SILENT = "the probe wrote no events and exited with status 0"
"""What a script that is no probe does when it ends well."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What was observed of one run, before it is given a name.

    Attributes:
        ended_by_us: why the supervisor killed it: ``"cap"``, ``"timeout"``, ``"grace"``, ``"group-oom"`` (the kernel
            killed another process of the trial), or ``""`` if it did not.
        group_oom_kills: rise of the cgroup's own ``oom_kill`` counter; ``None`` without a cgroup.
        oom_after_done: whether that rise was seen after the last statement; ``None`` if both were seen at once.
        machine_oom_kills: rise of ``/proc/vmstat oom_kill``; ``None`` where there is none.
        cap_broken: how the memory cap was got round, or ``""``.
        notes: what a reader of the detail has to know besides.
    """

    exit_code: int | None
    signal: str | None
    started: bool
    done: bool
    unsupported: str | None = None
    faults: tuple[str, ...] = ()
    ended_by_us: str = ""
    group_oom_kills: int | None = None
    oom_after_done: bool | None = None
    machine_oom_kills: int | None = None
    timeout_s: float = 0.0
    grace_s: float = 0.0
    cap_broken: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ending:
    symptom: Symptom
    detail: str
    killer: Killer | None = None
    basis: str = ""


def classify(facts: Facts) -> Ending:
    """Name the end of a run. The order of the questions is the order of certainty."""
    ending = _group_killed(facts) if facts.group_oom_kills else _ended(facts)
    return Ending(ending.symptom, "; ".join((ending.detail, *facts.notes)), ending.killer, ending.basis)


def _group_killed(facts: Facts) -> Ending:
    """The kernel killed the probe, or a process that it had started: in a pool, the probe itself lives on."""
    basis = f"the cgroup's oom_kill counter rose by {facts.group_oom_kills}"
    if facts.signal == "SIGKILL" and not facts.ended_by_us:
        return Ending(Symptom.OUT_OF_MEMORY, f"the kernel killed it for memory, {_when(facts)}", Killer.KERNEL, basis)
    when = {True: "after it was done", False: "before it was done", None: "about when it was done"}
    moment = when[facts.oom_after_done] if facts.done else when[False]
    if facts.ended_by_us:
        then = "the kit then ended the probe"
    elif facts.signal is not None:
        then = f"the probe then ended by {facts.signal}"
    else:
        then = f"the probe then ended with exit status {facts.exit_code}"
    detail = f"the kernel killed a process that the probe had started, for memory, {moment}; {then}"
    return Ending(Symptom.OUT_OF_MEMORY, detail, Killer.KERNEL, f"{basis}; the probe itself was not killed by it")


def _when(facts: Facts) -> str:
    return "after it was done" if facts.done else "before it was done"


def _ended(facts: Facts) -> Ending:
    when = _when(facts)
    match facts.ended_by_us:
        case "cap":
            basis = "the watchdog saw the probe and its processes above the cap and killed them"
            return Ending(Symptom.OUT_OF_MEMORY, f"over the memory cap, {when}", Killer.WATCHDOG, basis)
        case "timeout":
            return Ending(Symptom.HANG, f"not done after {facts.timeout_s:g} s")
        case "grace":
            return Ending(Symptom.HANG_AT_EXIT, f"still alive {facts.grace_s:g} s after its last statement")
        case "" | "group-oom":
            pass
        case other:
            raise ValueError(f"unknown reason {other!r}")
    if facts.cap_broken:
        return Ending(Symptom.KIT_FAULT, facts.cap_broken)
    if facts.exit_code is None and facts.signal is None:
        return Ending(Symptom.KIT_FAULT, "how it ended is not known: the process that watched it was killed")
    if facts.signal == "SIGKILL":
        if facts.group_oom_kills is None and facts.machine_oom_kills:
            basis = f"likely: the machine-wide oom_kill counter rose by {facts.machine_oom_kills} meanwhile"
            return Ending(Symptom.OUT_OF_MEMORY, f"SIGKILL {when}", Killer.KERNEL, basis)
        basis = "no cap, counter or kill of ours explains it: an external SIGKILL"
        return Ending(Symptom.CRASH_AT_EXIT if facts.done else Symptom.CRASH, f"SIGKILL {when}", Killer.UNKNOWN, basis)
    if facts.signal is not None:
        return Ending(Symptom.CRASH_AT_EXIT if facts.done else Symptom.CRASH, f"{facts.signal} {when}")
    if facts.faults:
        return Ending(Symptom.KIT_FAULT, f"the probe broke its contract: {facts.faults[0]}")
    if facts.exit_code != 0:
        return Ending(Symptom.ERROR, f"exit status {facts.exit_code} {when}")
    if facts.unsupported is not None:
        return Ending(Symptom.UNSUPPORTED, facts.unsupported)
    if not facts.started:
        return Ending(Symptom.KIT_FAULT, SILENT)
    if not facts.done:
        return Ending(Symptom.ERROR, "exit status 0, but its last statement never ran")
    return Ending(Symptom.OK, "done, and exited with status 0")
