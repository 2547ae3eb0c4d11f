"""Reads the probe's event file while it grows, within bounds, and says what is wrong with it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any

from repro.trial.output import HeldFile

MAX_BYTES = 16 << 20
MAX_EVENTS = 10_000
MAX_DEPTH = 32
MAX_NUMBER = 2**64
MAX_FAULTS = 20
_CHUNK = 1 << 20


@dataclass(slots=True)
class Events:
    """What a probe has said so far. ``faults`` lists breaches of the contract (never a cut-off last line)."""

    started: dict[str, Any] | None = None
    measures: dict[str, Any] = field(default_factory=dict)
    phases: list[tuple[float, str]] = field(default_factory=list)
    unsupported: str | None = None
    done: bool = False
    faults: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, line: bytes) -> None:
        """Take one complete line; a malformed one is recorded as a fault, never raised."""
        self.count += 1
        if self.count > MAX_EVENTS:
            self.fault(f"more than {MAX_EVENTS} events; the rest was not read")
            return
        try:
            event = json.loads(line)
            _check(event)
            name, t = str(event["event"]), float(event.get("t", 0.0))
            _check(t)
        except (ValueError, TypeError, KeyError, RecursionError):
            self.fault(f"malformed event line: {line[:80]!r}")
            return
        if self.done:
            self.fault(f"event {name[:80]!r} after done")
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
                self.fault(f"unknown event: {name[:80]!r}")

    def fault(self, text: str) -> None:
        if len(self.faults) < MAX_FAULTS and text not in self.faults:
            self.faults.append(text)


def _check(value: Any, depth: int = 0) -> None:
    """Refuse what cannot be kept: numbers that JSON or other readers cannot hold, half characters, endless depth."""
    match value:
        case dict() | list() if depth == MAX_DEPTH:
            raise ValueError("nested too deep")
        case dict():
            for key, inner in value.items():
                _check(key)
                _check(inner, depth + 1)
        case list():
            for inner in value:
                _check(inner, depth + 1)
        case str():
            value.encode()
        case int() if abs(value) > MAX_NUMBER:
            raise ValueError("too large a number")
        case float() if not math.isfinite(value):
            raise ValueError("not a number")


class EventReader:
    """Follows a growing file; ``poll`` is cheap when nothing was added, and reads no more than ``MAX_BYTES`` in all."""

    def __init__(self, file: HeldFile) -> None:
        self.events = Events()
        self._file = file
        self._offset = 0
        self._rest = b""

    def poll(self) -> Events:
        """Read what was added since the last call. A line without its newline waits for the rest."""
        size = self._file.size
        if size < self._offset:
            self.events.fault("the event file was cut down")
        while self._offset < min(size, MAX_BYTES):
            data = self._file.read(self._offset, min(_CHUNK, MAX_BYTES - self._offset))
            if not data:
                break
            self._offset += len(data)
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                if line.strip():
                    self.events.add(line)
        if size > MAX_BYTES:
            self.events.fault(f"more than {MAX_BYTES >> 20} MiB of events; the rest was not read")
        return self.events

    def finish(self) -> Events:
        """Read to the end, once nothing writes to it any more."""
        self.poll()
        if self._file.replaced:
            self.events.fault("the event file was replaced or removed")
        return self.events
