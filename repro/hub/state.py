"""A Hub at work: its storage, what it is to do wrong, what it saw, and its open requests."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from repro.hub.api import Api
from repro.hub.faults import Fault, Plan
from repro.hub.record import Commit, Record
from repro.hub.seed import plant
from repro.hub.storage import Changes, Storage


class Open(Protocol):
    """A request that is not answered yet."""

    def over(self) -> None: ...


class Hub:
    """One Hub, with the repositories of ``tree`` from the start. All of it runs in one thread."""

    def __init__(self, folder: Path, faults: Sequence[Fault] = (), tree: Path | None = None) -> None:
        self.folder, self.plan, self.record = folder, Plan(faults), Record()
        storage = Storage(folder)
        if tree is not None:
            plant(storage, tree)
        self.api = Api(storage, self._committed)
        self.open: set[Open] = set()
        self._began = time.monotonic()

    def now(self) -> float:
        return round(time.monotonic() - self._began, 4)

    def _committed(self, repository: str, branch: str, oid: str, changes: Changes) -> None:
        removed = len(changes.removed) + len(changes.removed_folders)
        self.record.commits.append(
            Commit(self.now(), repository, branch, oid, changes.title, len(changes.added), removed)
        )
