"""Two recipes on an executor: each shard, or each part of a cache, is a job on any machine that shares the folder."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from repro.recipes import arrow_cache
from repro.recipes import write_shards as recipe
from repro.run.pool import Budget, Executor, Job

PYTHON = 256 << 20
"""Bytes of memory to keep free for a job: what Python with datasets takes, with the few MB of a writer."""


def write_shards(
    executor: Executor, dataset: Any, folder: Path | str, *, split: str = "train", **options: Any
) -> dict[str, Any]:
    """Writes the files that the recipe's ``write_shards`` would write, byte by byte, and returns its manifest.

    The same call again goes on where an earlier one was interrupted. All workers must see ``folder`` and the files,
    of which ``dataset`` holds absolute paths. ``options`` are those of the recipe.
    """
    folder = Path(folder).absolute()
    count = recipe.plan_shards(dataset, folder, split=split, **options)
    try:
        _run(executor, [partial(_shard, folder, split, index) for index in range(count)], PYTHON)
    except BaseException:
        _remove_unfinished(folder, split)
        raise
    return recipe.finish_shards(folder, split=split)


def write_cache(
    executor: Executor,
    examples: Callable[[int], Any],
    features: Any,
    folder: Path | str,
    parts: int,
    *,
    key: str,
    **options: Any,
) -> arrow_cache.Meta:
    """Writes and publishes the cache of the recipe ``arrow-cache``; ``examples(index)`` gives those of one part.

    The same call again keeps the parts that are finished. All workers must see ``folder`` and honour its locks.
    """
    plan = arrow_cache.plan(features, Path(folder).absolute(), parts, key=key, **options)
    _run(executor, [partial(_part, plan, examples, index) for index in range(parts)], PYTHON + plan.budget)
    return arrow_cache.commit(plan)


def _run(executor: Executor, works: Sequence[Callable[[threading.Event], None]], memory_bytes: int) -> None:
    stop = threading.Event()
    jobs = [Job(partial(work, stop), memory_bytes, work) for work in works]
    with closing(executor.run(jobs, executor.room(Budget.of_machine()), stop)) as ended:
        for _ in tqdm(ended, total=len(jobs), unit="part", disable=None):  # silent where there is no terminal
            pass


def _shard(folder: Path, split: str, index: int, stop: threading.Event) -> None:
    """Writes one shard of the plan; once begun, it is written to its end."""
    if not stop.is_set():
        recipe.write_shard(folder, index, split=split)


def _part(plan: arrow_cache.Plan, examples: Callable[[int], Any], index: int, stop: threading.Event) -> None:
    """Writes one part of a cache; once begun, it is written to its end."""
    if not stop.is_set():
        arrow_cache.write_part(plan, index, examples(index))


def _remove_unfinished(folder: Path, split: str) -> None:
    """What workers left that were killed. A job that does not end in time loses its file, and so fails."""
    for kind in ("tmp", "skeleton", "spool"):
        for path in folder.glob(f".{split}-*-of-*.parquet.*{kind}"):
            path.unlink(missing_ok=True)
