"""Calls what a bug declares as code, and turns its author's mistakes into one line that names file and line."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from repro.bugs import defaults
from repro.bugs.declaration import RUN_SCRIPT, Bug, Prepared
from repro.errors import EnvironmentFault, UserError, blame, usable_paths
from repro.model import Outcome, Scalar, Verdict

_MACHINE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}
"""Errors that no author of a bug can mend."""


def prepare(bug: Bug, scenario: str, parameters: Mapping[str, Scalar], cache: Path) -> Prepared:
    """The inputs that ``bug`` prepares; EnvironmentFault if that raises or gives inputs that no JSON file can hold."""
    with _mistakes(bug, "prepare", bug.prepare), usable_paths():
        made: object = bug.prepare(scenario, parameters, cache) if bug.prepare else defaults.constants(bug, scenario)
        if not isinstance(made, Prepared):
            raise TypeError(f"it returns {type(made).__name__}, not Prepared")
        json.dumps(made.inputs)
        if bug.probe == RUN_SCRIPT:
            script = {"script": str(bug.folder / "minimal.py"), "packages": list(bug.needs)}
            return replace(made, inputs={**made.inputs, **script})
        return made


def judge(bug: Bug, scenario: str, outcome: Outcome, expected: Mapping[str, Any]) -> Verdict:
    """The verdict of the bug's oracle; EnvironmentFault if the oracle raises or returns anything else."""
    with _mistakes(bug, "oracle", bug.oracle):
        oracle = bug.oracle or partial(defaults.compare, bug)
        verdict: object = oracle(scenario, outcome, expected)
        if not isinstance(verdict, Verdict):
            raise TypeError(f"it returns {type(verdict).__name__}, not Verdict")
        return verdict


@contextmanager
def _mistakes(bug: Bug, name: str, function: Callable[..., object] | None) -> Iterator[None]:
    """Whatever a bug's own code raises, a run can then not tell whether the bug is there: exit status 125."""
    try:
        yield
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        if isinstance(error, OSError) and error.errno in _MACHINE:
            raise
        at = blame(error, bug.folder, function)
        raise EnvironmentFault(f"the {name} of {bug.slug} fails, correct it first: {at}") from error
