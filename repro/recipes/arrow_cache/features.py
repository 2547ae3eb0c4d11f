"""What a column holds: features of this recipe and of `datasets`, and their Arrow types."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

FORMAT = 1


class CacheError(ValueError):
    """A cache cannot be written, read or trusted; the message says why."""


class RowError(CacheError):
    """A value is not what its feature says; `row`, `column` and `value` say which."""

    def __init__(self, row: int, column: str, value: Any, reason: str) -> None:
        super().__init__(row, column, value, reason)
        self.row, self.column, self.value, self.reason = row, column, value, reason

    def __str__(self) -> str:
        large = isinstance(self.value, bytes | str | list | tuple) and len(self.value) > 40
        shown = repr(self.value[:40] if large else self.value)
        dots = "..." * (large or len(shown) > 80)
        return f"row {self.row}, column {self.column!r}: {shown[:80]}{dots} {self.reason}"


class Bad(Exception):
    """A value that its feature does not allow, before its row is known."""


@dataclass(frozen=True)
class File:
    """The bytes of a file, as they are, and its name; given as path, as bytes or as {"bytes", "path"}."""


@dataclass(frozen=True)
class Nifti(File):
    """A NIfTI file."""


@dataclass(frozen=True)
class Image(File):
    """An image file. PIL images keep the bytes of their file; other pixels become PNG, or TIFF where PNG loses some."""


@dataclass(frozen=True)
class Video:
    """The path of a video; the file stays where it is."""


@dataclass(frozen=True)
class Array3D:
    """A numpy array with as many axes as `shape`; None is a length that varies. Each row keeps its shape."""

    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True)
class ClassLabel:
    """The number of a name, given as either; None where there is no label."""

    names: list[str]


@dataclass(frozen=True)
class Sequence:
    """A list of values of one feature, of any length or of a fixed one."""

    feature: Any
    length: int = -1


OWN = {"string": pa.large_string(), "binary": pa.large_binary(), "bytes": pa.large_binary()}


def describe(feature: Any, given: pa.DataType | None) -> tuple[list[Any], pa.DataType]:
    """What a feature allows, as JSON, and its Arrow type: `given` for those of `datasets`."""
    kind = type(feature).__name__
    if isinstance(feature, dict):
        types = {name: given.field(name).type if given else None for name in feature}
        inner = {name: describe(one, types[name]) for name, one in feature.items()}
        fields = [pa.field(name, one[1]) for name, one in inner.items()]
        return ["struct", {name: one[0] for name, one in inner.items()}], given or pa.struct(fields)
    if kind in {"Sequence", "List", "LargeList", "list"}:
        below = feature[0] if kind == "list" else feature.feature
        if isinstance(below, dict) and given and pa.types.is_struct(given):  # a dict of lists, as datasets 3 made it
            return describe({name: Sequence(one) for name, one in below.items()}, given)
        about, item = describe(below, given.value_type if given else None)
        length = getattr(feature, "length", -1)
        made = pa.list_(item, length) if length >= 0 else pa.large_list(item)
        return ["list", about], given or made
    if re.fullmatch(r"Array\dD", kind):
        dtype, axes = str(np.dtype(feature.dtype)), list(feature.shape)
        if given is not None:
            return ["array", axes, dtype], given
        item = pa.uint8() if dtype == "bool" else pa.from_numpy_dtype(dtype)
        return ["array", axes, dtype], pa.struct(
            {"data": pa.large_list(item), "shape": pa.list_(pa.int32(), len(axes))}
        )
    if kind == "ClassLabel":
        return ["label", list(feature.names), 0 if given is None else -1], given or pa.int64()
    if kind == "Video" and given is None:
        return ["path"], pa.large_string()
    if isinstance(feature, File) or (given is not None and _is_file(given)):
        return ["file", kind], given or pa.struct({"bytes": pa.large_binary(), "path": pa.string()})
    if isinstance(feature, pa.DataType):
        return ["plain"], feature
    if kind == "Value" or (isinstance(feature, str) and given is None):
        return ["plain"], given or OWN.get(feature) or pa.type_for_alias(feature)
    raise TypeError(f"{feature!r} is no feature of a cache")


def _is_file(kind: pa.DataType) -> bool:
    return pa.types.is_struct(kind) and {one.name for one in kind} == {"bytes", "path"}


class Form:
    """The columns of a cache: what each allows (`about`) and how Arrow stores it (`schema`)."""

    def __init__(self, features: Any) -> None:
        arrow = getattr(features, "arrow_schema", None)
        try:
            both = {name: describe(one, arrow and arrow.field(name).type) for name, one in features.items()}
        except (TypeError, ValueError, AttributeError, KeyError) as error:
            raise CacheError(f"features: {error}; give datasets.Features or a dict of features") from error
        if not both:
            raise CacheError("features: there is no column")
        self.about = {name: about for name, (about, _) in both.items()}
        self.schema = pa.schema({name: kind for name, (_, kind) in both.items()}, arrow and arrow.metadata)
        self.columns = {name: [about, str(storage(kind))] for name, (about, kind) in both.items()}


def storage(kind: pa.DataType) -> pa.DataType:
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


BINARY = (pa.binary(), pa.large_binary())
ALLOWED: list[tuple[Callable[[pa.DataType], bool], set[type]]] = [
    (pa.types.is_integer, {int}),
    (pa.types.is_floating, {float, int}),
    (pa.types.is_boolean, {bool}),
    (lambda kind: pa.types.is_string(kind) or pa.types.is_large_string(kind), {str}),
    (lambda kind: kind in BINARY, {bytes}),
]


def fixed_dtype(kind: pa.DataType) -> np.dtype[Any] | None:
    """The numpy type whose memory is that of an Arrow array of numbers."""
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    return np.dtype(kind.to_pandas_dtype()) if number else None
