"""Run a fix through the correctness gate, in the environment under test, and report what it fails on.

Run as ``python probe.py REQUEST.json EVENTS.jsonl``, with ``cases.py`` beside it. ``inputs.seed`` and ``inputs.cases``
say which cases; ``fix_path`` is a workaround or anything else, as in the probe of the bug. Events are ``started``,
``phase`` (gate), ``measure`` and ``done``, one JSON line each. Nothing is judged here: ``gate`` is what ``run_gate``
found, ``storage`` the Arrow type of each file feature.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

START = time.monotonic()


def write(descriptor: int, event: str, **fields: Any) -> None:
    """One flushed line."""
    line = {"event": event, "t": round(time.monotonic() - START, 4), **fields}
    os.write(descriptor, json.dumps(line).encode() + b"\n")


def load_workaround(path: str) -> Any:
    """The function that a workaround is named after."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, Path(path).stem)


def released_embed(shard: Any) -> Any:
    """What ``push_to_hub`` does with a shard, as in the probe of the bug."""
    from datasets.table import embed_table_storage

    return embed_table_storage(shard.with_format("arrow")[:])


def run(request: dict[str, Any], descriptor: int) -> None:
    import datasets
    import pyarrow as pa

    versions = {"datasets": datasets.__version__, "pyarrow": pa.__version__}
    files = {module.__name__: module.__file__ for module in (datasets, pa)}
    write(descriptor, "started", python=platform.python_version(), versions=versions, files=files)
    import cases  # type: ignore[import-not-found]  # beside this file, as it is run

    absent = [name for name in cases.FILE_FEATURES if not hasattr(datasets, name)]
    if absent:
        write(descriptor, "unsupported", reason=f"datasets {datasets.__version__} has no {absent[0]} feature")
        return
    fix = str(request["fix_path"])
    candidate = load_workaround(fix) if fix.endswith(".py") else released_embed
    datasets.disable_progress_bars()  # hundreds of tiny datasets
    write(descriptor, "phase", name="gate")
    result = cases.run_gate(candidate, seed=request["inputs"]["seed"], count=request["inputs"]["cases"])
    storage = {name: str(getattr(datasets, name)().pa_type) for name in cases.FILE_FEATURES}
    write(descriptor, "measure", measures={"gate": result, "storage": storage})


if __name__ == "__main__":
    EVENTS = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    run(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), EVENTS)
    write(EVENTS, "done")
