"""What the model knows of a dataset, and one step of a program: a statement with the answer it should give. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from repro.hunt.values import LISTS, MEDIA, Row, Type, Types, embedded, paths


class Order(StrEnum):
    """How much of the rows is promised: all of it, which rows but not their order, or only how they begin."""

    EXACT = "exact"
    ANY = "any"
    BEGINS = "begins"


@dataclass(frozen=True, slots=True)
class State:
    """The rows and types a dataset should have now.

    ``types`` is ``None`` where a stream does not know its own. ``buffered``: it was shuffled, and what its buffer holds
    is lost when it is resumed, as the documentation says. ``counted``: rows were counted or grouped, which a shard of
    a stream does by itself; so what all shards together hold is not promised.
    """

    rows: Sequence[Row]
    columns: tuple[str, ...]
    types: Types | None
    stream: bool = False
    buffered: bool = False
    counted: bool = False

    def like(self, rows: Sequence[Row]) -> State:
        return replace(self, rows=rows)

    def with_types(self, rows: Sequence[Row], types: Types | None, columns: Sequence[str] | None = None) -> State:
        names = (columns or self.columns) if types is None else types
        return replace(self, rows=rows, types=types, columns=tuple(names))

    @property
    def media(self) -> bool:
        return self.types is not None and any(one.kind in MEDIA for kind in self.types.values() for one in kind.walk())

    @property
    def decodes(self) -> bool:
        kinds = (self.types or {}).values()
        return any(one.kind in MEDIA and one.size for kind in kinds for one in kind.walk())

    @property
    def in_parquet(self) -> bool:
        """Whether Parquet holds it as it is: it has no seconds, and pyarrow reads no fixed list that is null."""
        inner = [(row[name], one) for row in self.rows for name, one in (self.types or {}).items()]
        return not any(
            kind == Type("timestamp[s]") for one in (self.types or {}).values() for kind in one.walk()
        ) and not any(null_in_fixed(value, one) for value, one in inner)

    def embedded(self) -> State:
        """The same with every file in it as bytes."""
        types = self.types or {}
        return self.like([{name: embedded(types[name], row[name]) for name in row} for row in self.rows])

    def files(self, *, beside_bytes: bool = False) -> frozenset[str]:
        """The files that the rows point to and need; ``beside_bytes``: those too whose bytes they have."""
        cells = [((self.types or {})[name], row[name]) for row in self.rows for name in row]
        return frozenset(path for kind, value in cells for path in paths(kind, value, beside_bytes=beside_bytes))


def null_in_fixed(value: Any, kind: Type) -> bool:
    """Whether a fixed list in it, at any depth, is null; one below a null counts too."""
    if kind.kind == "fixed" and value is None:
        return True
    if kind.kind in LISTS:
        return any(null_in_fixed(one, kind.of[0]) for one in value or ())
    if kind.kind == "struct":
        return any(null_in_fixed(value and value[name], inner) for name, inner in kind.fields)
    return False


@dataclass(frozen=True, slots=True)
class Step:
    """One operation as it is sent: its statement, what it should give, and how far that is promised.

    Attributes:
        types_promised: whether the types of the columns are, too.
        opens: the files that it may open; ``None`` if that is not judged.
        embeds: whether the files must be in the rows afterwards, as bytes.
    """

    op: str
    line: str
    after: State
    order: Order = Order.EXACT
    types_promised: bool = True
    opens: frozenset[str] | None = None
    embeds: bool = False
    reading: str = ""
    reader: str = ""


Maker = Callable[[State, int, int], Step | None]
"""Makes a step of a state and two integers; ``None`` where the operation does not apply."""


@dataclass(slots=True)
class Menu:
    """Operations by name, in the order in which they were declared."""

    makers: dict[str, Maker] = field(default_factory=dict)

    def __call__(self, maker: Maker) -> Maker:
        self.makers[maker.__name__.strip("_")] = maker
        return maker


def chosen(names: Sequence[str], number: int) -> str:
    return names[number % len(names)]


def assign(call: str) -> str:
    return f"ds = ds.{call}"


def plain_step(op: str, call: str, after: State, **more: Any) -> Step:
    return Step(op, assign(call), after, **more)
