"""What the Hub saw: its requests in the order of their arrival, with bytes both ways, and the commits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

KEPT = 1_000
"""Requests that are kept one by one; beyond that only the totals go on."""


@dataclass(slots=True)
class Request:
    """One request. Neither headers nor queries are kept, so that no token can be among them.

    Attributes:
        status: that of the answer; 0 where the connection broke before there was one.
        up, down: bytes of the bodies that came in and went out.
        bytes: of a download the part that was asked for, as in the header; empty for the whole.
        whole: whether the answer was sent to its end.
        fault: the fault it was given, as typed.
    """

    at_s: float
    endpoint: str
    method: str
    path: str
    status: int = 0
    up: int = 0
    down: int = 0
    bytes: str = ""
    whole: bool = False
    fault: str = ""
    seconds: float = 0.0


@dataclass(slots=True)
class Total:
    """All requests of one endpoint together."""

    requests: int = 0
    failed: int = 0
    up: int = 0
    down: int = 0


@dataclass(slots=True)
class Commit:
    """A commit: when, where, and how many files it added and removed."""

    at_s: float
    repository: str
    revision: str
    oid: str
    title: str
    added: int
    removed: int


@dataclass(slots=True)
class Record:
    """Everything a Hub saw. A request without an answer (a stall, a kill) is in it too."""

    requests: list[Request] = field(default_factory=list)
    totals: dict[str, Total] = field(default_factory=dict)
    commits: list[Commit] = field(default_factory=list)
    omitted: int = 0

    def begin(self, request: Request) -> Request:
        """Adds a request that has just arrived."""
        self.totals.setdefault(request.endpoint, Total()).requests += 1
        if len(self.requests) < KEPT:
            self.requests.append(request)
        else:
            self.omitted += 1
        return request

    def end(self, request: Request) -> None:
        """Counts a request that is over."""
        total = self.totals[request.endpoint]
        total.up += request.up
        total.down += request.down
        total.failed += not (request.whole and 200 <= request.status < 400)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, form: Mapping[str, Any]) -> Record:
        """The inverse of ``to_json``."""
        return cls(
            [Request(**one) for one in form["requests"]],
            {name: Total(**one) for name, one in form["totals"].items()},
            [Commit(**one) for one in form["commits"]],
            form["omitted"],
        )
