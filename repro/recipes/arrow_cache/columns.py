"""Builds the buffers of a column from the values of many rows, and refuses what its feature does not allow."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from .features import ALLOWED, Bad, CacheError, fixed_dtype, storage
from .pieces import LARGE, Piece, Strided


@dataclass
class Body:
    """The nodes (length, nulls) and buffers of arrays in the order of Arrow IPC; a buffer is a list of pieces."""

    nodes: list[tuple[int, int]] = field(default_factory=list)
    buffers: list[list[Piece]] = field(default_factory=list)

    def add(self, count: int, valid: list[bool] | None, *buffers: Any) -> None:
        bits = [] if valid is None else [np.packbits(valid, bitorder="little").tobytes()]
        self.nodes.append((count, 0 if valid is None else count - sum(valid)))
        self.buffers += [bits, *(one if isinstance(one, list) else [memoryview(one).cast("B")] for one in buffers)]

    def add_array(self, array: pa.Array) -> None:
        """An array without an offset, whose type holds no struct or list."""
        self.nodes.append((len(array), array.null_count))
        self.buffers += [[] if one is None else [one] for one in array.buffers()]


def _valid(values: list[Any]) -> list[bool] | None:
    valid = [value is not None for value in values]
    return None if all(valid) else valid


def _offsets(kind: pa.DataType, lengths: Any, value: Any) -> np.ndarray[Any, Any]:
    wide = kind in (pa.large_binary(), pa.large_string()) or pa.types.is_large_list(kind)
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    if not wide and offsets[-1] > 2**31 - 1:
        raise Bad(value, f"is too large for the 32-bit offsets of {kind}; use large_binary or LargeList")
    return offsets if wide else offsets.astype(np.int32)


def build_column(about: list[Any], kind: pa.DataType, values: list[Any], body: Body) -> None:
    """Append the arrays of a column to the body; Bad for a value that is not allowed."""
    valid, kind = _valid(values), storage(kind)
    match about:
        case ["plain"]:
            _build_plain(kind, values, body)
        case ["label", names, low]:
            _build_plain(kind, [_label(one, names, low) for one in values], body)
        case ["path"]:
            _build_plain(kind, [os.fspath(one) if isinstance(one, Path) else one for one in values], body)
        case ["file", _]:
            parts = [(None, None) if one is None else one for one in values]
            body.add(len(values), valid)
            for part in kind:
                build = _build_bytes if part.name == "bytes" else _build_plain
                build(part.type, [one[part.name == "path"] for one in parts], body)
        case ["struct", inner]:
            for one in values:
                if one is not None and (not isinstance(one, dict) or one.keys() != inner.keys()):
                    raise Bad(one, f"is not a dict with the keys {sorted(inner)}")
            body.add(len(values), valid)
            for part in kind:
                column = [None if one is None else one[part.name] for one in values]
                build_column(inner[part.name], part.type, column, body)
        case ["list", inner]:
            _build_list(inner, kind, values, valid, body)
        case ["array", axes, dtype]:
            _build_array(axes, np.dtype(dtype), kind, values, valid, body)
        case _:
            raise CacheError(f"a column is described as {about!r}, which this recipe does not know")


def _build_plain(kind: pa.DataType, values: list[Any], body: Body) -> None:
    allowed = next((types for is_it, types in ALLOWED if is_it(kind)), set())
    if allowed and not set(map(type, values)) <= allowed | {type(None)}:
        values = [_scalar(value, allowed, kind) for value in values]
    if bytes in allowed:
        return _build_bytes(kind, values, body)
    if str in allowed:
        return _build_bytes(kind, [_encoded(one) for one in values], body)
    try:
        array = pa.array(values, kind)
    except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
        if len(values) == 1:
            raise Bad(values[0], f"is no {kind}: {error}") from error
        for value in values:  # which one is it?
            _build_plain(kind, [value], Body())
        raise
    if not allowed:  # dates, decimals and so on: what comes back is what went in
        for value, kept in zip(values, array.to_pylist(), strict=True):
            if value != kept:
                raise Bad(value, f"is kept by {kind} as {kept!r}")
    if pa.types.is_floating(kind) and kind.bit_width < 64:
        for index in np.flatnonzero(np.isinf(array.to_numpy(zero_copy_only=False))):
            if math.isfinite(values[index]):
                raise Bad(values[index], f"is too large for {kind}")
    return body.add_array(array)


def _scalar(value: Any, allowed: set[type], kind: pa.DataType) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or type(value) in allowed:
        return value
    if bytes in allowed and isinstance(value, bytearray | memoryview | pa.Buffer):
        return memoryview(value).cast("B")
    if type(value) is float and allowed == {int} and value.is_integer():
        return int(value)
    if isinstance(value, tuple(allowed)) and type(value) is not bool:
        return value
    raise Bad(value, f"is a {type(value).__name__}, and the column holds {kind}")


def _encoded(value: str | None) -> bytes | None:
    try:
        return value if value is None else value.encode()
    except UnicodeEncodeError as error:
        raise Bad(value, f"is no text: {error.reason}") from error


def _label(value: Any, names: list[str], low: int) -> int | None:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str) and value in names:
        return names.index(value)
    if value is None or (type(value) is int and low <= value < len(names)):
        return value
    raise Bad(value, f"is no label: there are {len(names)}, {names[:5]!r}")


def _build_bytes(kind: pa.DataType, values: list[Any], body: Body) -> None:
    valid = _valid(values)
    pieces = values if valid is None else [one for one in values if one is not None]
    lengths = list(map(len, values)) if valid is None else [0 if one is None else len(one) for one in values]
    body.add(len(values), valid, _offsets(kind, lengths, pieces[:1] and pieces[0]), pieces)


def _build_list(inner: list[Any], kind: pa.DataType, values: list[Any], valid: list[bool] | None, body: Body) -> None:
    for value in values:
        if value is not None and not isinstance(value, list | tuple | np.ndarray):
            raise Bad(value, f"is a {type(value).__name__}, and the column holds lists")
    if pa.types.is_fixed_size_list(kind):
        width = kind.list_size
        for value in values:
            if value is not None and len(value) != width:
                raise Bad(value, f"has {len(value)} items, not {width}")
        body.add(len(values), valid)
        values = [[None] * width if value is None else value for value in values]
    else:
        lengths = [0 if value is None else len(value) for value in values]
        body.add(len(values), valid, _offsets(kind, lengths, next(filter(len, filter(_some, values)), None)))
    item, flat = kind.value_type, [value for value in values if value is not None]
    dtype = fixed_dtype(item) if inner == ["plain"] else None
    if dtype and flat and all(isinstance(one, np.ndarray) and one.ndim == 1 and one.dtype == dtype for one in flat):
        body.add(sum(map(len, flat)), None, [_bytes_of(one) for one in flat if len(one)])
    else:
        build_column(inner, item, list(chain.from_iterable(flat)), body)


def _some(value: Any) -> bool:
    return value is not None


def _bytes_of(array: np.ndarray[Any, Any]) -> Piece:
    if array.flags.c_contiguous:
        return array.reshape(-1).view(np.uint8).data
    return Strided(array) if array.nbytes >= LARGE else array.tobytes()


def _build_array(
    axes: list[int | None],
    dtype: np.dtype[Any],
    kind: pa.DataType,
    values: list[Any],
    valid: list[bool] | None,
    body: Body,
) -> None:
    for value in values:
        if value is None:
            continue
        if not isinstance(value, np.ndarray) or value.dtype != dtype:
            found = getattr(value, "dtype", type(value).__name__)
            raise Bad(value, f"is of {found}, and the column holds arrays of {dtype}")
        if len(axes) != value.ndim or any(b not in (None, a) for a, b in zip(value.shape, axes, strict=True)):
            raise Bad(value, f"has the shape {value.shape}, not {tuple(axes)}")
    arrays = [value for value in values if value is not None]
    pieces = [_bytes_of(array) for array in arrays if array.size]
    items = sum(array.size for array in arrays)
    if pa.types.is_struct(kind):  # of this recipe: flat data, and the shape beside it
        lengths = [0 if value is None else value.size for value in values]
        body.add(len(values), valid)
        body.add(len(values), None, _offsets(kind.field("data").type, lengths, None))
        body.add(items, None, pieces)
        shapes = [(0,) * len(axes) if value is None else value.shape for value in values]
        body.add(len(values), None)
        body.add(len(values) * len(axes), None, np.array(shapes, np.int32).reshape(-1))
        return
    lengths = [0 if value is None else value.shape[0] for value in values]
    for axis in range(len(axes)):  # of `datasets`: lists of lists
        body.add(len(lengths), valid if axis == 0 else None, _offsets(kind, lengths, arrays[:1] and arrays[0]))
        kind = kind.value_type
        if axis + 1 < len(axes):
            below = [math.prod(array.shape[: axis + 1]) for array in arrays]
            lengths = np.repeat([array.shape[axis + 1] for array in arrays], below)  # type: ignore[assignment]
    if dtype == np.bool_:  # bits there
        bits = np.concatenate([array.reshape(-1) for array in arrays]) if arrays else np.zeros(0, bool)
        pieces = [np.packbits(bits, bitorder="little").tobytes()]
    body.add(items, None, pieces)
