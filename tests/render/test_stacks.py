"""Where a hung or crashed process stands, said in words from the output of the stack tools."""

from __future__ import annotations

from repro.model import Outcome, Stack, Symptom
from repro.render.stacks import availability, interpreter_state, trimmed, where
from repro.stacktext import native

GDB = """\
[New LWP 2]
Thread 2 (Thread 0x7f5 (LWP 2) "jemalloc_bg_thd"):
#0  __futex_abstimed_wait_common64 (private=0, futex_word=0x7f) at ./nptl/futex-internal.c:57
#5  0x00007f53 in background_thread_entry () from <cache>/pyarrow/libarrow.so.2200

Thread 1 (Thread 0x7f6 (LWP 1) "python"):
#0  __futex_abstimed_wait_common64 (private=0) at ./nptl/futex-internal.c:57
#5  0x00007f53 in std::condition_variable::wait(std::unique_lock<std::mutex>&) () from /lib/libstdc++.so.6
#6  0x00007f53 in arrow::internal::ThreadPool::Shutdown(bool) () from <cache>/pyarrow/libarrow.so.2200
#9  0x00007f53 in __run_exit_handlers (status=0, listp=0x7f) at ./stdlib/exit.c:116
#10 0x00007f53 in __GI_exit (status=<optimized out>) at ./stdlib/exit.c:146
"""
PYSTACK = """\
Traceback for thread 7 (python) [Has the GIL] (most recent call last):
    (C) File "???", line 0, in _start (/usr/bin/python3.11)
    (Python) File "/x/probe.py", line 12, in stuck
        time.sleep(60)
    (C) File "./time.c", line 3, in clock_nanosleep (/lib/libc.so.6)
"""
SPY = Stack("py-spy", "", "exit status 1: Failed to find a python interpreter")


def hang(*stacks: Stack) -> Outcome:
    return Outcome(Symptom.HANG_AT_EXIT, "still alive", stacks=stacks)


def test_what_the_bug_recognises_comes_first_and_the_state_of_the_interpreter_where_it_recognises_nothing():
    outcome = hang(Stack("pystack", "", "no answer"), Stack("gdb", GDB), SPY)
    assert where(outcome, lambda _: "it waits for a pool") == "it waits for a pool"
    for unknown in (where(outcome), where(outcome, lambda _: "")):
        assert unknown == interpreter_state(outcome.stacks)
        assert "no Python interpreter any more" in unknown


def test_a_hang_in_python_code_is_not_taken_for_one_at_exit():
    outcome = hang(Stack("pystack", PYSTACK))
    assert interpreter_state(outcome.stacks) == "a Python interpreter is still running code"
    assert "exit handlers" not in where(outcome)


def test_both_tools_give_the_innermost_frame_first():
    assert native((Stack("pystack", PYSTACK),))[0].frames[1] == "stuck (Python, probe.py:12)"
    assert [t.name for t in native((Stack("gdb", GDB),))] == ["jemalloc_bg_thd", "python"]


def test_trimming_keeps_what_matters_and_counts_what_it_left_out():
    text = trimmed((Stack("gdb", GDB),))
    assert "arrow::internal::ThreadPool::Shutdown(bool) (libarrow.so.2200)" in text
    assert "futex" not in text
    assert "left out" in text


def test_a_crash_says_its_message_and_the_interpreters_own_state():
    said = (
        "Fatal Python error: PyGILState_Release: thread state must be current\nPython runtime state: finalizing (x)\n"
    )
    outcome = Outcome(
        Symptom.CRASH_AT_EXIT,
        "SIGABRT after it was done",
        signal="SIGABRT",
        stderr_tail=said,
        stacks=(Stack("faulthandler", said),),
    )
    assert (
        where(outcome)
        == "SIGABRT after it was done: Fatal Python error: PyGILState_Release: thread state must be current"
    )
    assert interpreter_state(outcome.stacks) == "the interpreter says of itself: finalizing"


def test_what_was_not_available_is_said_with_the_reason():
    assert availability((SPY, Stack("gdb", GDB))) == (
        "py-spy: nothing (exit status 1: Failed to find a python interpreter); gdb: stacks"
    )
    assert where(hang()) == "stacks were not taken for this trial"
    assert where(hang(SPY)).startswith("no stacks: py-spy: nothing")
