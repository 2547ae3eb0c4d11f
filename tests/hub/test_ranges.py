"""Which bytes a Range header asks for, checked against a slice of real bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.hub.ranges import Unsatisfiable, asked_bytes

CONTENT = bytes(range(10))


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("bytes=0-3", CONTENT[0:4]),
        ("bytes=4-", CONTENT[4:]),
        ("bytes=-3", CONTENT[-3:]),
        ("bytes=-99", CONTENT),
        ("bytes=8-99", CONTENT[8:]),
        ("bytes=9-9", CONTENT[9:]),
    ],
)
def test_what_a_range_asks_for(header: str, wanted: bytes) -> None:
    asked = asked_bytes(header, len(CONTENT))
    assert asked is not None
    assert CONTENT[asked.start : asked.stop] == wanted


@pytest.mark.parametrize(
    "header", [None, "", "bytes=", "bytes=-", "lines=1-2", "bytes=5-3", "bytes=0-1,4-5", "bytes=a-b"]
)
def test_what_is_no_single_range_is_ignored(header: str | None) -> None:
    assert asked_bytes(header, 10) is None


@pytest.mark.parametrize(
    ("header", "size"), [("bytes=10-", 10), ("bytes=10-12", 10), ("bytes=-0", 10), ("bytes=0-", 0)]
)
def test_what_lies_outside_the_file_is_unsatisfiable(header: str, size: int) -> None:
    with pytest.raises(Unsatisfiable):
        asked_bytes(header, size)


@given(st.text(), st.integers(0, 1 << 40))
def test_no_header_leads_out_of_the_file(header: str, size: int) -> None:
    try:
        asked = asked_bytes(f"bytes={header}", size)
    except Unsatisfiable:
        return
    assert asked is None or 0 <= asked.start < asked.stop <= size


@given(st.integers(0, 99), st.integers(0, 99), st.integers(1, 60))
def test_first_and_last_are_both_included(first: int, more: int, size: int) -> None:
    content = bytes(size)
    try:
        asked = asked_bytes(f"bytes={first}-{first + more}", size)
    except Unsatisfiable:
        assert first >= size
    else:
        assert asked is not None
        assert len(asked) == len(content[first : first + more + 1])
