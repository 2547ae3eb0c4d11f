"""Keeps the evidence: one redacted JSON file a trial, below ``reports/evidence/<bug>/``."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from repro.errors import EnvironmentFault, UserError
from repro.evidence.record import Evidence, new_id
from repro.evidence.redact import Redactor
from repro.model import Limits, Scalar
from repro.units import format_duration, format_size

__all__ = ["Evidence", "Found", "Store", "command_for"]


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
        """Read one file. Raises UserError, with the path, for whatever is wrong with it."""
        try:
            return replace(Evidence.from_json(json.loads(path.read_bytes())), path=path)
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


def command_for(
    bug: str,
    scenario: str,
    fix: str,
    target_spec: str,
    limits: Limits,
    parameters: Mapping[str, Scalar],
    trials: int | None = None,
) -> str:
    """The shell command that asks the same question again.

    ``parameters`` holds only what differs from the bug's defaults. Limits are spelled out even if they are the
    defaults, so that the command keeps its meaning when a default changes.
    """
    words = ["repro", "run", bug, "--scenario", scenario]
    if fix != "none":
        words += ["--fix", fix]
    memory = "none" if limits.memory_bytes is None else format_size(limits.memory_bytes)
    words += ["--target", target_spec, "--memory", memory, "--timeout", format_duration(limits.timeout_s)]
    if trials is not None:
        words += ["--trials", str(trials)]
    for name, value in parameters.items():
        if value is not None:
            words += ["--set", f"{name}={str(value).lower() if isinstance(value, bool) else value}"]
    return shlex.join(words)


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


def _write(path: Path, content: bytes) -> None:
    """Temporary file, fsync, rename: a reader never sees half of it, and a failure leaves nothing behind."""
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)  # mkstemp lets only the owner read; a report is to be shared
        Path(temporary).replace(path)
    except BaseException as error:
        if temporary:
            with contextlib.suppress(OSError):
                Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise EnvironmentFault(
                f"cannot write evidence in {path.parent} ({error.strerror}): free some space there, or set the "
                "environment variable REPRO_REPORTS to a folder that can be written and has room"
            ) from error
        raise
