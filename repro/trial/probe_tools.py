"""What every probe needs: its request, its events, opened files, memory, the workaround to try.

The kit lays this file into the folder of each trial; elsewhere it works beside the probe, as
``python probe.py REQUEST.json EVENTS.jsonl``. Standard library, Python 3.9 and newer, and nothing of the kit: it
imports no package under test, so that a probe decides in which order those are imported.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib.metadata
import json
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

START = time.monotonic()
if len(sys.argv) < 3:
    sys.exit(f"usage: python {Path(sys.argv[0]).name} REQUEST.json EVENTS.jsonl")
REQUEST: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text("utf-8"))
INPUTS: dict[str, Any] = REQUEST.get("inputs", {})
SCENARIO: str = REQUEST.get("scenario", "")
_EVENTS = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
faulthandler.enable()


def emit(event: str, **fields: Any) -> None:
    """Appends one line of JSON in one ``write``: SIGKILL loses none of it, and an audit hook may call it."""
    line = json.dumps({"event": event, "t": round(time.monotonic() - START, 4), **fields})
    os.write(_EVENTS, line.encode() + b"\n")


def started(*packages: str) -> None:
    """Says that everything is imported; of each package the version, and the file if it is imported.

    What fails before it is a broken environment, what fails after it is a failure of the bug.
    """
    versions, files = {}, {}
    for package in packages:
        module = sys.modules.get(package.replace("-", "_"))
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            if module is None:
                continue
            versions[package] = str(getattr(module, "__version__", ""))
        if module is not None:
            files[package] = module.__file__
    emit("started", python=sys.version.split()[0], versions=versions, files=files)


def phase(name: str) -> None:
    """Says that a part of the work begins; the timeline of a trial shows it."""
    emit("phase", name=name)


def measure(**measures: Any) -> None:
    """Reports what happened, at once; a later value replaces an earlier one of the same name."""
    emit("measure", measures=measures)


def unsupported(reason: str) -> NoReturn:
    """Ends the probe: what it asks for does not exist here, or the fix does not apply; neither good nor bad."""
    emit("unsupported", reason=reason)
    sys.exit(0)


def done() -> None:
    """Says that the last statement ran; a failure from here on is one of the end of the process."""
    emit("done")


def main(run: Callable[[], object]) -> None:
    """Runs the probe and says ``done``; nothing in a worker, where ``multiprocessing`` imports the file again."""
    if run.__module__ == "__main__":
        run()
        done()


def on_open(root: str, call: Callable[[str], object]) -> None:
    """Calls ``call(path)`` from now on for each file below ``root`` just before Python opens it.

    It is an audit hook: what C++ opens by itself (``pyarrow.OSFile``) is not seen.
    """
    prefix = os.path.join(os.path.abspath(root), "")  # noqa: PTH100, PTH118

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(args[0], (str, bytes)):
            path = os.path.abspath(os.fsdecode(args[0]))  # noqa: PTH100
            if path.startswith(prefix):
                call(path)

    sys.addaudithook(hook)


def resident() -> int | None:
    """Bytes of memory that this process holds now; ``None`` where there is no ``/proc``."""
    return _status("VmRSS")


def peak() -> int | None:
    """The most bytes of memory that this process itself has held; ``None`` where nobody tells (Windows).

    ``ru_maxrss`` is the second choice: on Linux it begins with what the process held that started this one.
    """
    from_proc = _status("VmHWM")
    if from_proc is not None:
        return from_proc
    try:
        import resource
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def forget_peak() -> None:
    """Lets ``peak`` begin anew with what is held now, where ``/proc`` can."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", "ascii")


def workaround(default: Callable[..., Any]) -> Callable[..., Any]:
    """The function of the workaround that the request names, or ``default``; a patch is in the environment already.

    It is named like its file; the other names of that file are its ``__globals__``.
    """
    path = Path(str(REQUEST.get("fix_path")))
    if path.suffix != ".py":
        return default
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)
    found: Callable[..., Any] = getattr(module, path.stem)
    return found


def _status(line: str) -> int | None:
    found = None
    with contextlib.suppress(OSError):
        found = re.search(rf"{line}:\s+(\d+) kB", Path("/proc/self/status").read_text("ascii", "replace"))
    return int(found[1]) * 1024 if found else None
