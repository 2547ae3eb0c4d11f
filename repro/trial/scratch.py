"""The scratch folder of a trial, and the guardian that removes it if the kit is killed."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from repro import places
from repro.errors import EnvironmentFault
from repro.trial import at_work
from repro.trial.guardian import Guardian
from repro.trial.leftovers import PREFIX, TOKEN_VARIABLE, end_processes, remove_folder
from repro.units import about

KIT_TOKEN = f"{os.getpid()}-{uuid.uuid4().hex[:12]}"
MIN_FREE_BYTES = 16 << 20
_LOCK = threading.Lock()


@cache
def _make_guardian() -> Guardian:
    return Guardian(KIT_TOKEN, {name: value for name, value in os.environ.items() if name != TOKEN_VARIABLE})


def guardian() -> Guardian:
    """The guardian of this kit process, started with the first trial."""
    with _LOCK:
        return _make_guardian()


def no_room(folder: Path, why: str) -> EnvironmentFault:
    """The error for a temporary folder that cannot be used."""
    return EnvironmentFault(
        f"the folder for temporary files, {folder}, cannot be used ({why}): make room there, or set the environment "
        "variable TMPDIR to a folder that can be written"
    )


def full(folder: Path) -> str:
    """Why a trial cannot work in ``folder`` for want of space, or an empty string."""
    with contextlib.suppress(OSError):
        free = shutil.disk_usage(folder).free
        if free < MIN_FREE_BYTES:
            return f"{about(free)} free, {about(MIN_FREE_BYTES)} needed"
    return ""


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A temporary folder that is gone afterwards, whatever happens to the trial or to the kit.

    Raises:
        EnvironmentFault: the folder for temporary files is full or cannot be written.
    """
    named = os.environ.get("TMPDIR")
    if named and not (Path(named).is_dir() and os.access(named, os.W_OK | os.X_OK)):  # tempfile would take another
        raise no_room(Path(named), "it is no folder that can be written")
    for place in [*([Path(named)] if named else []), Path(tempfile.gettempdir())]:
        if why := full(place):
            raise no_room(place, why)
    parent = Path(tempfile.gettempdir()).resolve()
    path = parent / f"{PREFIX}{os.getpid()}-{uuid.uuid4().hex[:12]}"
    at_work.hold(places.reports())
    guardian().watch(path)  # before it exists: a kill between the two must leave nothing either
    try:
        path.mkdir(mode=0o700)
    except OSError as error:
        guardian().forget(path)
        raise no_room(parent, error.strerror or str(error)) from error
    try:
        yield path
    finally:
        remove_folder(path)
        guardian().forget(path)


@contextlib.contextmanager
def children_end_with_us() -> Iterator[None]:
    """End what is started meanwhile; if the kit is killed its guardian does, and if that is killed too, ``clean``."""
    before = os.environ.get(TOKEN_VARIABLE)
    os.environ[TOKEN_VARIABLE] = KIT_TOKEN
    try:
        yield
    finally:
        if before is None:
            del os.environ[TOKEN_VARIABLE]
        else:
            os.environ[TOKEN_VARIABLE] = before
        end_processes(lambda token: token == KIT_TOKEN)
