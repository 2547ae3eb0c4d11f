"""Runs jobs on a Dask cluster. What waits where, what runs again after a worker died, and the dashboard are Dask's."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
import uuid
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import CancelledError
from typing import Any, TypeVar

from distributed import Client, Future, KilledWorker, Status, Worker, WorkerPlugin, as_completed, get_worker
from distributed.comm import CommClosedError

from repro.errors import EnvironmentFault, UserError
from repro.run.pool import Budget, Job, check

T = TypeVar("T")

MEMORY = "memory"
"""The Dask resource of a worker: the bytes that the jobs it runs at a time may use together."""
PREFIX = "repro-"
"""How the keys of all our tasks begin; then which run they are of."""
AHEAD = 2
"""Tasks for each thread that are handed over: a worker that dies makes each it was given suspicious, run or not."""
FRESH_S = 1.0
"""How long to rely on the number of threads: to ask for it takes longer than to hand a task over."""
PATIENCE_S = 10.0
"""How long to wait for tasks to end that are no longer wanted."""


class Cluster:
    """The executor of a connected client. Each job asks for its memory cap as the resource ``memory``."""

    def __init__(self, client: Client) -> None:
        """Waits for the first worker: it may stand in a queue for as long as it likes."""
        self._client = client
        self._threads, self._known_until = 0, 0.0
        client.wait_for_workers(1)
        self.room(Budget(0, 0))

    def room(self, budget: Budget) -> Budget:
        """The memory of the largest worker, since a job runs on one, and a slot for each thread."""
        workers = self._workers()
        largest = max(int(one["resources"][MEMORY]) for one in workers)
        return Budget(largest, sum(one["nthreads"] for one in workers))

    def run(
        self, jobs: Sequence[Job[T]], budget: Budget, stop: threading.Event
    ) -> Generator[tuple[int, T], None, None]:
        """Yield (place, result) as the results arrive. A job that cannot be sent runs here.

        Raises:
            UserError: a cap is more than the largest worker has.
            EnvironmentFault: the scheduler went away, or several workers died with the same job.
            And whatever a job raises.
        """
        check([job.memory_bytes for job in jobs], budget)
        prefix = f"{PREFIX}{uuid.uuid4().hex}-"
        yield from ((place, job.work()) for place, job in enumerate(jobs) if job.sent is None)
        waiting = iter([(place, job) for place, job in enumerate(jobs) if job.sent is not None])
        places: dict[Future, int] = {}
        ended = as_completed(loop=self._client.loop)
        try:
            while True:
                for place, job in self._next(waiting, len(places)):
                    future = self._submit(job, budget, f"{prefix}{place}")
                    places[future] = place
                    ended.add(future)
                if not places:
                    return
                future = next(ended)
                place, result = places.pop(future), self._result(future)
                del future  # or it would run again should its worker die now
                arrived = jobs[place].arrived
                yield place, result if arrived is None else arrived(result)
        finally:
            self._end(list(places), prefix)

    def _next(self, waiting: Any, under_way: int) -> list[tuple[int, Job[Any]]]:
        """The jobs to hand over now, at least one if none is under way: workers may come and go."""
        if time.monotonic() > self._known_until:
            self._threads = sum(self._asked(self._client.nthreads).values())
            self._known_until = time.monotonic() + FRESH_S
        room = max(AHEAD * self._threads, 1) - under_way
        return [pair for _, pair in zip(range(room), waiting, strict=False)]

    def _submit(self, job: Job[Any], budget: Budget, key: str) -> Future:
        memory = budget.memory_bytes if job.memory_bytes is None else job.memory_bytes
        needs = {MEMORY: memory} if memory else None
        return self._asked(lambda: self._client.submit(_work, job.sent, key=key, pure=False, resources=needs))

    def _result(self, future: Future) -> Any:
        try:
            return future.result()  # runs again what died with its worker before it was fetched
        except (CancelledError, CommClosedError) as error:
            raise EnvironmentFault(_GONE) from error
        except KilledWorker as error:
            raise EnvironmentFault(
                f"{error.allowed_failures + 1} workers died one after the other while they had the same job: see their "
                "logs; Dask's setting distributed.scheduler.allowed-failures says after how many it gives up"
            ) from error

    def _end(self, futures: list[Future], prefix: str) -> None:
        """Cancel these, and wait until no task of this run is under way, wanted or not.

        A scheduler that is gone cannot be told, and is no news.
        """
        try:
            self._client.cancel(futures, force=True)
            self._client.run(_until_idle, prefix, wait=True, on_error="ignore")
        except (OSError, CancelledError, TimeoutError, RuntimeError):
            return

    def _workers(self) -> list[dict[str, Any]]:
        info = self._asked(self._client.scheduler_info)
        if "workers" not in info:  # a client that gave up
            raise EnvironmentFault(_GONE)
        workers = list(info["workers"].values())
        if not any(one["resources"].get(MEMORY) for one in workers):
            raise UserError(f"no worker says how much memory its jobs may use: {_START}")
        return [one for one in workers if one["resources"].get(MEMORY)]

    def _asked(self, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except (OSError, TimeoutError, CancelledError, RuntimeError) as error:
            raise EnvironmentFault(_GONE) from error


_START = "start some with 'dask worker HOST:PORT --nthreads 1 --resources memory=8e9' (bytes)"
_GONE = (
    "the scheduler is gone: start it and its workers again and repeat the same command; what had arrived is kept and "
    "not run again"
)


class NoCtrlC(WorkerPlugin):  # type: ignore[misc]  # Dask has no types
    """Ctrl-C in a terminal reaches our worker processes too, but it is the kit that ends them and what they run."""

    def setup(self, worker: Worker) -> None:
        signal.signal(signal.SIGINT, lambda *_: None)  # a function: programs that they start do not inherit it


def _work(sent: Callable[[threading.Event], T]) -> T:
    """What a worker runs."""
    worker = get_worker()
    return sent(_Unwanted(worker, worker.get_current_task()))


class _Unwanted(threading.Event):
    """Set as soon as nobody waits for a task any more: it was cancelled, its client is gone, or the worker closes."""

    def __init__(self, worker: Worker, key: Any) -> None:
        super().__init__()
        self._worker, self._key = worker, key

    def is_set(self) -> bool:
        task = self._worker.state.tasks.get(self._key)
        closing = self._worker.status in {Status.closing, Status.closed, Status.failed}
        return closing or task is None or task.state not in {"executing", "long-running"}


async def _until_idle(prefix: str, dask_worker: Worker) -> None:
    """Wait until this worker runs no task whose key begins so."""
    late = time.monotonic() + PATIENCE_S
    while time.monotonic() < late:
        if not any(str(task.key).startswith(prefix) for task in dask_worker.state.all_running_tasks):
            return
        await asyncio.sleep(0.02)
