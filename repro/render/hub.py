"""What a Hub saw, as tables."""

from __future__ import annotations

from repro.hub.record import Record, Request, Total
from repro.render.tables import Table
from repro.units import about

LONGEST = 60
"""Requests shown one by one; a longer story is cut in its middle."""


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
