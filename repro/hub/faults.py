"""Faults of the Hub on request: ``resolve:503x2`` answers the first two downloads with status 503. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from repro.errors import UserError, unknown
from repro.units import parse_duration, parse_size

FORMS = (
    "ENDPOINT:KIND[=VALUE][xCOUNT][@AFTER], such as resolve:503x2 (twice), put:reset@1 (the second), "
    "tree:429=2s (Retry-After), resolve:slow=64KiBx* (always, bytes a second), commit:applied-504 or "
    "commit:applied-reset"
)
_READ = ("whoami", "info", "refs", "commits", "tree", "paths-info", "resolve", "head")
_WRITE = ("create", "delete", "validate-yaml", "preupload", "lfs-batch", "put", "verify", "commit", "branch", "tag")
ENDPOINTS = (*_READ, *_WRITE)
_WITH_BODY = tuple(name for name in ENDPOINTS if name not in ("head", "put", "delete"))
KINDS: dict[str, tuple[str, ...]] = {
    "reset": ENDPOINTS,  # halfway: through what is sent to the Hub, if anything is, else through its answer
    "close": ENDPOINTS,
    "stall": ENDPOINTS,
    "slow": ENDPOINTS,
    "wrong-length": _WITH_BODY,  # a complete answer that is one byte too short
    "empty": _WITH_BODY,
    "html": ENDPOINTS,  # as from a proxy, with status 200: what was asked is not done
    "range-ignored": ("resolve",),
    "wrong-range": ("resolve",),
    "flip": ("resolve",),
    "not-stored": ("put", "commit"),
}
"""Where each kind of fault can be had; besides these, a status of 400 to 599.

What is asked of a writing endpoint is done all the same with ``applied-504``, ``applied-reset`` and the like.
"""
_FAULT = re.compile(r"([a-z-]+):([a-z0-9-]+?)(?:=([^x@=]+))?(?:x(\d+|\*))?(?:@(\d+))?")
_STATUS = re.compile(r"[45]\d\d")
CUTS = ("reset", "close", "stall")


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with some requests of one endpoint.

    Attributes:
        kind: one of ``KINDS``, or ``status``.
        status: the status of the answer, for that kind.
        applied: whether what was asked is done all the same.
        value: seconds of Retry-After or of a stall, bytes a second of ``slow``; 0 for none given.
        count: how many requests; ``None`` for all.
        after: requests that are answered well before.
    """

    endpoint: str
    kind: str
    status: int = 200
    applied: bool = False
    value: float = 0.0
    count: int | None = 1
    after: int = 0
    typed: str = ""


def parse(text: str) -> Fault:
    """Read a fault as typed. Raises UserError for everything else than ``FORMS``."""
    found = _FAULT.fullmatch(text)
    if found is None:
        raise UserError(f"the fault {text!r} is malformed; write {FORMS}")
    endpoint, kind, value, count, after = found.groups()
    if endpoint not in ENDPOINTS:
        raise unknown("endpoint of a fault", endpoint, ENDPOINTS)
    how = None if count == "*" else int(count or 1), int(after or 0), text
    typed, kind = kind, kind.removeprefix("applied-")
    if (applied := kind != typed) and endpoint not in _WRITE:
        raise UserError(f"the fault {text!r}: {endpoint} changes nothing that could be applied; try {_WRITE[0]}")
    if _STATUS.fullmatch(kind):
        number = int(kind)
        if value and number not in (429, 503):
            raise UserError(f"the fault {text!r} takes no value: only 429 and 503 have a Retry-After")
        return Fault(endpoint, "status", number, applied, parse_duration(value) if value else 0.0, *how)
    if kind not in (CUTS if applied else KINDS):
        raise unknown("kind of fault", typed, [*KINDS, "429", "503", "applied-504", "applied-reset"])
    if endpoint not in KINDS[kind]:
        raise UserError(f"the fault {text!r}: {kind} is for {', '.join(KINDS[kind])} only; write {FORMS}")
    if (kind == "slow") != bool(value) and kind != "stall":
        raise UserError(f"the fault {text!r}: write slow=64KiB for bytes a second; {FORMS}")
    amount = 0.0 if not value else parse_size(value) if kind == "slow" else parse_duration(value)
    return Fault(endpoint, kind, 200, applied, amount, *how)


class Plan:
    """Which request gets which fault. The first of several faults of an endpoint that is due is taken."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._faults = list(faults)
        self._met = [0] * len(self._faults)

    def take(self, endpoint: str, ranged: bool = False) -> Fault | None:
        """The fault of the next request of ``endpoint``, and counts it; ``ranged`` if it asks for a part of a file."""
        taken = None
        for number, fault in enumerate(self._faults):
            if fault.endpoint != endpoint or ("range" in fault.kind and not ranged):
                continue
            place = self._met[number] - fault.after
            due = place >= 0 and (fault.count is None or place < fault.count)
            if taken is None or not due:  # one that had to wait for another keeps its turn
                self._met[number] += 1
            taken = taken or (fault if due else None)
        return taken
