"""What a Hub saw, as tables and as lanes for a picture. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from repro.hub.record import Record, Request, Total
from repro.model import Outcome
from repro.render.tables import Table
from repro.render.words import counted
from repro.run.hub import MEASURE
from repro.units import about

LONGEST = 60
"""Requests shown one by one; a longer story is cut in its middle."""
LARGE = 64 << 10
"""Bytes from which on a picture says how many a request carried."""


@dataclass(frozen=True, slots=True)
class Lane:
    """The requests of one endpoint, with what they come to in words."""

    endpoint: str
    requests: tuple[Request, ...]
    words: str


def seen(outcome: Outcome) -> Record | None:
    """What the Hub of a trial saw; ``None`` of a trial without one, and where no client came."""
    kept = outcome.measures.get(MEASURE)
    record = Record.from_json(kept) if isinstance(kept, Mapping) else None
    return record if record is not None and record.requests else None


def lanes(record: Record) -> list[Lane]:
    """A lane for each endpoint, in the order of their first requests."""
    found: dict[str, list[Request]] = {}
    for one in record.requests:
        found.setdefault(one.endpoint, []).append(one)
    return [Lane(name, tuple(requests), _words(record.totals[name])) for name, requests in found.items()]


def span(record: Record) -> tuple[float, float]:
    """When the first request arrived, and when the last thing happened: at least a tenth of a second later."""
    first = min(one.at_s for one in record.requests)
    last = [one.at_s + one.seconds for one in record.requests] + [one.at_s for one in record.commits]
    return first, max(first + 0.1, *last)


def labels(lane: Lane, letter: float) -> list[tuple[Request, str]]:
    """What is said of which requests: what went wrong first, then what has room. ``letter``: seconds of a letter."""
    found: list[tuple[Request, str]] = []
    for one in sorted(lane.requests, key=healthy):
        words, taken = _mark(one), ((other.at_s, len(said)) for other, said in found)
        long = letter * (len(words) + 1)
        if words and all(one.at_s + long <= at or at + letter * (n + 1) <= one.at_s for at, n in taken):
            found.append((one, words))
    return found


def _mark(one: Request) -> str:
    """What is said of a request in a picture: its fault or failure, else the bytes of its bodies if they are many."""
    if one.fault:
        return one.fault
    if not healthy(one):
        return str(one.status or "no answer")
    return about(max(one.up, one.down)) if max(one.up, one.down) >= LARGE else ""


def healthy(one: Request) -> bool:
    """Whether it was answered whole and well, and given no fault."""
    return one.whole and 200 <= one.status < 400 and not one.fault


def requests_title(record: Record) -> str:
    """``Requests over time; 1 had a fault or no good answer; dashed: 1 commit``."""
    bad = sum(not healthy(one) for one in record.requests)
    said = ["Requests over time"]
    said += [f"{bad} had a fault or no good answer"] if bad else []
    said += [f"dashed: {counted(len(record.commits), 'commit')}"] if record.commits else []
    said += [f"{counted(record.omitted, 'later request')} left out"] if record.omitted else []
    return "; ".join(said)


def _words(total: Total) -> str:
    failed = f", {total.failed} failed" if total.failed else ""
    return f"{counted(total.requests, 'request')}{failed}, {about(total.up)} up, {about(total.down)} down"


def hub_tables(record: Record) -> tuple[Table, Table, Table]:
    """Totals by endpoint, the requests in the order of their arrival, and the commits."""
    return totals_table(record), order_table(record), commits_table(record)


def totals_table(record: Record) -> Table:
    """A row for each endpoint and one for all of them."""
    every = list(record.totals.values())
    whole = Total(*(sum(getattr(one, name) for one in every) for name in ("requests", "failed", "up", "down")))
    named = [*record.totals.items(), ("all", whole)]
    rows = ((name, one.requests, one.failed, about(one.up), about(one.down)) for name, one in named)
    columns = ("endpoint", "requests", "not 2xx or cut", "sent to the Hub", "sent by the Hub")
    return Table("What the Hub saw", columns, tuple(rows))


def order_table(record: Record) -> Table:
    """A row for each request; of many the first and the last."""
    kept = record.requests
    shown = kept if len(kept) <= LONGEST else [*kept[: LONGEST // 2], *kept[-LONGEST // 2 :]]
    left_out = len(kept) - len(shown) + record.omitted
    note = f"{left_out} more requests are left out." if left_out else ""
    columns = ("at", "request", "path", "answer", "up", "down", "fault")
    return Table("Requests in the order of their arrival", columns, tuple(map(_row, shown)), note)


def commits_table(record: Record) -> Table:
    """A row for each commit that was applied."""
    columns = ("at", "repository", "revision", "commit", "title", "added", "removed")
    rows = (
        (f"{one.at_s:.2f} s", one.repository, one.revision, one.oid[:8], one.title, one.added, one.removed)
        for one in record.commits
    )
    return Table("Commits", columns, tuple(rows))


def _row(one: Request) -> tuple[str, ...]:
    answer = str(one.status or "none") + ("" if one.whole else ", cut")
    path = one.path if len(one.path) <= 70 else f"…{one.path[-69:]}"
    ranged = f" [{one.bytes}]" if one.bytes else ""
    return f"{one.at_s:.2f} s", one.endpoint, path + ranged, answer, about(one.up), about(one.down), one.fault
