"""Reads the probe's event file while it grows, and says what is wrong with it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KNOWN = frozenset({"started", "phase", "measure", "unsupported", "done"})
MAX_LINE = 16 << 20


@dataclass(slots=True)
class Events:
    """What a probe has said so far. ``faults`` lists breaches of the contract (never a cut-off last line)."""

    started: dict[str, Any] | None = None
    measures: dict[str, Any] = field(default_factory=dict)
    phases: list[tuple[float, str]] = field(default_factory=list)
    unsupported: str | None = None
    done: bool = False
    faults: list[str] = field(default_factory=list)

    def add(self, line: bytes) -> None:
        """Take one complete line; a malformed one is recorded as a fault, never raised."""
        try:
            event = json.loads(line)
            name, t = event["event"], float(event.get("t", 0.0))
        except (ValueError, TypeError, KeyError, RecursionError):
            self.faults.append(f"malformed event line: {line[:80]!r}")
            return
        if self.done:
            self.faults.append(f"event {name!r} after done")
        match name:
            case "started":
                self.started = {k: v for k, v in event.items() if k != "event"}
            case "phase":
                self.phases.append((t, str(event.get("name", "?"))))
            case "measure" if isinstance(event.get("measures"), dict):
                self.measures.update(event["measures"])
            case "unsupported":
                self.unsupported = str(event.get("reason", "no reason given"))
            case "done":
                self.done = True
            case _:
                self.faults.append(f"unknown event: {str(name)[:80]!r}")


class EventReader:
    """Follows a growing file; ``poll`` is cheap when nothing was added."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.events = Events()
        self._offset = 0
        self._rest = b""

    def poll(self) -> Events:
        """Read what was added since the last call. A line without its newline waits for the rest."""
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            return self.events
        if size <= self._offset:
            return self.events
        with self.path.open("rb") as file:
            file.seek(self._offset)
            data = self._rest + file.read(MAX_LINE)
            self._offset = file.tell()
        *lines, self._rest = data.split(b"\n")
        for line in lines:
            if line.strip():
                self.events.add(line)
        return self.events

    def finish(self) -> tuple[Events, bool]:
        """Read to the end; the second value says whether the last line was cut off."""
        before = -1
        while before != self._offset:
            before = self._offset
            self.poll()
        return self.events, bool(self._rest.strip())
