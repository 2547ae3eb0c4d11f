"""Operations that a ``Dataset`` and a stream share, and what they should give. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from repro.hunt.casts import casts
from repro.hunt.state import State, Step, chosen, plain_step
from repro.hunt.values import Row, Type, Types, features_source


def cut(rows: Sequence[Row], size: int) -> list[Sequence[Row]]:
    """The rows in pieces of so many."""
    return [rows[i : i + size] for i in range(0, len(rows), size)]


def cast(state: State, a: int, b: int) -> Step | None:
    """One column to another type, through ``cast_column`` or through ``cast`` of all."""
    if state.types is None:
        return None
    name = chosen(state.columns, b)
    options = list(casts(state.types[name], [row[name] for row in state.rows]))
    if not options:
        return None
    kind, change = options[a % len(options)]
    types = {**state.types, name: kind}
    rows = [{**row, name: change(row[name])} for row in state.rows]
    if b // len(state.columns) % 2:
        return plain_step("cast", f"cast(Features({features_source(types)}))", state.with_types(rows, types))
    return plain_step("cast", f'cast_column("{name}", {kind.source})', state.with_types(rows, types))


def filter_(state: State, a: int, b: int) -> Step | None:
    """By position or by null; row by row or in batches."""
    if state.decodes:
        return None
    m, name = 1 + a % 3, chosen(state.columns, a // 3)
    size = 1 + b // 4 % (len(state.rows) + 1)
    kept = [row for i, row in enumerate(state.rows) if i % m == 0]
    held = [row for row in state.rows if row[name] is not None]
    match b % 4:
        case 0:
            return plain_step("filter", f"filter(lambda row, i: i % {m} == 0, with_indices=True)", state.like(kept))
        case 1:
            return plain_step("filter", f'filter(lambda row: row["{name}"] is not None)', state.like(held))
        case 2:
            by = f"lambda rows, i: [k % {m} == 0 for k in i], with_indices=True, batched=True, batch_size={size}"
            return plain_step("filter batched", f"filter({by})", state.like(kept))
    by = f'lambda rows: [one is not None for one in rows["{name}"]], batched=True, batch_size={size}'
    return plain_step("filter batched", f"filter({by})", state.like(held))


def map_(state: State, a: int, b: int) -> Step | None:
    """As it is, a column more, every row twice or every other one; row by row or in batches."""
    if state.decodes:
        return None
    size = 1 + b // 5 % (len(state.rows) + 1)
    batched, types = f"batched=True, batch_size={size}", state.types
    more = f"n{len(state.columns)}"
    grown = [{**row, more: i} for i, row in enumerate(state.rows)]
    longer: Types | None = None if types is None or state.stream else {**types, more: Type("int64")}
    added = state.with_types(grown, longer, (*state.columns, more))
    unknown = state.with_types(state.rows, None if state.stream else types, state.columns)
    match b % 5:
        case 0:
            return plain_step("map", "map(lambda row: row)", unknown, types_promised=False)
        case 1:
            call = f'map(lambda row, i: {{"{more}": i}}, with_indices=True)'
            return plain_step("map", call, added, types_promised=False)
        case 2:
            return plain_step("map batched", f"map(lambda rows: rows, {batched})", unknown, types_promised=False)
        case 3:
            call = f'map(lambda rows, i: {{"{more}": i}}, with_indices=True, {batched})'
            return plain_step("map batched", call, added, types_promised=False)
    if len(state.rows) > 20:
        return None
    call = f"map(lambda rows: {{name: [*values, *values] for name, values in rows.items()}}, {batched})"
    rows = list(itertools.chain.from_iterable([*part, *part] for part in cut(state.rows, size)))
    return plain_step("map batched", call, unknown.like(rows), types_promised=False)


def batch(state: State, a: int, b: int) -> Step | None:
    if state.decodes or (state.types and any(kind.kind == "array2d" for kind in state.types.values())):
        return None
    size, drop = 1 + a % (len(state.rows) + 1), b % 3 == 2
    parts = [part for part in cut(state.rows, size) if len(part) == size or not drop]
    rows = [{name: [row[name] for row in part] for name in state.columns} for part in parts]
    types = None if state.types is None else {name: Type("list", (kind,)) for name, kind in state.types.items()}
    call = f"batch({size}, drop_last_batch={drop})"
    return plain_step("batch", call, state.with_types(rows, types, state.columns), types_promised=False)


def rename(state: State, a: int, b: int) -> Step:
    old = chosen(state.columns, a)
    new = f"r{old}"
    columns = [new if name == old else name for name in state.columns]
    rows = [{new if name == old else name: row[name] for name in state.columns} for row in state.rows]
    types = None if state.types is None else {n: state.types[o] for n, o in zip(columns, state.columns, strict=True)}
    return plain_step("rename", f'rename_column("{old}", "{new}")', state.with_types(rows, types, columns))


def remove(state: State, a: int, b: int) -> Step | None:
    """Through ``remove_columns`` or ``select_columns``; one column always stays."""
    if len(state.columns) < 2:
        return None
    gone = chosen(state.columns, a)
    columns = [name for name in state.columns if name != gone]
    rows = [{name: row[name] for name in columns} for row in state.rows]
    types = None if state.types is None else {name: state.types[name] for name in columns}
    call = f'remove_columns("{gone}")' if b % 2 else f"select_columns({columns})"
    return plain_step("remove" if b % 2 else "select_columns", call, state.with_types(rows, types, columns))


def skip(state: State, a: int, b: int) -> Step:
    n = len(state.rows)
    k = a % (n + 2) if b % 16 == 15 or state.stream else a % max(n, 1)
    return plain_step("skip", f"skip({k})", state.like(state.rows[k:]))


def take(state: State, a: int, b: int) -> Step:
    k = a % (len(state.rows) + 1)
    return plain_step("take", f"take({k})", state.like(state.rows[:k]))
