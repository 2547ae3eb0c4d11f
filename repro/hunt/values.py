"""Feature types and cell values of random datasets, as plain Python and as source text. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Row = dict[str, Any]

LISTS = frozenset({"list", "large", "fixed"})
MEDIA = frozenset({"Image", "Nifti"})
LABELS = ("c0", "c1", "c2", "c3")
MENU = (
    *("int64", "string", "list", "media", "struct", "large", "fixed", "class", "float64", "bool", "timestamp[us]"),
    *("array2d", "int32", "list", "binary", "media", "large_string", "date32", "timestamp[s]", "float32", "uint8"),
    *("large_binary", "struct", "time64[us]", "decimal128(10,2)", "list"),
)
"""What the integers of a plan choose from: the first is the simplest, and what comes often stands here twice."""
DEEPEST = 3


@dataclass(frozen=True, slots=True)
class Type:
    """A feature type: ``kind`` is a dtype, a sort of list, ``struct``, ``class``, ``array2d`` or a medium.

    ``size`` is the length of a fixed list and the edge of an array; of a medium it is 1 if it is decoded.
    """

    kind: str
    of: tuple[Type, ...] = ()
    names: tuple[str, ...] = ()
    size: int = 0

    @property
    def fields(self) -> Iterator[tuple[str, Type]]:
        return zip(self.names, self.of, strict=True)

    def walk(self) -> Iterator[Type]:
        yield self
        for inner in self.of:
            yield from inner.walk()

    @property
    def source(self) -> str:
        """The call that makes it: ``List(Value("int64"))``."""
        match self.kind:
            case "list":
                return f"List({self.of[0].source})"
            case "large":
                return f"LargeList({self.of[0].source})"
            case "fixed":
                return f"List({self.of[0].source}, length={self.size})"
            case "struct":
                return features_source(dict(self.fields))
            case "class":
                return f"ClassLabel(names={list(self.names)!r})"
            case "array2d":
                return f'Array2D(shape=({self.size}, {self.size}), dtype="int32")'
            case "Image" | "Nifti":
                return f"{self.kind}({'' if self.size else 'decode=False'})"
        return f'Value("{self.kind}")'

    def to_form(self) -> list[Any]:
        return [self.kind, [one.to_form() for one in self.of], list(self.names), self.size]

    @classmethod
    def from_form(cls, form: Sequence[Any]) -> Type:
        kind, of, names, size = form
        return cls(kind, tuple(cls.from_form(one) for one in of), tuple(names), size)


Types = Mapping[str, Type]


def features_source(types: Types) -> str:
    """``{"a": Value("int64")}``, without the ``Features`` around it."""
    return "{" + ", ".join(f'"{name}": {one.source}' for name, one in types.items()) + "}"


def type_of(code: int, length: int, depth: int = DEEPEST) -> Type:
    """The type that an integer stands for; 0 is ``int64``. ``length`` is that of fixed lists."""
    kind, rest = MENU[code % len(MENU)], code // len(MENU)
    if kind in {"list", "large", "fixed", "struct"} and depth == 1:
        return Type("int64")
    match kind:
        case "list" | "large" | "fixed":
            if rest % 3 == 2:  # a third of them hold media, which are embedded otherwise there than in a plain column
                rest = MENU.index("media") + len(MENU) * (rest // 3)
            size = max(length, 1) if kind == "fixed" else 0
            return Type(kind, (type_of(rest, length, depth - 1),), size=size)
        case "struct":
            first, second = type_of(rest, length, depth - 1), type_of(rest // 7, length, depth - 1)
            return Type(kind, (first, second)[: 1 + rest % 2], ("a", "b")[: 1 + rest % 2])
        case "class":
            return Type(kind, names=LABELS)
        case "array2d":
            return Type(kind, size=2)
        case "media":
            return Type(("Nifti", "Image")[rest % 2], size=0)
    return Type(kind)


def cell(kind: Type, code: int, count: int, length: int) -> Any:
    """The value that an integer stands for: 0 is a plain one, others are null, empty, longer or hold a null.

    ``count`` differs from cell to cell, so that a value that lands in the wrong place is seen.
    """
    here, rest = code % 8, code // 8
    if here == 4:
        return None
    match kind.kind:
        case "list" | "large" | "fixed":
            long = {3: 0, 5: 1, 6: length + 1}.get(here, length) if kind.kind != "fixed" else kind.size
            held = [cell(kind.of[0], rest * (i + 1) % 64, count * 10 + i, length) for i in range(long)]
            return [None, *held[1:]] if here == 7 and held else held
        case "struct":
            fields = enumerate(kind.fields)
            return {name: cell(one, rest * (i + 1) % 64, count * 10 + i, length) for i, (name, one) in fields}
        case "class":
            return count % len(kind.names)
        case "array2d":
            return [[count * 4 + i * kind.size + j for j in range(kind.size)] for i in range(kind.size)]
        case "Image" | "Nifti":
            outside = here in (0, 1, 2, 6)
            # beside bytes no file has that name: of both, datasets takes a file that is there
            name = f"{'f' if outside else 'g'}{count}.bin"
            return {"bytes": None if outside else f"b{count}".encode(), "path": name if outside or here % 2 else None}
    return scalar(kind.kind, count)


def scalar(dtype: str, count: int) -> Any:
    """A value of a plain dtype that no other count has, as far as the dtype allows."""
    day = datetime.datetime(2020, 1, 1)
    match dtype:
        case "int64" | "int32":
            return count
        case "uint8":
            return count % 256
        case "float64" | "float32":
            return count + 0.5
        case "bool":
            return count % 2 == 1
        case "binary" | "large_binary":
            return f"b{count}".encode()
        case "date32":
            return (day + datetime.timedelta(days=count)).date()
        case "timestamp[s]" | "timestamp[us]":
            return day + datetime.timedelta(hours=count)
        case "time64[us]":
            return (day + datetime.timedelta(seconds=count)).time()
        case "decimal128(10,2)":
            return Decimal(count) + Decimal("0.25")
    return f"s{count}"


def file_bytes(path: str) -> bytes:
    """What the file of that name holds, wherever it lies."""
    return path.rpartition("/")[2].encode()


def paths(kind: Type, value: Any, *, beside_bytes: bool = False) -> Iterator[str]:
    """The files that a value needs to be embedded; ``beside_bytes``: those too whose bytes it has."""
    if value is None:
        return
    if kind.kind in MEDIA:
        if value["path"] is not None and (beside_bytes or value["bytes"] is None):
            yield value["path"].rpartition("/")[2]
    elif kind.kind in LISTS:
        for one in value:
            yield from paths(kind.of[0], one, beside_bytes=beside_bytes)
    elif kind.kind == "struct":
        for name, inner in kind.fields:
            yield from paths(inner, value[name], beside_bytes=beside_bytes)


def embedded(kind: Type, value: Any) -> Any:
    """The value with the content of its files in it."""
    if value is None:
        return None
    if kind.kind in MEDIA:
        path = value["path"]
        found = file_bytes(path) if value["bytes"] is None and path is not None else value["bytes"]
        return {"bytes": found, "path": path and path.rpartition("/")[2]}
    if kind.kind in LISTS:
        return [embedded(kind.of[0], one) for one in value]
    if kind.kind == "struct":
        return {name: embedded(inner, value.get(name)) for name, inner in kind.fields}
    return value


def content_untyped(value: Any) -> Any:
    """The same where no type is known: what looks like a medium beside whose file there are no bytes has the file's."""
    if isinstance(value, list):
        return [content_untyped(one) for one in value]
    if isinstance(value, dict):
        if value.keys() == {"bytes", "path"} and value["bytes"] is None and value["path"] is not None:
            return {**value, "bytes": file_bytes(value["path"])}
        return {name: content_untyped(one) for name, one in value.items()}
    return value


def content(kind: Type, value: Any, *, inside: bool) -> Any:
    """The value with each medium as what it holds: where that is kept is not promised, unless it must be ``inside``."""
    if value is None:
        return None
    if kind.kind in MEDIA and isinstance(value, dict):
        found, path = value["bytes"], value["path"]
        return file_bytes(path) if found is None and path is not None and not inside else found
    if kind.kind in LISTS and isinstance(value, list):
        return [content(kind.of[0], one, inside=inside) for one in value]
    if kind.kind == "struct" and isinstance(value, dict):
        known = dict(kind.fields)
        return {name: content(known[name], one, inside=inside) if name in known else one for name, one in value.items()}
    return value


def decode(value: Any) -> Any:
    """A value as the worker wrote it into JSON."""
    if isinstance(value, list):
        return [decode(one) for one in value]
    if isinstance(value, dict):
        if value.keys() == {"$"}:
            name, text = value["$"]
            return _TAGGED[name](text) if name in _TAGGED else f"<{name} {text}>"
        return {name: decode(one) for name, one in value.items()}
    return value


_TAGGED = {
    "bytes": bytes.fromhex,
    "datetime": datetime.datetime.fromisoformat,
    "Timestamp": datetime.datetime.fromisoformat,
    "date": datetime.date.fromisoformat,
    "time": datetime.time.fromisoformat,
    "Decimal": Decimal,
}


def encode(value: Any) -> Any:
    """A value as JSON, in the form that ``decode`` reads."""
    if isinstance(value, list | tuple):
        return [encode(one) for one in value]
    if isinstance(value, dict):
        return {name: encode(one) for name, one in value.items()}
    if isinstance(value, bytes):
        return {"$": ["bytes", value.hex()]}
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return {"$": [type(value).__name__, value.isoformat()]}
    if isinstance(value, Decimal):
        return {"$": ["Decimal", str(value)]}
    return value
