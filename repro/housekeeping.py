"""Removes what the kit made: scratch reports, caches, and leftovers of runs that were killed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from repro import places
from repro.errors import UserError
from repro.trial import at_work
from repro.trial.cgroup import candidates
from repro.trial.leftovers import end_leftovers, paths_of_gone_kits

ROOMS = frozenset({"evidence", "issues", "notebooks"})
SHELVES = frozenset({at_work.FOLDER, "envs", "manifests", "resolutions", "releases"})
PUBLISHED = frozenset({"README.md", "expected.json", "claims.md", "published"})


def _places() -> Iterator[Path]:
    """Where trials make their scratch folders and cgroups."""
    yield Path(tempfile.gettempdir()).resolve()
    yield from (parent for _, parent, _ in candidates())


def leftovers() -> Iterator[Path]:
    """Scratch folders and cgroups of kits that are gone (a guardian normally removed them already)."""
    return paths_of_gone_kits(_places())


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

    Raises UserError, before anything is removed, if REPRO_REPORTS or REPRO_CACHE names a folder that is not the kit's,
    or if a kit is at work on the reports.
    """
    reports, cache = places.reports(), places.cache()
    _refuse_foreign(reports, "REPRO_REPORTS", ROOMS)
    if also_cache:
        _refuse_foreign(cache, "REPRO_CACHE", SHELVES)
    at_work.refuse_if_held(reports)
    yield from end_leftovers(_places())
    for path in sorted(reports.iterdir()) if reports.is_dir() else []:
        if path.name in PUBLISHED:
            continue
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        yield f"removed reports/{path.name}"
    if also_cache and cache.is_dir():
        shutil.rmtree(cache)
        yield "removed the cache of inputs and environments"
