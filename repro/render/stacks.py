"""Says in words where a hung or crashed process stands, and cuts its stacks down to the frames that matter. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from repro.model import Outcome, Stack, Symptom
from repro.stacktext import native

# How a thread waits says nothing about why it waits.
_PLUMBING = re.compile(r"^(_*futex|__GI___futex|_*pthread_cond|_start\b|__libc_start|_*clone|start_thread|\?\?)")
_STATE = re.compile(r"^Python runtime state: (\w+)", re.MULTILINE)
_ABORT = re.compile(r"^(terminate called .*|Fatal Python error: .*)$", re.MULTILINE)


def trimmed(stacks: Sequence[Stack], most: int = 12) -> str:
    """All threads, each with the frames that matter; says how many were left out."""
    lines: list[str] = []
    for thread in native(stacks):
        kept = [frame for frame in thread.frames if not _PLUMBING.match(frame)]
        lines.append(f"thread {thread.name!r} (innermost first):")
        lines += [f"  {frame}" for frame in kept[:most]]
        left = len(thread.frames) - len(kept[:most])
        lines += [f"  [{left} frames of waiting and starting left out]"] if left else []
    if not lines:
        said = next((s.text for s in stacks if s.tool == "faulthandler" and s.text), "")
        lines = said.splitlines()[: 2 * most]
    return "\n".join(lines)


def availability(stacks: Sequence[Stack]) -> str:
    """Which tools answered, and why the others did not."""
    return "; ".join(
        f"{s.tool}: {'stacks' if s.text.strip() else 'nothing'}{f' ({s.note})' if s.note else ''}" for s in stacks
    )


def interpreter_state(stacks: Sequence[Stack]) -> str:
    """Whether there still is a Python interpreter in the process."""
    if any("(Python" in frame for thread in native(stacks) for frame in thread.frames):
        return "a Python interpreter is still running code"
    main = next((t for t in native(stacks) if t.has("__run_exit_handlers") or t.has("exit (")), None)
    if main is not None:
        return "there is no Python interpreter any more: it was finalized, and the C exit handlers run"
    if state := next((m for s in stacks if (m := _STATE.search(s.text))), None):
        return f"the interpreter says of itself: {state[1]}"
    spied = next((s for s in stacks if s.tool == "py-spy"), None)
    if spied is not None and spied.note and not spied.text.strip():
        return "py-spy finds no Python interpreter"
    return "not known"


def where(outcome: Outcome, diagnosis: Callable[[Outcome], str] | None = None) -> str:
    """One line: where the process stood when it hung, or what it said when it crashed; the bug's own words first."""
    if outcome.symptom in {Symptom.CRASH, Symptom.CRASH_AT_EXIT}:
        message = _ABORT.search(outcome.stderr_tail)
        return f"{outcome.signal} {outcome.detail.split(' ', 1)[-1]}" + (f": {message[1]}" if message else "")
    found = native(outcome.stacks)
    if not found:
        return (
            f"no stacks: {availability(outcome.stacks)}" if outcome.stacks else "stacks were not taken for this trial"
        )
    if diagnosis is not None and (said := diagnosis(outcome)):
        return said
    if any(t.has("take_gil") for t in found):
        return "a thread waits for the GIL"
    return interpreter_state(outcome.stacks)
