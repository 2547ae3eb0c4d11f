"""The record as JSON and as tables."""

from __future__ import annotations

from repro.hub.record import KEPT, Commit, Record, Request
from repro.render.hub import LONGEST, commits_table, hub_tables, order_table, totals_table


def seen(requests: int) -> Record:
    record = Record()
    for number in range(requests):
        one = record.begin(Request(number / 10, "put", "PUT", f"/lfs/{number}"))
        one.status, one.up, one.whole = (200, 1024, True) if number % 2 == 0 else (0, 512, False)
        record.end(one)
    record.commits.append(Commit(1.5, "datasets/me/data", "main", "0123456789", "a title", 2, 1))
    return record


def test_a_record_comes_back_from_its_json() -> None:
    assert Record.from_json(seen(3).to_json()) == seen(3)


def test_beyond_what_is_kept_the_totals_go_on() -> None:
    record = seen(KEPT + 2)
    assert (len(record.requests), record.omitted, record.totals["put"].requests) == (KEPT, 2, KEPT + 2)
    assert record.totals["put"].up == (KEPT + 2) // 2 * (1024 + 512)


def test_totals_by_endpoint_and_in_all() -> None:
    assert totals_table(seen(4)).rows == (("put", 4, 2, "3.00 KiB", "0 B"), ("all", 4, 2, "3.00 KiB", "0 B"))


def test_requests_in_their_order_and_what_is_left_out() -> None:
    assert order_table(seen(2)).rows[1] == ("0.10 s", "put", "/lfs/1", "none, cut", "512 B", "0 B", "")
    long = order_table(seen(LONGEST + 5))
    assert (len(long.rows), long.rows[-1][2]) == (LONGEST, f"/lfs/{LONGEST + 4}")
    assert long.note == "5 more requests are left out."


def test_commits() -> None:
    assert commits_table(seen(0)).rows == (("1.50 s", "datasets/me/data", "main", "01234567", "a title", 2, 1),)


def test_a_hub_that_saw_nothing_has_tables_too() -> None:
    assert all(table.to_text() for table in hub_tables(Record()))
