"""Where a hung or crashed process stands, said in words from the output of the stack tools."""

from __future__ import annotations

from repro.model import Outcome, Stack, Symptom
from repro.render.stacks import availability, interpreter_state, trimmed, where
from repro.stacktext import native, threads
from tests.render.reported import GDB

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
    assert [t.name for t in native((Stack("gdb", GDB),))] == ["python", "jemalloc_bg_thd", "python"]


def test_trimming_keeps_the_thread_that_ends_the_process_and_counts_what_it_left_out():
    text = trimmed((Stack("gdb", GDB),))
    assert text.splitlines() == [
        "thread 'python' (innermost first):",
        "  std::condition_variable::wait(std::unique_lock<std::mutex>&) (libstdc++.so.6)",
        "  arrow::internal::ThreadPool::Shutdown(bool) (libarrow.so.2200)",
        "  std::_Sp_counted_ptr<Pool*, (__gnu_cxx::_Lock_policy)2>::_M_dispose() (libarrow.so.2200)",
        "  __run_exit_handlers (exit.c:116)",
        "  __GI_exit (exit.c:146)",
        "  [1 frame of waiting and starting left out]",
        "[2 idle threads left out]",
    ]


WORKER = """\
Thread 9 (Thread 0x7f5 (LWP 9) "python"):
#0  __futex_abstimed_wait_common64 (private=0) at ./nptl/futex-internal.c:57
#1  0x00007f53 in take_gil (tstate=0x7f) at Python/ceval_gil.c:281
#2  0x00007f53 in arrow::py::PyReadableFile::Read(long) () from libarrow_python.so

"""


def test_the_thread_that_ends_the_process_comes_first_then_those_that_wait_for_the_gil_native_before_python():
    text = trimmed((Stack("pystack", PYSTACK), Stack("gdb", WORKER + GDB)))
    places = [
        text.index(word) for word in ("ThreadPool::Shutdown", "take_gil", "Python (innermost first)", "stuck (pro")
    ]
    assert places == sorted(places)


def test_a_worker_without_a_task_is_idle_and_one_with_a_task_is_not():
    worker = WORKER.replace("take_gil", "arrow::internal::WorkerLoop").replace("arrow::py::PyReadableFile", "x")
    assert "WorkerLoop" not in trimmed((Stack("gdb", worker),)) and "take_gil" in trimmed((Stack("gdb", WORKER),))


SAMPLE = """\
Call graph:
    2555 Thread_12345   DispatchQueue_1: com.apple.main-thread  (serial)
    + 2555 start  (in dyld) + 1903  [0x18be0e0e0]
    +   2555 exit  (in libsystem_c.dylib) + 44  [0x18bf]
    +     2555 arrow::internal::ThreadPool::Shutdown(bool)  (in libarrow.2600.dylib) + 120  [0x1]
    2555 Thread_12399: jemalloc_bg_thd
      2555 background_thread_entry  (in libarrow.2600.dylib) + 9  [0x2]

Total number in stack (recursive counted multiple, when >=5):
"""


def test_what_sample_says_on_macos_is_read_like_the_others():
    main, idle = threads(Stack("sample", SAMPLE))
    assert main.frames[0] == "arrow::internal::ThreadPool::Shutdown(bool) (libarrow.2600.dylib)"
    assert (main.name, idle.name) == ("com.apple.main-thread", "jemalloc_bg_thd")
    assert "Shutdown" in trimmed((Stack("sample", SAMPLE),)) and "background" not in trimmed((Stack("sample", SAMPLE),))


def test_of_what_a_crash_says_no_list_of_modules_and_no_folder_is_shown():
    said = "Fatal Python error: Aborted\n\nThread 0x1 (most recent call first):\n"
    said += '  File "<cache>/kit/run_script.py", line 9 in _run\n  File "/home/me/x/crash.py", line 3 in go\n\n'
    text = trimmed((Stack("faulthandler", f"{said}Extension modules: numpy.linalg, pyarrow.lib (total: 2)\n"),))
    assert text.splitlines() == [
        "Fatal Python error: Aborted",
        "",
        "Thread 0x1 (most recent call first):",
        '  File "crash.py", line 3 in go',
    ]


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
