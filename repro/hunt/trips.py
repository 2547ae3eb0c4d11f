"""What a ``Dataset`` goes through as a whole: files and back, tables, a stream. Pure."""

from __future__ import annotations

import zlib
from dataclasses import replace

from repro.hunt.state import Menu, State, Step, plain_step
from repro.hunt.values import features_source

trip = Menu()


@trip
def save_load(state: State, a: int, b: int) -> Step:
    shards = 1 + b % max(len(state.rows), 1)
    line = f'ds.save_to_disk("saved{a}", num_shards={shards}); ds = load_from_disk("saved{a}")'
    return Step("save and load", line, state)


@trip
def to_parquet(state: State, a: int, b: int) -> Step | None:
    if state.types is None or not state.rows or not state.in_parquet:
        return None
    size = 1 + b % (len(state.rows) + 1)
    line = f'ds.to_parquet("t{a}.parquet", batch_size={size}); '
    line += f'ds = load_dataset("parquet", data_files="t{a}.parquet", split="train", cache_dir="cache")'
    return Step("to_parquet", line, state)


@trip
def embed(state: State, a: int, b: int) -> Step | None:
    """Every file into the rows, as ``push_to_hub`` does; bytes beside a file may have been left out by an encoding."""
    if not state.media:
        return None
    size = 1 + a % (len(state.rows) + 1)
    line = f'ds = ds.with_format("arrow").map(embed_table_storage, batched=True, batch_size={size}).with_format(None)'
    return Step("embed", line, state.embedded(), opens=state.files(beside_bytes=True), embeds=True)


@trip
def push(state: State, a: int, b: int) -> Step | None:
    """To the loopback Hub and back: a stranger who loads it has none of our files."""
    if state.types is None or not state.rows or not state.in_parquet or b % 8:
        return None
    name = f"someone/d{zlib.crc32(repr((state.rows, state.types)).encode()):08x}"
    line = f'ds.push_to_hub("{name}"); ds = load_dataset("{name}", split="train", cache_dir="cache")'
    return Step("push_to_hub", line, state.embedded(), embeds=True)


@trip
def to_stream(state: State, a: int, b: int) -> Step | None:
    if not state.rows:
        return None
    shards = 1 + a % len(state.rows)
    call = f"to_iterable_dataset(num_shards={shards})"
    return plain_step("to_iterable_dataset", call, replace(state, stream=True))


@trip
def json_lines(state: State, a: int, b: int) -> Step | None:
    """Through a file of JSON lines, with its types named when it is read."""
    if state.types is None or not state.rows:
        return None
    kinds = {one.kind for kind in state.types.values() for one in kind.walk()}
    if not kinds <= {"int64", "int32", "string", "large_string", "float64", "bool", "list", "large", "struct", "class"}:
        return None
    types, file = f"Features({features_source(state.types)})", f"t{a}.jsonl"
    line = f'ds.to_json("{file}", batch_size={1 + b % len(state.rows)}); '
    line += f'ds = load_dataset("json", data_files="{file}", features={types}, split="train", cache_dir="cache")'
    return Step("to_json", line, state)


@trip
def map_arrow(state: State, a: int, b: int) -> Step | None:
    """Tables as they are, in batches."""
    if not state.rows:
        return None
    size = 1 + a % len(state.rows)
    call = f'with_format("arrow").map(lambda part: part, batched=True, batch_size={size}).with_format(None)'
    return plain_step("map arrow", call, state)
