"""Runs any Python script as a probe: as it is, at the top level, with one event before it and one after its last line.

Run as ``python run_script.py REQUEST.json EVENTS.jsonl``; ``inputs.script`` is the file. Like any probe it imports
nothing of the kit. Events: ``started`` with the versions of the packages that ``inputs.packages`` names, and ``done``
when the last statement of the script ran or it called ``sys.exit(0)``. The script's names live in ``__main__``, as
they would without this file: what is alive when the interpreter ends decides how it ends.
"""

import contextlib
import faulthandler
import importlib.metadata
import json
import os
import sys
import time
from pathlib import Path
from typing import Any


def _emit(event: str, **fields: Any) -> None:
    line = json.dumps({"event": event, "t": round(time.monotonic() - _START, 4), **fields})
    os.write(_EVENTS, line.encode() + b"\n")


def _versions(names: list[str]) -> dict[str, str]:
    found = {}
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def _run(path: str) -> None:
    """Runs the file in ``__main__``; the frames of this file are taken out of a traceback."""
    sys.argv = [path]
    sys.path[0] = str(Path(path).parent)
    code = compile(Path(path).read_bytes(), path, "exec")
    space = sys.modules["__main__"].__dict__
    space["__file__"] = path
    try:
        exec(code, space)
    except SystemExit as stop:
        if stop.code in (None, 0):
            _emit("done")
        raise
    except BaseException as error:
        trace = error.__traceback__
        error.with_traceback(trace.tb_next if trace else None)  # the hook shows the one that it carries
        sys.excepthook(type(error), error, error.__traceback__)
        sys.exit(130 if isinstance(error, KeyboardInterrupt) else 1)
    _emit("done")


_START = time.monotonic()
faulthandler.enable()
_INPUTS = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["inputs"]
_EVENTS = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
_emit("started", python=sys.version.split()[0], versions=_versions(_INPUTS["packages"]), files={})
_run(_INPUTS["script"])
