"""Where a dataset comes from: a dict, rows, a generator, Parquet files. Pure."""

from __future__ import annotations

from repro.hunt.common import cut
from repro.hunt.state import Menu, State, Step
from repro.hunt.values import Row, features_source

source = Menu()


def files_line(state: State) -> str:
    names = sorted(state.files())
    return f"for name in {names}: Path(name).write_bytes(name.encode())\n" if names else ""


def features(state: State) -> str:
    return f"Features({features_source(state.types or {})})"


def data(state: State) -> str:
    return repr({name: [row[name] for row in state.rows] for name in state.columns})


@source
def from_dict(state: State, a: int, b: int) -> Step:
    line = f"{files_line(state)}ds = Dataset.from_dict({data(state)}, features={features(state)})"
    return Step("from_dict", line, state)


@source
def from_list(state: State, a: int, b: int) -> Step | None:
    if not state.rows:
        return None
    line = f"{files_line(state)}ds = Dataset.from_list({list(state.rows)!r}, features={features(state)})"
    return Step("from_list", line, state)


@source
def from_generator(state: State, a: int, b: int) -> Step | None:
    if not state.rows:
        return None
    lines = f"{files_line(state)}def rows():\n    yield from {list(state.rows)!r}\n"
    line = f'{lines}ds = Dataset.from_generator(rows, features={features(state)}, cache_dir="cache")'
    return Step("from_generator", line, state)


@source
def stream_from_generator(state: State, a: int, b: int) -> Step:
    """In several shards, of which some can be empty."""
    parts = parts_of(list(state.rows), a, b)
    lines = f"{files_line(state)}def rows(parts):\n    for part in parts:\n        yield from part\n"
    call = f'rows, features={features(state)}, gen_kwargs={{"parts": {parts!r}}}'
    return Step("streamed from_generator", f"{lines}ds = IterableDataset.from_generator({call})", streamed(state))


@source
def stream_of_dict(state: State, a: int, b: int) -> Step | None:
    if not state.rows:
        return None
    shards = 1 + a % len(state.rows)
    made = f"Dataset.from_dict({data(state)}, features={features(state)})"
    line = f"{files_line(state)}ds = {made}.to_iterable_dataset(num_shards={shards})"
    return Step("to_iterable_dataset", line, streamed(state))


@source
def parquet(state: State, a: int, b: int) -> Step | None:
    if not state.in_parquet or not state.rows:
        return None
    line = f'{written(state, a, b)}ds = load_dataset("parquet", data_files=files, split="train", cache_dir="cache")'
    return Step("load Parquet", line, state)


@source
def stream_parquet(state: State, a: int, b: int) -> Step | None:
    if not state.in_parquet or not state.rows:
        return None
    line = f'{written(state, a, b)}ds = load_dataset("parquet", data_files=files, split="train", streaming=True)'
    return Step("stream Parquet", line, streamed(state))


def streamed(state: State) -> State:
    return State(state.rows, state.columns, state.types, stream=True)


def parts_of(rows: list[Row], a: int, b: int) -> list[list[Row]]:
    """The rows in pieces: one a piece, so many a piece, or with an empty piece before, between or behind."""
    size = (1, 2, 3, max(len(rows), 1))[a % 4]
    parts = [list(part) for part in cut(rows, size)]
    if b % 16 == 15 or not parts:
        parts.insert(b // 16 % (len(parts) + 1), [])
    return parts


def written(state: State, a: int, b: int) -> str:
    """Statements that write the rows as Parquet files, several row groups in each."""
    counts = [len(part) for part in parts_of(list(state.rows), a, b)]
    ends = [sum(counts[: i + 1]) for i in range(len(counts))]
    cuts = list(zip([0, *ends], ends, strict=False))
    table = f'Dataset.from_dict({data(state)}, features={features(state)}).with_format("arrow")[:]'
    group = 1 + a // 4 % 3
    loop = f"for i, (start, stop) in enumerate({cuts}):\n"
    loop += f'    pq.write_table(table[start:stop], f"{{i}}.parquet", row_group_size={group})\n'
    return f'{files_line(state)}table = {table}\n{loop}files = [f"{{i}}.parquet" for i in range({len(cuts)})]\n'
