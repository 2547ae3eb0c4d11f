"""What can be done with an ``IterableDataset``, and what it should give. Pure."""

from __future__ import annotations

from dataclasses import replace

from repro.hunt.common import batch, cast, filter_, map_, remove, rename, skip, take
from repro.hunt.state import Menu, Order, State, Step, plain_step
from repro.hunt.values import Row

stream = Menu()
for shared in (skip, take, map_, filter_, batch, cast, rename, remove):
    stream(shared)


@stream
def shuffle(state: State, a: int, b: int) -> Step:
    size = 1 + b % (len(state.rows) + 1)
    return plain_step(
        "shuffle", f"shuffle(seed={a % 7}, buffer_size={size})", replace(state, buffered=True), order=Order.ANY
    )


@stream
def concatenate(state: State, a: int, b: int) -> Step | None:
    k = a % (len(state.rows) + 1)
    if len(state.rows) > 30:
        return None
    if b % 2:
        rows, line = [*state.rows, *state.rows[k:]], f"ds = concatenate_datasets([ds, ds.skip({k})])"
    else:
        rows, line = [*state.rows[:k], *state.rows], f"ds = concatenate_datasets([ds.take({k}), ds])"
    return Step("concatenate", line, state.like(rows))


@stream
def interleave(state: State, a: int, b: int) -> Step | None:
    n = len(state.rows)
    k = a % n if n else 0
    if not n or n > 20:
        return None
    parts, rows = [state.rows, state.rows[k:]], list[Row]()
    for i in range(len(parts[1])):
        rows += [part[i] for part in parts]
    line = f"ds = interleave_datasets([ds, ds.skip({k})])"
    return Step("interleave", line, state.like(rows), order=Order.BEGINS)


@stream
def repeat(state: State, a: int, b: int) -> Step | None:
    k = a % 3
    return plain_step("repeat", f"repeat({k})", state.like([*state.rows] * k)) if len(state.rows) < 20 else None


@stream
def from_stream(state: State, a: int, b: int) -> Step | None:
    """Back to a ``Dataset``, through all its rows."""
    if state.types is None or not state.rows:
        return None
    line = "rows = list(ds); ds = Dataset.from_list(rows, features=ds.features)"
    after = State(state.rows, state.columns, state.types)
    return Step("from_list", line, after) if not state.decodes else None


@stream
def shard(state: State, a: int, b: int) -> Step | None:
    """All shards, one after the other: which rows each has is not promised, only that together they have all."""
    if len(state.rows) > 20 or state.counted or not state.rows:
        return None
    line = "ds = concatenate_datasets([ds.shard(ds.num_shards, i) for i in range(ds.num_shards)])"
    return Step("shard", line, state, order=Order.ANY, types_promised=False)


@stream
def beside(state: State, a: int, b: int) -> Step | None:
    """With its own rows from another place on beside it, under other names."""
    if state.types is None or len(state.columns) > 4:
        return None
    names = {name: f"z{len(state.columns)}{name}" for name in state.columns}
    rows = [{**row, **{names[name]: row[name] for name in names}} for row in state.rows]
    types = {**state.types, **{names[name]: state.types[name] for name in names}}
    line = f"ds = concatenate_datasets([ds, ds.rename_columns({names})], axis=1)"
    return Step("concatenate beside", line, state.with_types(rows, types))
