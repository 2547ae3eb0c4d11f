"""Repositories that are there from the start: the folders ``datasets/OWNER/NAME`` and ``models/OWNER/NAME`` of a tree.

Large files are served in place, through a link: a sparse file stays sparse, and nothing is copied. Their sha256 are
kept in the tree, in ``sha256.json``, so that only the first Hub reads a file to its end.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from filelock import FileLock

from repro.errors import UserError
from repro.files import write_atomic
from repro.hub.storage import Changes, Content, Repository, Storage, goes_through_lfs

KINDS, SUMS = ("datasets", "models"), "sha256.json"
DATE = "2026-01-01T00:00:00.000Z"
"""The same files make the same commit, whenever the Hub is started."""


def plant(storage: Storage, tree: Path) -> None:
    """Put every repository of ``tree`` in the storage, as one commit each; what the storage has already stays.

    Raises:
        UserError: there is none in it, or its sums cannot be kept there.
    """
    folders = [(kind, folder) for kind in KINDS for folder in sorted((tree / kind).glob("*/*")) if folder.is_dir()]
    if not folders:
        raise UserError(f"{tree} holds no repository: name a folder with datasets/OWNER/NAME/… in it")
    try:
        with FileLock(tree / f".{SUMS}.lock"):
            sums = _Sums(tree / SUMS)
            for kind, folder in folders:
                name = f"{folder.parent.name}/{folder.name}"
                if not storage.has(kind, name):
                    storage.create(kind, name, DATE)
                    _fill(storage.get(kind, name), folder, sums)
            sums.save()
    except PermissionError as error:
        raise UserError(f"cannot keep the sums of the files in {tree}: name a folder that can be written") from error


def _fill(repository: Repository, folder: Path, sums: _Sums) -> None:
    added: dict[str, Content] = {}
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        path = file.relative_to(folder).as_posix()
        if ".git" in path.split("/"):  # of a clone; no file of a repository
            continue
        with file.open("rb") as start:
            large = goes_through_lfs(path, file.stat().st_size, start.read(512))
        if large:
            added[path] = sha256 = sums.of(file)
            repository.link(sha256, file)
        else:
            added[path] = repository.keep(file.read_bytes())
    repository.commit("main", Changes("files from the start", "", "", added, (), ()), DATE)


class _Sums:
    """sha256 of files by what they are on disk: another size, time or inode is another file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, str] = json.loads(path.read_text("ascii")) if path.is_file() else {}
        self._before = len(self._known)

    def of(self, file: Path) -> str:
        about = file.stat()
        key = f"{about.st_dev}-{about.st_ino}-{about.st_size}-{about.st_mtime_ns}"
        if key not in self._known:
            with file.open("rb") as content:
                self._known[key] = hashlib.file_digest(content, "sha256").hexdigest()
        return self._known[key]

    def save(self) -> None:
        if len(self._known) > self._before:
            write_atomic(self._path, json.dumps(self._known, indent=0).encode())
