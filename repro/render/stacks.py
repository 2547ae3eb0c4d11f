"""Says in words where a hung or crashed process stands, and cuts its stacks down to the frames that matter. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from repro.model import Outcome, Stack, Symptom
from repro.stacktext import Thread, native

# How a thread waits says nothing about why it waits.
_PLUMBING = re.compile(
    r"^(_*futex|__GI___futex|_*pthread_cond|_start\b|start\b|__libc_start|_*clone|start_thread|thread_start|\?\?|__psynch)"
)
# Threads that wait for work all their life: BLAS, the allocator, OpenMP, and a pool's worker without a task.
_IDLE = re.compile(r"^(blas_thread_server|background_thread_entry|gomp_|__kmp|.*(WorkerLoop|LaunchWorkersUnlocked))")
_WAITING = re.compile(r"^(std::condition_variable|std::__1::condition_variable|___?pthread|_pthread)")
_ENDING = ("__run_exit_handlers", "__cxa_finalize_ranges", "Py_Finalize", "Py_RunMain")
_LOCKED = ("take_gil", "PyGILState_Ensure", "PyEval_RestoreThread", "PyEval_AcquireThread")
_OWN = re.compile(r"(?m)^.*\b(run_script|run_pytest|reaper)\.py\b.*\n?")
_FOLDERS = re.compile(r"[^\s\"']*/(?=[^/\s\"']+)")
_STATE = re.compile(r"^Python runtime state: (\w+)", re.MULTILINE)
_ABORT = re.compile(r"^(terminate called .*|Fatal Python error: .*)$", re.MULTILINE)
_MODULES = re.compile(r"(?m)^Extension modules: .*\n?")
_WIDEST = 110


def trimmed(stacks: Sequence[Stack], most: int = 12, threads: int = 3) -> str:
    """The native stack of the threads that matter, first the one that ends the process, then Python's frames.

    Idle threads, frames of waiting and starting, folders and lists of modules are left out, and threads and frames
    counted. Where no tool looked from outside, what the process said of itself when it crashed.
    """
    seen = native(stacks, ("gdb", "sample", "pystack"))
    busy = sorted((one for one in seen if not _idle(one)), key=_rank)
    lines: list[str] = []
    for thread in busy[:threads]:
        kept = _matter(thread)
        lines += [f"thread {thread.name!r} (innermost first):", *(f"  {_short(frame)}" for frame in kept[:most])]
        left = len(thread.frames) - len(kept[:most])
        lines += [f"  [{left} frame{'s' * (left != 1)} of waiting and starting left out]"] if left else []
    for left, kind in ((len(seen) - len(busy), "idle"), (len(busy) - threads, "other")):
        lines += [f"[{left} {kind} thread{'s' * (left != 1)} left out]"] if left > 0 and lines else []
    return "\n".join([*lines, *_python(stacks, most)] or _said(stacks, 2 * most))


def _idle(thread: Thread) -> bool:
    inner = next((frame for frame in _matter(thread) if not _WAITING.match(frame)), "")
    return bool(_IDLE.match(inner)) or not inner


def _matter(thread: Thread) -> list[str]:
    return [frame for frame in thread.frames if not _PLUMBING.match(frame)]


def _rank(thread: Thread) -> int:
    return 0 if any(thread.has(word) for word in _ENDING) else 1 if any(thread.has(word) for word in _LOCKED) else 2


def _short(frame: str) -> str:
    frame = re.sub(r" \[clone [^\]]*\]", "", frame)
    return frame if len(frame) <= _WIDEST else f"{frame[: _WIDEST - 2]} …"


def _python(stacks: Sequence[Stack], most: int) -> list[str]:
    """The Python frames of the first thread that has any."""
    for thread in sorted(native(stacks, ("pystack",)), key=_rank):
        frames = [frame.replace("(Python, ", "(") for frame in thread.frames if "(Python, " in frame]
        frames = [frame for frame in frames if not _OWN.match(frame)]
        if frames:
            return ["Python (innermost first):", *(f"  {frame}" for frame in frames[:most])]
    spied = next((s.text for s in stacks if s.tool == "py-spy" and s.text.strip()), "")
    body = _FOLDERS.sub("", _OWN.sub("", spied.partition("\n\n")[2] or spied)).strip()
    return ["Python:", *body.splitlines()[: 2 * most]] if body else []


def _said(stacks: Sequence[Stack], most: int) -> list[str]:
    text = next((s.text for s in stacks if s.tool == "faulthandler" and s.text), "")
    return _FOLDERS.sub("", _OWN.sub("", _MODULES.sub("", text))).strip().splitlines()[:most]


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
