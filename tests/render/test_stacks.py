"""What the output of the stack tools tells, in words, and its frames that matter."""

from __future__ import annotations

from repro.model import Stack
from repro.render.stacks import availability, interpreter_state, native, trimmed

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


def test_a_process_in_its_exit_handlers_has_no_interpreter_any_more():
    assert "no Python interpreter any more" in interpreter_state((Stack("pystack", ""), Stack("gdb", GDB), SPY))


def test_a_hang_in_python_code_is_not_taken_for_one_at_exit():
    assert interpreter_state((Stack("pystack", PYSTACK),)) == "a Python interpreter is still running code"


def test_both_tools_give_the_innermost_frame_first():
    assert native((Stack("pystack", PYSTACK),))[0].frames[1] == "stuck (Python, probe.py:12)"
    assert [t.name for t in native((Stack("gdb", GDB),))] == ["jemalloc_bg_thd", "python"]


def test_trimming_keeps_what_matters_and_counts_what_it_left_out():
    text = trimmed((Stack("gdb", GDB),))
    assert "arrow::internal::ThreadPool::Shutdown(bool) (libarrow.so.2200)" in text
    assert "futex" not in text
    assert "left out" in text


def test_a_crash_says_the_interpreters_own_state():
    said = "Fatal Python error: no thread state\nPython runtime state: finalizing (x)\n"
    assert interpreter_state((Stack("faulthandler", said),)) == "the interpreter says of itself: finalizing"


def test_what_was_not_available_is_said_with_the_reason():
    assert availability((SPY, Stack("gdb", GDB))) == (
        "py-spy: nothing (exit status 1: Failed to find a python interpreter); gdb: stacks"
    )
