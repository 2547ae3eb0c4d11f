"""Gives a new environment what Python compiled in its neighbours, so that no first trial waits for the compiler."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

MOST = 3
"""Neighbours to take from: the first few hold nearly all, and each one costs a walk through its files."""


def nearest(packages: Mapping[str, str], others: Mapping[Path, Mapping[str, str]]) -> list[Path]:
    """The environments that together hold most of these releases, best first. Pure."""
    wanted, found = set(packages.items()), list[Path]()
    while wanted and len(found) < MOST and len(found) < len(others):
        best = max((one for one in others if one not in found), key=lambda one: len(wanted & others[one].items()))
        if not wanted & others[best].items():
            break
        wanted -= others[best].items()
        found.append(best)
    return found


def share(new: Path, others: Iterable[Path]) -> None:
    """Link the compiled files of other ``site-packages`` into ``new``, for sources that are the same file there.

    Python itself checks a compiled file by size and time of its source, and puts a new one in place of what does not
    fit, so a link never changes what is imported. An environment may vanish meanwhile; that leaves something out.
    """
    for other in others:
        for folder, _, names in os.walk(other):
            if not folder.endswith("__pycache__"):
                continue
            here = new / Path(folder).relative_to(other)
            if not here.parent.is_dir():
                continue
            here.mkdir(exist_ok=True)
            for name in names:
                source = f"{name.partition('.')[0]}.py"
                if _same(here.parent / source, Path(folder).parent / source):
                    _link(Path(folder) / name, here / name)


def _same(one: Path, other: Path) -> bool:
    try:
        first, second = one.stat(), other.stat()
    except OSError:
        return False
    return (first.st_size, first.st_mtime_ns) == (second.st_size, second.st_mtime_ns)


def _link(old: Path, new: Path) -> None:
    if new.exists():
        return
    try:
        os.link(old, new)
    except OSError:
        try:
            shutil.copyfile(old, new)
        except OSError:
            new.unlink(missing_ok=True)
