"""Removes what the kit made: scratch reports, caches, and leftovers of runs that were killed."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

from repro import places
from repro.errors import UserError
from repro.trial.caps import PREFIX, candidates, remove_cgroup

_OWNED = re.compile(rf"{PREFIX}(\d+)-")
ROOMS = frozenset({"evidence", "issues", "notebooks"})
SHELVES = frozenset({"envs", "manifests", "resolutions", "releases"})
PUBLISHED = frozenset({"README.md", "expected.json", "claims.md", "published"})


def _orphaned(path: Path) -> bool:
    """Whether the kit process whose number is in the name is gone."""
    found = _OWNED.match(path.name)
    return found is not None and not psutil.pid_exists(int(found.group(1)))


def leftovers() -> Iterator[Path]:
    """Scratch folders and cgroups of kits that are gone (a guardian normally removed them already)."""
    folders = Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*")
    yield from (path for path in folders if path.is_dir() and _orphaned(path))
    for _, parent, _ in candidates():
        if parent.is_dir():
            yield from (path for path in parent.glob(f"{PREFIX}*-*") if path.is_dir() and _orphaned(path))


def _refuse_foreign(folder: Path, variable: str, proof: frozenset[str]) -> None:
    """A folder that a variable names may hold anything: it is emptied only if it looks like what the kit makes."""
    if not os.environ.get(variable) or not folder.is_dir():
        return
    around = {place for inner in (Path.home(), Path.cwd()) for place in (inner, *inner.parents)}
    names = {path.name for path in folder.iterdir()}
    if folder.resolve() in around or (names and not names & proof):
        raise UserError(f"{variable} names {folder}, which the kit did not make: remove what you want gone by hand")


def clean_up(also_cache: bool = False) -> Iterator[str]:
    """Remove scratch reports and leftovers, and the cache if asked; yields a line per thing removed.

    Raises UserError, before anything is removed, if REPRO_REPORTS or REPRO_CACHE names a folder that is not the kit's.
    """
    reports, cache = places.reports(), places.cache()
    _refuse_foreign(reports, "REPRO_REPORTS", ROOMS)
    if also_cache:
        _refuse_foreign(cache, "REPRO_CACHE", SHELVES)
    for path in list(leftovers()):
        if (path / "cgroup.procs").exists():
            remove_cgroup(path)
        else:
            shutil.rmtree(path, ignore_errors=True)
        yield f"removed the leftover {path.name}"
    for path in sorted(reports.iterdir()) if reports.is_dir() else []:
        if path.name in PUBLISHED:
            continue
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        yield f"removed reports/{path.name}"
    if also_cache and cache.is_dir():
        shutil.rmtree(cache)
        yield "removed the cache of inputs and environments"
