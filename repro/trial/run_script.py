"""Runs any Python script as a probe: as it is, at the top level, with one event before it and one after its last line.

Run as ``python run_script.py REQUEST.json EVENTS.jsonl``; ``inputs.script`` is the file. Like any probe it imports
nothing of the kit. Events: ``started`` with the versions of the packages that ``inputs.packages`` names, and ``done``
when the last statement of the script ran or it called ``sys.exit(0)``. The script's names live in ``__main__``, as
they would without this file: what is alive when the interpreter ends decides how it ends.
"""

import os
import sys
from pathlib import Path

import probe_tools


def _run(path: str) -> None:
    """Runs the file in ``__main__``; the frames of this file are taken out of a traceback."""
    sys.argv = [path]
    sys.path[:] = [str(Path(path).parent), *(one for one in sys.path[1:] if one != os.environ.get("PYTHONPATH"))]
    os.environ.pop("PYTHONPATH", None)  # it names the folder of the tools, which the script is to know nothing of
    code = compile(Path(path).read_bytes(), path, "exec")
    space = sys.modules["__main__"].__dict__
    space["__file__"] = path
    try:
        exec(code, space)
    except SystemExit as stop:
        if stop.code in (None, 0):
            probe_tools.done()
        raise
    except BaseException as error:
        trace = error.__traceback__
        error.with_traceback(trace.tb_next if trace else None)  # the hook shows the one that it carries
        sys.excepthook(type(error), error, error.__traceback__)
        sys.exit(130 if isinstance(error, KeyboardInterrupt) else 1)
    probe_tools.done()


probe_tools.started(*probe_tools.INPUTS["packages"])
_run(probe_tools.INPUTS["script"])
