"""A user's own data under neutral names: links named by number; the map to the real names stays in the cache."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from repro.inputs.cache import build_once
from repro.inputs.manifest import Manifest, Row

FOLDER, MAP = "own", "map.json"
MIN_LABEL = 6
"""Shorter labels of subjects and sessions ("01") identify nobody, and stand in every text."""

_NEUTRAL = re.compile(r"(?:subject|session|image|ignored)-\d+")


def build(cache: Path, real: Manifest, places: tuple[str, ...]) -> Manifest:
    """``real`` with every subject, session and file named by number, as links below ``cache``; made once.

    ``places`` are the names under which the folder is known. Another set of files, sizes or times is another input.
    """
    state = [(path, size, (real.root / path).stat().st_mtime_ns) for path, size in real.sizes.items()]
    key = hashlib.sha256(json.dumps([places, state, real.ignored], default=str).encode()).hexdigest()[:16]

    def make(folder: Path) -> Manifest:
        subjects = {name: f"subject-{i:03d}" for i, name in enumerate(_distinct(real.rows, "subject_id"), 1)}
        sessions = {name: f"session-{i}" for i, name in enumerate(_distinct(real.rows, "session_id"), 1)}
        owner = {path: str(real.rows[i]["subject_id"]) for i in range(len(real.rows)) for path in real.files_of([i])}
        files = {}
        for number, path in enumerate(real.sizes, 1):
            ending = ".nii.gz" if path.endswith(".nii.gz") else ".nii"
            files[path] = f"{subjects[owner[path]]}/image-{number:04d}{ending}"
            (folder / files[path]).parent.mkdir(exist_ok=True)
            (folder / files[path]).symlink_to(real.root / path)
        ignored = {path: f"ignored-{number:04d}" for number, path in enumerate(real.ignored, 1)}
        names = subjects | sessions | files | ignored
        form = {"places": places, "names": names}
        (folder / MAP).write_text(json.dumps(form), encoding="utf-8", errors="surrogateescape")
        rows = tuple({column: _renamed(value, names) for column, value in row.items()} for row in real.rows)
        sizes = {files[path]: size for path, size in real.sizes.items()}
        return replace(real, root=folder, name="own-data", rows=rows, sizes=sizes, ignored=tuple(ignored.values()))

    return build_once(cache / FOLDER / key, make)


def private(folder: Path) -> tuple[list[str], dict[str, str]]:
    """Of an input numbered in ``folder``: the places it came from, and private word -> neutral word. Else nothing."""
    try:
        form = json.loads((folder / MAP).read_text(encoding="utf-8", errors="surrogateescape"))
    except OSError:
        return [], {}
    folders = {Path(place).name for place in form["places"]}
    telling = {name: "<yours>" for name in folders if len(name) >= MIN_LABEL and not re.fullmatch("[a-z]+", name)}
    return form["places"], telling | dict(_words(form["names"]))


def _words(names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """File names with and without their ending, names of subjects and sessions, and labels long enough to tell."""
    for real, neutral in names.items():
        name, alias = real.rsplit("/", 1)[-1], neutral.rsplit("/", 1)[-1]
        if _NEUTRAL.match(name):  # one number must not become another
            continue
        yield name, alias
        label = name.removesuffix(".gz").removesuffix(".nii").removeprefix("sub-").removeprefix("ses-")
        if len(label) >= MIN_LABEL:
            yield name.removesuffix(".gz").removesuffix(".nii"), alias.split(".", 1)[0]
            yield label, alias.split(".", 1)[0]


def _distinct(rows: tuple[Row, ...], column: str) -> list[str]:
    return sorted({str(row[column]) for row in rows if row[column] is not None})


def _renamed(value: str | tuple[str, ...] | None, names: Mapping[str, str]) -> str | tuple[str, ...] | None:
    if isinstance(value, tuple):
        return tuple(names[path] for path in value)
    return None if value is None else names[value]
