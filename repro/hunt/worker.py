"""Runs programs over ``datasets`` that come in as source text, and says what came out of each step.

Started as any probe is (``python worker.py REQUEST.json EVENTS.jsonl``); ``inputs.socket`` names the socket on which a
line of JSON is a program or a part of one: ``{"new": …, "lines": [[statement, reading], …]}``; ``inputs.names`` are
what programs use of ``datasets``. The answer is a line: for each step its rows, the types of its columns and the files
that it opened, or the exception that ended it. It judges nothing.
"""

from __future__ import annotations

import builtins
import contextlib
import datetime
import gc
import io
import json
import os
import shutil
import signal
import socket
import time
import traceback
from decimal import Decimal
from pathlib import Path
from typing import Any

from probe_tools import INPUTS, REQUEST, main, started

os.environ["HF_DATASETS_CACHE"] = str(Path(REQUEST["scratch"], "hf"))
os.environ["HF_DATASETS_DISABLE_PROGRESS_BARS"] = "1"

COVERED = ("arrow_dataset", "iterable_dataset", "table", "features/features")
counter: Any = None
if INPUTS.get("coverage"):  # before what is counted is imported
    import coverage

    counter = coverage.Coverage(include=[f"*/datasets/{name}.py" for name in COVERED], data_file=None)
    counter.start()

import datasets  # noqa: E402
import datasets.table  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

datasets.disable_caching()
datasets.disable_progress_bars()
datasets.logging.set_verbosity_error()
datasets.config.SLEEP_TIME_ON_THREADS_SHUTDOWN = 0  # 5.2.0 sleeps so long after a shuffled pass, on purpose

BASE = {name: getattr(datasets, name) for name in INPUTS["names"] if hasattr(datasets, name)}
BASE |= {"datetime": datetime, "Decimal": Decimal, "Path": Path, "pa": pa, "pq": pq, "datasets": datasets}
BASE |= {"embed_table_storage": datasets.table.embed_table_storage}
HOME = Path(REQUEST["scratch"], "work")
ALARM_S = float(INPUTS.get("alarm_s", 60))
opened: list[str] = []


class Alarm(BaseException):
    """The step did not end in time."""


def ring(number: int, frame: object) -> None:
    raise Alarm


def plain(value: Any) -> Any:
    """A value as JSON; what JSON has not gets a tag."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, bytes):
        return {"$": ["bytes", value.hex()]}
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return {"$": [type(value).__name__, value.isoformat()]}
    if isinstance(value, Decimal):
        return {"$": ["Decimal", str(value)]}
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return {"$": [type(value).__name__, repr(value)[:200]]}


def rows_of(got: Any) -> list[Any]:
    """Rows, from a dict of columns or from rows."""
    if isinstance(got, dict):
        columns = {name: list(values) for name, values in got.items()}
        longest = max(map(len, columns.values()), default=0)
        return [{name: values[i] for name, values in columns.items() if i < len(values)} for i in range(longest)]
    return list(got)


def form(feature: Any) -> list[Any]:
    """A feature type as the kit writes it: kind, inner types, names, size."""
    name = type(feature).__name__
    if isinstance(feature, dict):
        return ["struct", [form(one) for one in feature.values()], list(feature), 0]
    if isinstance(feature, list):
        return ["list", [form(feature[0])], [], 0]
    if name in ("List", "Sequence", "LargeList"):
        inner, length = feature.feature, getattr(feature, "length", -1)
        kind = "large" if name == "LargeList" else "list" if length == -1 else "fixed"
        return [kind, [form(inner)], [], length if kind == "fixed" else 0]
    if name == "ClassLabel":
        return ["class", [], list(feature.names), 0]
    if name == "Array2D":
        return ["array2d", [], [], feature.shape[0]]
    if name == "Value":
        return [feature.dtype.replace(" ", ""), [], [], 0]
    return [name, [], [], int(bool(getattr(feature, "decode", False)))]


def types_of(found: Any) -> Any:
    features = getattr(found, "features", None)
    return None if features is None else {name: form(one) for name, one in features.items()}


def fault(error: BaseException) -> dict[str, Any]:
    """An exception, and the innermost place in the libraries that it came through."""
    while error.__cause__ is not None:
        error = error.__cause__
    frames = traceback.extract_tb(error.__traceback__)
    within = [one for one in frames if "site-packages" in one.filename] or frames
    below = [one for one in within if f"{os.sep}datasets{os.sep}" in one.filename] or within
    places = [f"{one.filename.rpartition('site-packages/')[2]}:{one.lineno} {one.name}" for one in below[-3:]]
    return {"type": type(error).__name__, "message": str(error)[:500], "where": places}


def covered() -> dict[str, float]:
    """The share of the lines of each module that was run so far."""
    found = {}
    for name in COVERED:
        _, lines, _, missing, _ = counter.analysis2(str(Path(datasets.__file__).parent / f"{name}.py"))
        found[name] = 1 - len(missing) / len(lines)
    return found


class Program:
    """The namespace of one program, its folder and the statements that were run so far."""

    def __init__(self, number: int) -> None:
        self.folder = HOME / str(number)
        self.folder.mkdir(parents=True)
        os.chdir(self.folder)
        self.lines: list[str] = []
        self.names = dict(BASE, again=self.again)

    def again(self) -> Any:
        """The dataset made anew, as another process would."""
        names = dict(BASE)
        for line in self.lines:
            exec(line, names)
        return names["ds"]

    def step(self, line: str, reading: str) -> dict[str, Any]:
        opened.clear()
        try:
            signal.setitimer(signal.ITIMER_REAL, ALARM_S)
            exec(line, self.names)
            self.lines.append(line)
        except (Exception, Alarm) as error:
            return {"error": fault(error), "reading": False}
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        files = sorted(set(opened))
        try:
            signal.setitimer(signal.ITIMER_REAL, ALARM_S)
            scope = dict(self.names)
            exec(reading, scope)
            found = {"rows": [plain(row) for row in rows_of(scope["got"])], "types": types_of(self.names["ds"])}
        except (Exception, Alarm) as error:
            return {"error": fault(error), "reading": True}
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        return {**found, "opened": files}

    def close(self) -> None:
        os.chdir(HOME)
        shutil.rmtree(self.folder, ignore_errors=True)


def watch_open() -> None:
    """Notes each made-up file just before Python opens it.

    An audit hook would see more, and is called by each ``id()`` too: ``copy.deepcopy`` takes twice as long with one.
    """
    real = io.open

    def opening(file: Any, *more: Any, **named: Any) -> Any:
        if isinstance(file, (str, os.PathLike)) and os.fspath(file).endswith(".bin"):
            opened.append(os.path.basename(file))  # noqa: PTH119
        return real(file, *more, **named)

    builtins.open = io.open = opening


def run() -> None:
    HOME.mkdir()
    watch_open()
    signal.signal(signal.SIGALRM, ring)
    link = socket.socket(socket.AF_UNIX)
    link.connect(INPUTS["socket"])
    started("datasets", "pyarrow")
    gc.collect()
    gc.freeze()  # datasets collects garbage after each Parquet file; what is imported then costs nothing
    program, number = None, 0
    with link, link.makefile("r", encoding="utf-8") as requests:
        for text in requests:
            asked = json.loads(text)
            if asked.get("covered"):
                counter.stop()
                link.sendall((json.dumps([covered()]) + "\n").encode())
                counter.start()
                continue
            if asked["new"] or program is None:
                if program is not None:
                    program.close()
                program, number = Program(number), number + 1
            answers: list[dict[str, Any]] = []
            for line, reading in asked["lines"]:
                before = time.process_time()
                answers.append(program.step(line, reading))
                answers[-1]["cpu_s"] = time.process_time() - before
                if "error" in answers[-1]:
                    break
            link.sendall((json.dumps(answers) + "\n").encode())
    with contextlib.suppress(OSError):
        shutil.rmtree(HOME)


main(run)
if __name__ == "__main__":
    os._exit(0)  # what threads that still read do to a process that ends is another bug's question
