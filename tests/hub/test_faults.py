"""How a fault is written, and which request gets it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.errors import UserError
from repro.hub.faults import ENDPOINTS, KINDS, Plan, parse


def given_to(text: str, requests: int, *more: str) -> list[str]:
    plan = Plan([parse(one) for one in (text, *more)])
    taken = [plan.take("resolve") for _ in range(requests)]
    return [one.typed if one else "" for one in taken]


def test_a_fault_happens_once_unless_more_is_said() -> None:
    assert given_to("resolve:503", 3) == ["resolve:503", "", ""]
    assert given_to("resolve:503x2", 3) == ["resolve:503x2"] * 2 + [""]
    assert given_to("resolve:503x*", 3) == ["resolve:503x*"] * 3


def test_a_fault_may_wait_for_requests_that_go_well() -> None:
    assert given_to("resolve:reset@1", 3) == ["", "resolve:reset@1", ""]


def test_a_second_fault_of_an_endpoint_waits_for_the_first() -> None:
    assert given_to("resolve:503x2", 4, "resolve:reset") == ["resolve:503x2"] * 2 + ["resolve:reset", ""]


def test_a_fault_of_ranges_waits_for_a_request_with_a_range() -> None:
    plan = Plan([parse("resolve:wrong-range")])
    assert plan.take("resolve") is None
    assert plan.take("resolve", ranged=True) is not None


def test_other_endpoints_are_answered_well() -> None:
    assert Plan([parse("put:reset")]).take("resolve") is None


def test_values() -> None:
    assert parse("tree:429=2s").value == 2.0
    assert parse("resolve:slow=64KiBx3").value == 65536
    assert parse("resolve:slow=64KiBx3").count == 3
    assert (parse("commit:applied-504").status, parse("commit:applied-504").applied) == (504, True)
    assert (parse("put:applied-reset").kind, parse("put:applied-reset").applied) == ("reset", True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "resolve",
        "resolve:",
        "resolve:200",
        "resolve:flop",
        "nowhere:503",
        "tree:flip",
        "resolve:slow",
        "resolve:reset=3",
        "resolve:503x",
        "resolve:applied-504",
        "tree:applied-reset",
        "put:applied-html",
        "resolve:500=2s",
        "resolve:slow=2 parsecs",
    ],
)
def test_bad_syntax_is_one_line_that_says_what_to_type(text: str) -> None:
    with pytest.raises(UserError) as said:
        parse(text)
    message = str(said.value)
    assert "\n" not in message
    assert any(name in message for name in ("resolve:503x2", "Choose from", "write", "try", "only"))


@given(st.sampled_from(ENDPOINTS), st.sampled_from(sorted(KINDS)), st.integers(1, 9), st.integers(0, 9))
def test_each_kind_is_understood_where_it_can_be_had(endpoint: str, kind: str, count: int, after: int) -> None:
    value = "=1KiB" if kind == "slow" else ""
    text = f"{endpoint}:{kind}{value}x{count}@{after}"
    if endpoint in KINDS[kind]:
        fault = parse(text)
        assert (fault.endpoint, fault.kind, fault.count, fault.after) == (endpoint, kind, count, after)
    else:
        with pytest.raises(UserError, match=kind):
            parse(text)
