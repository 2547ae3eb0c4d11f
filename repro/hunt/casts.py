"""Types that a column can be cast to without loss, and what becomes of its values. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from repro.hunt.values import LABELS, LISTS, MEDIA, Type

Change = Callable[[Any], Any]

PLAIN: dict[str, tuple[str, ...]] = {
    "int64": ("float64", "string"),
    "int32": ("int64", "float64", "string"),
    "uint8": ("int32", "int64"),
    "float32": ("float64",),
    "string": ("large_string",),
    "large_string": ("string",),
    "binary": ("large_binary",),
    "large_binary": ("binary",),
    "timestamp[s]": ("timestamp[us]",),
    "bool": ("int64",),
}


def same(value: Any) -> Any:
    return value


def casts(kind: Type, values: Sequence[Any]) -> Iterator[tuple[Type, Change]]:
    """Every type that ``kind`` can be cast to, given the values, with the change of one value."""
    for name in PLAIN.get(kind.kind, ()):
        yield Type(name), _scalar({"string": str, "float64": float, "int64": int}.get(name, same), kind.kind)
    held = [one for one in values if one is not None]
    match kind.kind:
        case "list" | "large" | "fixed":
            yield from _of_list(kind, held)
        case "struct":
            yield from _of_struct(kind, held)
        case "class":
            yield Type("int64"), same
        case "int64" if all(0 <= one < len(LABELS) for one in held):
            yield Type("class", names=LABELS), same


def _scalar(change: Change, before: str) -> Change:
    if before in {"string", "large_string"}:
        return same
    return lambda value: None if value is None else change(value)


def _of_list(kind: Type, held: Sequence[Any]) -> Iterator[tuple[Type, Change]]:
    inner = kind.of[0]
    for other in ("list", "large"):
        if other != kind.kind and {kind.kind, other} != {"fixed", "large"}:
            yield Type(other, (inner,)), same
    lengths = {len(one) for one in held}
    if kind.kind == "list" and len(lengths) == 1 and lengths != {0}:
        yield Type("fixed", (inner,), size=min(lengths)), same
    for changed, change in casts(inner, [one for values in held for one in values]):
        yield replace(kind, of=(changed,)), _each(change)
        if kind.kind == "list" and changed.kind not in LISTS:
            yield Type("large", (changed,)), _each(change)


def _each(change: Change) -> Change:
    return lambda value: None if value is None else [change(one) for one in value]


def _of_struct(kind: Type, held: Sequence[Any]) -> Iterator[tuple[Type, Change]]:
    if len(kind.of) > 1:
        turned = replace(kind, of=kind.of[::-1], names=kind.names[::-1])
        yield turned, same
    for place, (name, inner) in enumerate(kind.fields):
        for changed, change in casts(inner, [one[name] for one in held]):
            of = (*kind.of[:place], changed, *kind.of[place + 1 :])
            yield replace(kind, of=of), _field(name, change)


def _field(name: str, change: Change) -> Change:
    return lambda value: None if value is None else {**value, name: change(value[name])}


def decoding(kind: Type) -> Type:
    """The type with its media decoded when they are read."""
    size = 1 if kind.kind in MEDIA else kind.size
    return replace(kind, of=tuple(decoding(one) for one in kind.of), size=size)
