"""Run a fix through the correctness gate, in the environment under test, and report what it fails on.

Run as ``python probe.py REQUEST.json EVENTS.jsonl``. ``inputs.gate`` is the path of the gate (one file, no kit),
``inputs.seed`` and ``inputs.cases`` say which cases; ``fix_path`` is a workaround or anything else, as in the probe of
the bug. Events are ``started``, ``phase`` (gate), ``measure`` and ``done``, one JSON line each. Nothing is judged here:
``gate`` holds the counts by kind and, as ``failures``, one entry for each kind (and type of error) with ``count``, the
``traits`` that all of them share, and ``detail`` and ``case`` of the smallest; ``storage`` is the Arrow type of each
file feature.
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


def load(path: str) -> Any:
    """A Python file as a module."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def released_embed(shard: Any) -> Any:
    """What ``push_to_hub`` does with a shard, as in the probe of the bug."""
    from datasets.table import embed_table_storage

    return embed_table_storage(shard.with_format("arrow")[:])


def judge(gate: Any, candidate: Any, seed: int, count: int) -> dict[str, Any]:
    """Every case of the seed, one after the other; what fails is put together by kind and type of error."""
    verdicts = [gate.check(candidate, case) for case in gate.cases(seed, count)]
    kinds: dict[str, int] = {}
    failures: dict[tuple[str, str], dict[str, Any]] = {}
    for verdict in sorted(verdicts, key=lambda verdict: len(json.dumps(verdict["case"]))):
        kind, error = verdict["kind"], verdict["detail"].split(":")[0]
        kinds[kind] = kinds.get(kind, 0) + 1
        if kind == "ok":
            continue
        what = error if kind == "raised" else ""
        known = failures.setdefault((kind, what), {**verdict, "error": what, "count": 0})
        known["count"] += 1
        known["traits"] = [trait for trait in known["traits"] if trait in verdict["traits"]]
    return {"seed": seed, "count": count, "kinds": kinds, "failures": list(failures.values())}


def run(request: dict[str, Any], descriptor: int) -> None:
    import datasets
    import pyarrow as pa

    versions = {"datasets": datasets.__version__, "pyarrow": pa.__version__}
    files = {module.__name__: module.__file__ for module in (datasets, pa)}
    write(descriptor, "started", python=platform.python_version(), versions=versions, files=files)
    inputs, fix = request["inputs"], str(request["fix_path"])
    gate = load(inputs["gate"])
    absent = [name for name in gate.FILE_FEATURES if not hasattr(datasets, name)]
    if absent:
        write(descriptor, "unsupported", reason=f"datasets {datasets.__version__} has no {absent[0]} feature")
        return
    candidate = getattr(load(fix), Path(fix).stem) if fix.endswith(".py") else released_embed
    datasets.disable_progress_bars()  # hundreds of tiny datasets
    write(descriptor, "phase", name="gate")
    result = judge(gate, candidate, inputs["seed"], inputs["cases"])
    storage = {name: str(getattr(datasets, name)().pa_type) for name in gate.FILE_FEATURES}
    write(descriptor, "measure", measures={"gate": result, "storage": storage})


if __name__ == "__main__":
    EVENTS = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    run(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), EVENTS)
    write(EVENTS, "done")
