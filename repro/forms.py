"""Dataclasses to JSON and back. Strict: a wrong type, an unknown, missing or extra entry is an error of one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from enum import Enum
from functools import partial
from math import isfinite
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from cattrs import Converter, ForbiddenExtraKeysError, transform_error
from cattrs.cols import homogenous_tuple_structure_factory, is_mapping, mapping_structure_factory
from cattrs.gen import make_dict_structure_fn

from repro.errors import unknown

T = TypeVar("T")
Structure = Callable[[Any, Any], Any]
_SCALARS = frozenset({str, int, float, bool, NoneType})


def to_json(value: Any) -> Any:
    """``value`` in JSON's own types: enums by value, tuples as lists, paths and non-finite numbers as texts."""
    return _CONVERTER.unstructure(value)


def from_json(kind: type[T], data: Any) -> T:
    """The ``kind`` of which ``to_json`` gave ``data``; only entries with a default may be missing.

    Raises ValueError with one line that names the first wrong place: ``outcome.wall_s is str, not float``.
    """
    try:
        return _CONVERTER.structure(data, kind)
    except Exception as error:  # cattrs gathers whatever its hooks raise in groups of its own
        said, _, place = transform_error(error, "", _reason)[0].rpartition(" @ ")
        raise ValueError(" ".join(f"{place.removeprefix('.')} {said}".split())) from error


def _reason(error: BaseException, _: Any) -> str:
    match error:
        case KeyError():
            return "is missing"
        case ForbiddenExtraKeysError():
            return f"has unknown entries: {', '.join(sorted(map(repr, error.extra_fields)))}"
    return str(error)


def _value(data: Any, kind: Any) -> Any:
    """A scalar as it is, or not at all: no ``"3"`` for 3, no ``true`` for 1; but a whole number is a float too."""
    if isinstance(kind, type) and issubclass(kind, Enum):
        values = {member.value: member for member in kind}
        if not isinstance(data, str) or data not in values:
            raise ValueError(f"has an {unknown(kind.__name__.lower(), str(data), values)}")
        return values[data]
    kinds = _kinds(kind)
    if type(data) in kinds or (type(data) is int and float in kinds):
        return data
    words = " or ".join(sorted("null" if one is NoneType else one.__name__ for one in kinds))
    raise TypeError(f"is {type(data).__name__}, not {words}")


def _kinds(kind: Any) -> frozenset[Any]:
    return frozenset(get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,))


def _is_tuple(kind: Any) -> bool:
    origin: Any = get_origin(kind)
    return origin is tuple


def _pair(kind: Any, converter: Converter) -> Structure:
    """Of ``tuple[float, str]`` and the like: as many items as types."""
    kinds = get_args(kind)

    def structure(data: Any, _: Any) -> Any:
        if len(data) != len(kinds):
            raise TypeError(f"has {len(data)} items, not {len(kinds)}")
        return tuple(map(converter.structure, data, kinds))

    return structure


def _tuple(kind: Any, converter: Converter) -> Structure:
    return (homogenous_tuple_structure_factory if get_args(kind)[-1] is ... else _pair)(kind, converter)


def _converter() -> Converter:
    made = Converter(unstruct_collection_overrides={tuple: list})
    made.register_unstructure_hook(float, lambda number: number if isfinite(number) else str(number))
    made.register_unstructure_hook(Path, str)
    for scalar in (str, int, float):  # their subclasses too: enums and bool
        made.register_structure_hook(scalar, _value)
    made.register_structure_hook_func(lambda kind: _kinds(kind) <= _SCALARS, _value)

    # What JSON gave is checked before cattrs takes it apart: a text would be a tuple of its characters.
    def only(given: type, words: str, factory: Callable[[Any, Converter], Structure]) -> Callable[..., Structure]:
        def make(kind: Any) -> Structure:
            inner = factory(kind, made)

            def structure(data: Any, wanted: Any) -> Any:
                if not isinstance(data, given):
                    raise TypeError(f"is {type(data).__name__}, not {words}")
                return inner(data, wanted)

            return structure

        return make

    entries = partial(make_dict_structure_fn, _cattrs_forbid_extra_keys=True)
    made.register_structure_hook_factory(is_dataclass, only(Mapping, "an object", entries))
    made.register_structure_hook_factory(is_mapping, only(Mapping, "an object", mapping_structure_factory))
    made.register_structure_hook_factory(_is_tuple, only(list, "a list", _tuple))
    return made


_CONVERTER = _converter()
