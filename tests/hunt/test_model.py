"""The model: what each operation should give, checked against answers written by hand."""

from __future__ import annotations

from typing import Any

import pytest

from repro.hunt.common import cut
from repro.hunt.sources import parts_of, source
from repro.hunt.state import Menu, Order, State, Step
from repro.hunt.streams import stream
from repro.hunt.tables import table
from repro.hunt.values import Type

INT = Type("int64")


def numbers(count: int, *, streamed: bool = False) -> State:
    return State([{"c0": i} for i in range(count)], ("c0",), {"c0": INT}, streamed)


def step(menu: Menu, name: str, state: State, a: int = 0, b: int = 0) -> Step:
    found = menu.makers[name](state, a, b)
    assert found is not None
    return found


def after(name: str, a: int = 0, b: int = 0, state: State | None = None) -> list[Any]:
    return [row["c0"] for row in step(table, name, state or numbers(6), a, b).after.rows]


@pytest.mark.parametrize(
    ("name", "a", "b", "line", "rows"),
    [
        ("select", 1, 6, "ds = ds.select(range(1, 3))", [1, 2]),
        ("select", 8, 4, "ds = ds.select([2, 4, 0, 2])", [2, 4, 0, 2]),
        ("skip", 2, 0, "ds = ds.skip(2)", [2, 3, 4, 5]),
        ("take", 2, 0, "ds = ds.take(2)", [0, 1]),
        ("shard", 3, 2, "ds = ds.shard(4, 1, contiguous=True)", [2, 3]),
        ("shard", 3, 3, "ds = ds.shard(4, 1, contiguous=False)", [1, 5]),
        ("sort", 0, 1, 'ds = ds.sort("c0", reverse=True)', [5, 4, 3, 2, 1, 0]),
        ("repeat", 2, 0, "ds = ds.repeat(2)", [*range(6), *range(6)]),
    ],
)
def test_rows_are_chosen_as_the_call_says(name: str, a: int, b: int, line: str, rows: list[int]) -> None:
    assert step(table, name, numbers(6), a, b).line == line
    assert after(name, a, b) == rows


def test_interleave_goes_round_until_the_first_or_the_last_is_exhausted() -> None:
    state = numbers(3)
    assert after("interleave", 1, 0, state) == [0, 1, 1, 2]
    assert after("interleave", 1, 1, state) == [0, 1, 1, 2, 2, 1]


def test_flatten_goes_down_to_the_last_struct_and_keeps_null() -> None:
    inner = Type("struct", (INT,), ("b",))
    kind = Type("struct", (inner, INT), ("a", "n"))
    state = State([{"s": {"a": {"b": 1}, "n": 2}}, {"s": None}], ("s",), {"s": kind})
    flat = step(table, "flatten", state).after
    assert flat.rows == [{"s.a.b": 1, "s.n": 2}, {"s.a.b": None, "s.n": None}]
    assert flat.types == {"s.a.b": INT, "s.n": INT}


def test_a_cast_changes_the_values_as_well_as_the_type() -> None:
    found = [step(table, "cast", numbers(2), a) for a in range(3)]
    assert [one.after.types for one in found] == [
        {"c0": Type(name)} if name != "class" else {"c0": Type("class", names=("c0", "c1", "c2", "c3"))}
        for name in ("float64", "string", "class")
    ]
    assert [one.after.rows[1]["c0"] for one in found] == [1.0, "1", 1]


def test_a_batch_is_a_list_of_each_column() -> None:
    assert after("batch", 3, 0) == [[0, 1, 2, 3], [4, 5]]
    assert after("batch", 3, 2) == [[0, 1, 2, 3]]


def test_of_a_shuffle_only_which_rows_there_are_is_promised() -> None:
    assert step(table, "shuffle", numbers(3)).order is Order.ANY
    assert step(stream, "interleave", numbers(3, streamed=True)).order is Order.BEGINS


def test_what_all_shards_hold_is_asked_only_where_no_shard_counts_by_itself() -> None:
    state = numbers(3, streamed=True)
    assert stream.makers["shard"](state, 0, 0) is not None
    assert stream.makers["shard"](State(state.rows, ("c0",), state.types, True, counted=True), 0, 0) is None


def test_an_operation_that_does_not_apply_says_so() -> None:
    empty = State([], ("c0",), {"c0": INT})
    assert table.makers["interleave"](empty, 0, 0) is None
    assert table.makers["remove"](empty, 0, 0) is None
    assert table.makers["flatten"](empty, 0, 0) is None


def test_embedding_may_open_the_files_of_its_own_rows_only() -> None:
    kind = Type("list", (Type("Nifti"),))
    rows = [{"c0": [{"bytes": None, "path": f"f{i}.bin"}]} for i in range(3)]
    whole = State(rows, ("c0",), {"c0": kind})
    sliced = step(table, "select", whole, 1, 3).after
    assert step(table, "embed", sliced).opens == frozenset({"f1.bin"})
    assert step(table, "embed", sliced).after.rows == [{"c0": [{"bytes": b"f1.bin", "path": "f1.bin"}]}]
    again = step(table, "embed", step(table, "embed", sliced).after)
    assert again.opens == frozenset({"f1.bin"}), "an encoding meanwhile leaves out the bytes beside a file"


@pytest.mark.parametrize("name", list(source.makers))
def test_every_source_gives_all_rows_in_order(name: str) -> None:
    made = step(source, name, numbers(4), 1, 15)
    assert [row["c0"] for row in made.after.rows] == [0, 1, 2, 3]
    assert compile(made.line, "source", "exec")


def test_pieces_hold_every_row_once_and_some_can_be_empty() -> None:
    rows = [{"c0": i} for i in range(5)]
    assert [len(part) for part in cut(rows, 2)] == [2, 2, 1]
    assert [len(part) for part in parts_of(rows, 1, 31)] == [2, 0, 2, 1]
    assert [row for part in parts_of(rows, 2, 0) for row in part] == rows
