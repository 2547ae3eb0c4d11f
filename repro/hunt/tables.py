"""What can be done with a ``Dataset``, and what it should give. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from repro.hunt.common import batch, cast, filter_, map_, remove, rename, skip, take
from repro.hunt.state import Menu, Order, State, Step, chosen, plain_step
from repro.hunt.trips import trip
from repro.hunt.values import Row, Type, Types

table = Menu()
for shared in (skip, take, cast, filter_, map_, batch, rename, remove):
    table(shared)


@table
def select(state: State, a: int, b: int) -> Step | None:
    n = len(state.rows)
    if b % 3 == 0:
        start = a % max(n, 1)
        stop = start + (b // 3) % (n - start + 1)
        return plain_step("select", f"select(range({start}, {stop}))", state.like(state.rows[start:stop]))
    if not n:
        return None
    step, count = a % n, b % (n + 1)
    places = [(a + i * (step or 1)) % n for i in range(count)]
    return plain_step("select", f"select({places})", state.like([state.rows[i] for i in places]))


@table
def shard(state: State, a: int, b: int) -> Step:
    k = 1 + a % (len(state.rows) + 1)
    i, contiguous = b // 2 % k, b % 2 == 0
    size, more = divmod(len(state.rows), k)
    start = size * i + min(i, more)
    rows = state.rows[start : start + size + (i < more)] if contiguous else state.rows[i::k]
    return plain_step("shard", f"shard({k}, {i}, contiguous={contiguous})", state.like(rows))


@table
def sort(state: State, a: int, b: int) -> Step | None:
    """Only columns of different values without null: what ties and nulls do is not asked."""
    if state.types is None or state.decodes:
        return None
    plain = {"int64", "int32", "string", "float64", "timestamp[us]", "date32", "large_string", "float32"}
    names = [name for name in state.columns if state.types[name].kind in plain]
    names = [name for name in names if distinct([row[name] for row in state.rows])]
    if not names:
        return None
    name, down = chosen(names, a), b % 2 == 1
    rows = sorted(state.rows, key=lambda row: row[name], reverse=down)
    return plain_step("sort", f'sort("{name}", reverse={down})', state.like(rows))


def distinct(values: Sequence[Any]) -> bool:
    return None not in values and len(set(values)) == len(values)


@table
def shuffle(state: State, a: int, b: int) -> Step:
    return plain_step("shuffle", f"shuffle(seed={a % 7})", state, order=Order.ANY)


@table
def concatenate(state: State, a: int, b: int) -> Step | None:
    """With a part of itself below it or, under other names, beside it."""
    n = len(state.rows)
    start = a % max(n, 1)
    if b % 3 < 2:
        part, rows = f"ds.select(range({start}, {n}))", state.rows[start:]
        both = ([state.rows, rows], f"[ds, {part}]") if b % 3 else ([rows, state.rows], f"[{part}, ds]")
        after = state.like([row for one in both[0] for row in one])
        return Step("concatenate", f"ds = concatenate_datasets({both[1]})", after) if len(after.rows) < 60 else None
    if state.types is None or len(state.columns) > 4 or any("." in name for name in state.columns):
        return None
    names = {name: f"z{len(state.columns)}{name}" for name in state.columns}
    places = [*range(start, n), *range(start)]
    turned = ({names[name]: state.rows[i][name] for name in names} for i in places)
    rows = [{**row, **other} for row, other in zip(state.rows, turned, strict=True)]
    types = {**state.types, **{names[name]: state.types[name] for name in names}}
    line = f"ds = concatenate_datasets([ds, ds.select({places}).rename_columns({names})], axis=1)"
    return Step("concatenate beside", line, state.with_types(rows, types))


@table
def interleave(state: State, a: int, b: int) -> Step | None:
    n = len(state.rows)
    start = a % n if n else 0
    if n - start < 1 or n > 20:
        return None
    parts, rows = [state.rows, state.rows[start:]], list[Row]()
    ends = "all_exhausted" if b % 2 else "first_exhausted"
    rounds = max(map(len, parts)) if b % 2 else min(map(len, parts))
    for i in range(rounds):
        rows += [part[i % len(part)] for part in parts]
    line = f'ds = interleave_datasets([ds, ds.select(range({start}, {n}))], stopping_strategy="{ends}")'
    return Step("interleave", line, state.like(rows))


@table
def flatten(state: State, a: int, b: int) -> Step | None:
    if state.types is None or state.media or not any(kind.kind == "struct" for kind in state.types.values()):
        return None  # a medium that is not decoded is a struct of bytes and path to it
    types: Mapping[str, Type] = state.types
    rows: list[Row] = [dict(row) for row in state.rows]
    while any(kind.kind == "struct" for kind in types.values()):
        rows = [flat_row(row, types) for row in rows]
        types = dict(itertools.chain.from_iterable(flat_types(name, kind) for name, kind in types.items()))
    return plain_step("flatten", "flatten()", state.with_types(rows, types))


def flat_types(name: str, kind: Type) -> list[tuple[str, Type]]:
    return [(f"{name}.{inner}", one) for inner, one in kind.fields] if kind.kind == "struct" else [(name, kind)]


def flat_row(row: Row, types: Types) -> Row:
    found: Row = {}
    for name, kind in types.items():
        if kind.kind == "struct":
            found |= {f"{name}.{inner}": row[name] and row[name][inner] for inner in kind.names}
        else:
            found[name] = row[name]
    return found


@table
def flatten_indices(state: State, a: int, b: int) -> Step:
    return plain_step("flatten_indices", "flatten_indices()", state)


@table
def repeat(state: State, a: int, b: int) -> Step | None:
    k = a % 3
    return plain_step("repeat", f"repeat({k})", state.like([*state.rows] * k)) if len(state.rows) < 20 else None


@table
def split(state: State, a: int, b: int) -> Step | None:
    n = len(state.rows)
    if n < 2:
        return None
    k = 1 + a % (n - 1)
    side, rows = ("train", state.rows[: n - k]) if b % 2 else ("test", state.rows[n - k :])
    return plain_step("split", f'train_test_split(test_size={k}, shuffle=False)["{side}"]', state.like(rows))


@table
def add_column(state: State, a: int, b: int) -> Step | None:
    if state.types is None or not state.rows:
        return None
    name = f"a{len(state.columns)}"
    rows = [{**row, name: i} for i, row in enumerate(state.rows)]
    types = {**state.types, name: Type("int64")}
    return plain_step("add_column", f'add_column("{name}", list(range({len(rows)})))', state.with_types(rows, types))


@table
def add_item(state: State, a: int, b: int) -> Step | None:
    """One of its own rows once more."""
    if not state.rows or state.decodes or len(state.rows) > 40:
        return None
    i = a % len(state.rows)
    return plain_step("add_item", f"add_item(ds[{i}])", state.like([*state.rows, state.rows[i]]))


table.makers |= trip.makers
