"""Views of the values in a batch, without a copy where the type allows it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from .features import fixed_dtype

Getter = Callable[[int], Any]


def getter(about: list[Any], array: pa.Array) -> Getter:
    """A function of a row in a batch that gives its value, without a copy where the type allows it."""
    array = getattr(array, "storage", array)
    get = _getter_of_valid(about, array)
    if not array.null_count:
        return get
    valid = array.is_valid().to_numpy(zero_copy_only=False).tolist()
    return lambda row: get(row) if valid[row] else None


def _getter_of_valid(about: list[Any], array: pa.Array) -> Getter:
    kind, offsets = array.type, _starts_of(array)
    match about:
        case ["file", _]:
            return getter(["plain"], array.field("bytes"))
        case ["struct", inner]:
            parts = [(name, getter(one, array.field(name))) for name, one in inner.items()]
            return lambda row: {name: get(row) for name, get in parts}
        case ["array", axes, dtype] if pa.types.is_struct(kind):
            flat = getter(["list", ["plain"]], array.field("data"))
            shapes = array.field("shape").values.to_numpy().reshape(-1, len(axes)).tolist()
            return lambda row: flat(row).view(dtype).reshape(shapes[row])
        case ["array", axes, dtype]:
            leaf, step = array, math.prod(axes[1:])
            while hasattr(leaf, "values"):
                leaf = leaf.values
            if all(axes[1:]) and offsets is not None:
                data = leaf.to_numpy(zero_copy_only=False)
                return lambda row: data[offsets[row] * step : offsets[row + 1] * step].reshape(-1, *axes[1:])
            return lambda row: np.array(array[row].as_py(), dtype)
        case ["list", inner] if offsets is not None:
            values = array.values
            if inner == ["plain"] and fixed_dtype(values.type) and not values.null_count:
                data = values.to_numpy()
                return lambda row: data[offsets[row] : offsets[row + 1]]
            get = getter(inner, values)
            return lambda row: [get(at) for at in range(offsets[row], offsets[row + 1])]
    if offsets is not None and array.buffers()[2] is not None:
        text, data = (
            pa.types.is_string(kind) or pa.types.is_large_string(kind),
            memoryview(array.buffers()[2]).cast("B"),
        )
        if text:
            return lambda row: str(data[offsets[row] : offsets[row + 1]], "utf-8")
        return lambda row: data[offsets[row] : offsets[row + 1]]
    if fixed_dtype(kind) and not array.null_count and pa.types.is_primitive(kind) and not pa.types.is_float16(kind):
        numbers = memoryview(array.to_numpy())
        return lambda row: numbers[row]
    return lambda row: array[row].as_py()


def _starts_of(array: pa.Array) -> Any:
    """Where each value of lists or bytes starts, as integers without a copy; None for other types."""
    kind = array.type
    wide = pa.types.is_large_list(kind) or kind in (pa.large_binary(), pa.large_string())
    if wide or pa.types.is_list(kind) or kind in (pa.binary(), pa.string()):
        data = array.buffers()[1]
        return memoryview(data).cast("q" if wide else "i") if data is not None and len(array) else memoryview(b"\0" * 4)
    if pa.types.is_fixed_size_list(kind):
        return range(0, (len(array) + 1) * kind.list_size, kind.list_size) if kind.list_size else None
    return None
