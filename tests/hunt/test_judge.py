"""What is a difference, of what sort, and what is none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from repro.hunt.judge import judge
from repro.hunt.state import Order, State, Step
from repro.hunt.values import Type, encode

INT = Type("int64")
STATE = State([{"c0": 1}, {"c0": 2}, {"c0": None}], ("c0",), {"c0": INT})
STEP = Step("select", "ds = ds", STATE, reader="slice")
NESTED = Type("list", (Type("struct", (Type("string"),), ("a",)),))


def seen(rows: list[Any], types: Any = None, opened: Any = ()) -> dict[str, Any]:
    form = {"c0": INT.to_form()} if types is None else types
    return {"rows": [encode(row) for row in rows], "types": form, "opened": list(opened)}


def sort_of(rows: list[Any], step: Step = STEP, **more: Any) -> str:
    found, _ = judge(step, seen(rows, **more))
    return found.sort if found else ""


@pytest.mark.parametrize(
    ("values", "sort"),
    [
        ([1, 2, None], ""),
        ([1.0, 2, None], ""),
        ([2, 1, None], "rows in another order"),
        ([1, 2], "rows lost"),
        ([1, 2, None, None], "rows too many"),
        ([1, None, None], "value became null"),
        ([1, 2, 0], "null became a value"),
        ([1, 3, None], "another value"),
        ([True, 2, None], "value of another type"),
        (["1", 2, None], "value of another type"),
    ],
)
def test_the_sort_of_a_difference(values: list[Any], sort: str) -> None:
    assert sort_of([{"c0": value} for value in values]) == sort


def test_another_order_is_no_difference_where_none_is_promised() -> None:
    turned = [{"c0": None}, {"c0": 2}, {"c0": 1}]
    found, after = judge(replace(STEP, order=Order.ANY), seen(turned))
    assert found is None
    assert after.rows == turned


def test_where_a_medium_is_kept_is_no_difference_though_its_type_is_not_known() -> None:
    medium = {"bytes": b"f0.bin", "path": "f0.bin"}
    state = State([{"c0": [medium]}, {"c0": None}], ("c0",), None)
    step = replace(STEP, after=state, types_promised=False)
    for got, sort in ((None, ""), (b"other", "another value")):
        found, _ = judge(step, seen([{"c0": [{**medium, "bytes": got}]}, {"c0": None}], {}))
        assert (found.sort if found else "") == sort


def test_the_order_of_the_fields_of_a_struct_is_no_difference_in_any_order_of_rows() -> None:
    kind = Type("struct", (INT, INT), ("a", "b"))
    state = State([{"c0": {"a": 1, "b": 2}}, {"c0": {"a": 3, "b": 0}}], ("c0",), {"c0": kind})
    got = [{"c0": {"b": 2, "a": 1}}, {"c0": {"b": 0, "a": 3}}]
    assert judge(replace(STEP, order=Order.ANY, after=state), seen(got, {"c0": kind.to_form()}))[0] is None


def test_a_beginning_may_end_in_the_middle_of_a_round_and_no_earlier() -> None:
    begins = replace(STEP, order=Order.BEGINS)
    assert sort_of([{"c0": 1}, {"c0": 2}], begins) == ""
    assert sort_of([{"c0": 1}, {"c0": 2}, {"c0": None}, {"c0": 9}], begins) == ""
    assert sort_of([{"c0": 1}], begins) == "rows lost"


def test_types_are_judged_where_they_are_promised() -> None:
    other = {"c0": Type("string").to_form()}
    assert sort_of(list(STATE.rows), types=other) == "other types"
    assert sort_of(list(STATE.rows), replace(STEP, types_promised=False), types=other) == ""


def test_the_place_of_a_difference_leads_through_lists_and_structs() -> None:
    state = State([{"c0": [{"a": "x"}, {"a": "y"}]}], ("c0",), {"c0": NESTED})
    form = {"c0": NESTED.to_form()}
    found, _ = judge(replace(STEP, after=state), seen([{"c0": [{"a": "x"}, {"a": None}]}], types=form))
    assert found is not None
    assert (found.sort, found.at) == ("value became null", "list struct string")


def test_a_file_that_is_opened_without_need_is_a_finding() -> None:
    step = replace(STEP, opens=frozenset({"f1.bin"}))
    assert sort_of(list(STATE.rows), step, opened=["f1.bin"]) == ""
    assert sort_of(list(STATE.rows), step, opened=["f1.bin", "f2.bin"]) == "files opened without need"


@pytest.mark.parametrize(
    ("name", "sort", "silent"),
    [("ValueError", "refused", False), ("IndexError", "error IndexError", False), ("Alarm", "hang", False)],
)
def test_a_clear_refusal_is_a_result_and_an_internal_error_a_lead(name: str, sort: str, silent: bool) -> None:
    found, _ = judge(STEP, {"error": {"type": name, "message": "no", "where": ["a.py:1 f"]}})
    assert found is not None
    assert (found.sort, found.silent) == (sort, silent)
