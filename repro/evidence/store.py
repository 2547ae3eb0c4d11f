"""Keeps the evidence: one redacted JSON file a trial, below ``reports/evidence/<bug>/``."""

from __future__ import annotations

import json
import threading
import time
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from repro.errors import EnvironmentFault, UserError
from repro.evidence.record import Evidence, new_id
from repro.evidence.redact import Redactor
from repro.files import write_atomic

__all__ = ["Evidence", "Found", "Store"]


STALE_S = 3600.0
"""Age from which a temporary file has no writer any more: writing one takes milliseconds."""

_PARSED: dict[Path, tuple[tuple[int, int, int], Evidence]] = {}
_LOCK = threading.Lock()


@dataclass(frozen=True, slots=True)
class Found:
    """What a search gave: the evidence, newest last, and one line for each file that could not be read."""

    evidence: tuple[Evidence, ...]
    unreadable: tuple[str, ...]


class Store:
    """The evidence below ``root`` (the ``reports/`` folder). Nothing reaches the disk before it is redacted."""

    def __init__(self, root: Path, redactor: Redactor | None = None) -> None:
        self.root = root
        self.redactor = redactor or Redactor.from_environment()
        _remove_stale(root / "evidence")

    def save(self, evidence: Evidence) -> Evidence:
        """Write ``evidence`` and return it as it was written: redacted, with its ``path``.

        The file appears complete or not at all. Raises UserError if the folder cannot be written or the disk is full.
        """
        kept = evidence.redacted(self.redactor)
        path = self._folder(kept.bug) / f"{kept.id}.json"
        # What cannot be UTF-8 (half of a surrogate pair in a tail) is written as the JSON escape of itself.
        _write(path, _dump(kept.to_json()).encode("utf-8", "backslashreplace"))
        return replace(kept, path=path)

    def attach(self, bug: str, name: str, text: str) -> str:
        """Write a redacted text such as ``flamegraph.html`` beside the evidence of ``bug``; its path below ``root``."""
        path = self._folder(bug) / f"{new_id()}-{name}"
        clean = self.redactor.html(text) if path.suffix in {".html", ".svg"} else self.redactor.text(text)
        _write(path, clean.encode("utf-8", "backslashreplace"))
        return path.relative_to(self.root).as_posix()

    def load(self, path: Path) -> Evidence:
        """Read one file. Raises UserError, with the path, for whatever is wrong with it.

        A file is parsed once per process, whichever store asks, unless it changed; the record is shared.
        """
        try:
            state = path.stat()
            version = (state.st_mtime_ns, state.st_size, state.st_ino)
            with _LOCK:
                if path not in _PARSED or _PARSED[path][0] != version:
                    _PARSED[path] = (version, Evidence.from_json(json.loads(path.read_bytes())))
                return replace(_PARSED[path][1], path=path)
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}; name an existing evidence file") from error
        except (ValueError, RecursionError) as error:
            raise UserError(f"{path}: not JSON ({error}); delete the file and run the trial again") from error
        except UserError as error:
            raise UserError(f"{path}: {error}") from error

    def search(
        self,
        *,
        bug: str | None = None,
        scenario: str | None = None,
        fix: str | None = None,
        target: str | None = None,
    ) -> Found:
        """All evidence that matches what is given; ``target`` is a spec, its words in any order."""
        # The stored spec went through redaction, so the wanted one must too.
        words = None if target is None else sorted(self.redactor.text(target).split())
        evidence: list[Evidence] = []
        unreadable: list[str] = []
        for path in sorted((self.root / "evidence").glob(f"{bug or '*'}/*.json"), key=lambda path: path.name):
            try:
                found = self.load(path)
            except UserError as error:
                unreadable.append(str(error))
                continue
            same = scenario in (None, found.scenario) and fix in (None, found.fix)
            if same and (words is None or words == sorted(str(found.target.get("spec", "")).split())):
                evidence.append(found)
        return Found(tuple(evidence), tuple(unreadable))

    def query(self, **wanted: Any) -> list[Evidence]:
        """The evidence of ``search``, newest last; warns of each file that could not be read."""
        found = self.search(**wanted)
        for line in found.unreadable:
            warnings.warn(f"evidence left out: {line}", stacklevel=2)
        return list(found.evidence)

    def _folder(self, bug: str) -> Path:
        return self.root / "evidence" / bug


def _dump(form: Mapping[str, Any]) -> str:
    """One line for each entry, and for each entry of the outcome: short for a machine, and a person can find things."""
    lines = []
    for name, value in form.items():
        if name == "outcome":
            inner = ",\n".join(f"  {_compact(key)}: {_compact(item)}" for key, item in value.items())
            lines.append(f' "outcome": {{\n{inner}\n }}')
        else:
            lines.append(f" {_compact(name)}: {_compact(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _remove_stale(folder: Path) -> None:
    """Remove what writers that were killed left behind.

    By age: where machines or containers share the folder, a process id does not tell whether its owner still writes.
    """
    for path in folder.glob("*/.*.tmp"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > STALE_S:
                path.unlink()


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, content)
    except OSError as error:
        raise EnvironmentFault(
            f"cannot write evidence in {path.parent} ({error.strerror}): free some space there, or set the "
            "environment variable REPRO_REPORTS to a folder that can be written and has room"
        ) from error
