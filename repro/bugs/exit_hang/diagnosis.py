"""Recognises in the stacks of a hung process the Arrow thread pool that it waits for. Pure."""

from __future__ import annotations

from repro.model import Outcome
from repro.stacktext import native

SHUTDOWN = "ThreadPool::Shutdown"


def where(outcome: Outcome) -> str:
    """Which thread waits for an Arrow thread pool to end; empty where the stacks show none."""
    threads = native(outcome.stacks)
    for thread in threads:
        if thread.has(SHUTDOWN, "__run_exit_handlers"):
            workers = sum(t.has("arrow::internal::") or t.has("PyGILState") for t in threads if t is not thread)
            pool = (
                f"{workers} other thread(s) in Arrow" if workers else "no thread of that pool is left to end its task"
            )
            return f"the main thread runs C exit handlers and waits in arrow::internal::{SHUTDOWN}; {pool}"
        if thread.has(SHUTDOWN):
            return f"a thread waits in arrow::internal::{SHUTDOWN}"
    return ""
