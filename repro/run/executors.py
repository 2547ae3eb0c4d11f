"""Reads what ``--executor`` names, starts what must be started, and ends it again."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

from repro.errors import EnvironmentFault, UserError
from repro.run.pool import Budget, Executor, Pool
from repro.trial.leftovers import PREFIX

FORMS = "dask, dask:WORKERS, dask://HOST:PORT or jobqueue:NAME"
FAILURES = 20
"""Workers that may die with the same job, of a scheduler that is ours: Dask also counts jobs that only waited there."""
DASK = {
    "distributed.scheduler.allowed-failures": FAILURES,
    "distributed.nanny.pre-spawn-environ": {},  # Dask's would have each shard's buffers mapped anew
    # Dask's own look at what runs, 100 and 50 times a second in every process, costs more than to hand out trials.
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
}
HOST = "127.0.0.1"

Say = Callable[[str], object]


@contextlib.contextmanager
def executor(words: str | None = None, slots: int | None = None, say: Say = len) -> Iterator[Executor]:
    """The executor that ``words`` name, the pool of this machine for ``None``; what it starts ends with the context.

    ``slots`` is how many jobs at a time: worker processes of ``dask``, jobs of a ``jobqueue``.

    Raises:
        UserError: no such executor, or what it needs is not installed.
        EnvironmentFault: no scheduler answers there.
    """
    if words is None:
        yield Pool()
        return
    kind, _, name = words.partition(":")
    if kind not in {"dask", "jobqueue"} or (kind == "jobqueue" and not name):
        raise UserError(f"unknown executor {words!r}: give {FORMS}")
    try:
        import dask
        from distributed import Client

        from repro.run.cluster import Cluster, NoCtrlC
    except ImportError as error:
        raise UserError(f"--executor {words} needs Dask: pip install 'datasets-repro[dask]'") from error
    with contextlib.ExitStack() as stack:
        stack.enter_context(dask.config.set(DASK))
        stack.enter_context(_silent("distributed.client"))  # a scheduler that is gone is an error of ours, in one line
        if kind == "jobqueue":
            where: Any = stack.enter_context(_job_queue(name, slots))
        elif name.startswith("//"):
            where = f"tcp://{name.removeprefix('//')}"
        elif not name or re.fullmatch(r"[1-9]\d*", name):
            where = stack.enter_context(_local(int(name) if name else slots))
        else:
            raise UserError(f"unknown executor {words!r}: give {FORMS}")
        try:
            client = stack.enter_context(Client(where, timeout=20, set_as_default=False))
        except (OSError, ValueError) as error:
            raise EnvironmentFault(f"no scheduler answers at {where}: start one with 'dask scheduler'") from error
        if kind == "dask" and not name.startswith("//"):
            client.register_plugin(NoCtrlC())
        say(f"dashboard: {client.dashboard_link}; waiting for the first worker")
        yield Cluster(client)


@contextlib.contextmanager
def _silent(name: str) -> Iterator[None]:
    """Nothing is logged under that name meanwhile."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextlib.contextmanager
def _local(workers: int | None) -> Iterator[Any]:
    """Worker processes on this machine, which share its free memory; nothing listens but on the loopback interface."""
    import dask
    from distributed import LocalCluster

    count = workers or os.cpu_count() or 1
    share = Budget.of_machine().memory_bytes // count
    with (
        tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-dask-", ignore_cleanup_errors=True) as folder,
        dask.config.set({"temporary-directory": folder}),  # of workers and scheduler
        LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            host=HOST,
            dashboard_address=f"{HOST}:0",
            memory_limit=0,  # of the worker itself; trials have caps of their own
            resources={"memory": share},
            silence_logs=logging.CRITICAL,
        ) as cluster,
    ):
        yield cluster


@contextlib.contextmanager
def _job_queue(name: str, jobs: int | None) -> Iterator[Any]:
    """Workers as jobs of a queue, as ``jobqueue.NAME`` of Dask's configuration says; its ``memory`` is for trials."""
    import dask
    from dask.utils import parse_bytes

    try:
        importlib.import_module("dask_jobqueue")
        from dask_jobqueue.core import JobQueueCluster
    except ImportError as error:
        raise UserError(f"--executor jobqueue:{name} needs dask-jobqueue: pip install dask-jobqueue") from error
    kinds = {one.config_name: one for one in _below(JobQueueCluster) if one.config_name}
    settings = dask.config.get(f"jobqueue.{name}", None)
    kind = (settings or {}).get("kind", name)
    if settings is None or kind not in kinds:
        raise UserError(
            f"Dask's configuration has no jobqueue.{name} of a known kind: write one to ~/.config/dask/jobqueue.yaml, "
            f"see docs/cluster.md; kinds: {', '.join(sorted(kinds))}"
        )
    memory = parse_bytes(settings["memory"]) // int(settings.get("processes") or 1)
    extra = [*(settings.get("worker-extra-args") or ()), "--resources", f"memory={memory}"]
    with kinds[kind](config_name=name, worker_extra_args=extra) as cluster:
        cluster.scale(jobs=jobs or 1)
        yield cluster


def _below(kind: type[Any]) -> Iterator[type[Any]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)
