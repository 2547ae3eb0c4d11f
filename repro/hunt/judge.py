"""Holds what came out of a step against what the model says, and names the difference. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from repro.hunt.state import Order, State, Step
from repro.hunt.values import LISTS, MEDIA, Row, Type, content, content_untyped, decode

INTERNAL = frozenset(
    {
        *(
            "IndexError",
            "KeyError",
            "AttributeError",
            "AssertionError",
            "UnboundLocalError",
            "NameError",
            "SystemError",
        ),
        *("ZeroDivisionError", "RecursionError", "OverflowError", "StopIteration", "Alarm"),
        *("ArrowIndexError", "ArrowInvalid", "ArrowTypeError", "ArrowKeyError"),
    }
)
"""Exceptions that are no clear refusal of what was asked."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference: at which operation and reading, of what sort, at which type; and what was expected and seen."""

    op: str
    reader: str
    sort: str
    at: str
    expected: Any = None
    got: Any = None
    detail: str = ""

    @property
    def silent(self) -> bool:
        return not self.sort.startswith(("error", "refused", "hang", "crash"))

    @property
    def refusal(self) -> bool:
        return self.sort == "refused"

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What findings of one cause have in common as far as can be told before they are made small."""
        return self.op, self.reader if self.reader == "resume" else "", self.sort, self.at


def judge(step: Step, seen: Mapping[str, Any]) -> tuple[Finding | None, State]:
    """The difference, if there is one, and the state to go on from."""
    if "error" in seen:
        return failed(step, seen), step.after
    rows = [decode(row) for row in seen["rows"]]
    form = seen["types"]
    types = None if form is None else {name: Type.from_form(one) for name, one in form.items()}
    found = _rows(step, rows) or _types(step, types) or _opened(step, seen["opened"])
    after = step.after
    if step.order is not Order.EXACT:
        after = after.like(_adopted(after, rows))
    if not step.types_promised:
        after = after.with_types(after.rows, types, after.columns)
    return found, after


def failed(step: Step, seen: Mapping[str, Any]) -> Finding:
    error = seen["error"]
    internal = error["type"] in INTERNAL
    where = error["where"][-1] if error["where"] else ""
    sort = "hang" if error["type"] == "Alarm" else f"error {error['type']}" if internal else "refused"
    reader = step.reader if seen.get("reading") else ""
    return Finding(
        step.op, reader, sort, where, detail=f"{error['type']}: {error['message']} ({'; '.join(error['where'])})"
    )


def _rows(step: Step, got: Sequence[Any]) -> Finding | None:
    types = step.after.types
    want = bare_rows(step)
    have = [clean(row, types, inside=step.embeds) for row in got]
    if step.order is Order.BEGINS and len(have) >= len(want) - 1:  # it may end in the middle of a round
        have, want = have[: len(want)], want[: len(have)]
    if step.order is Order.ANY:
        want, have = sorted(want, key=text_of), sorted(have, key=text_of)  # the order of fields in a struct is none
    if same(want, have):
        return None
    sort, at = difference(want, have, types)
    return Finding(step.op, step.reader, sort, at, want, have)


def clean(row: Any, types: Mapping[str, Type] | None, *, inside: bool = False) -> Any:
    """A row as it is compared: media as what they hold."""
    if not isinstance(row, dict):
        return row
    bare = dict(row) if inside else {name: content_untyped(value) for name, value in row.items()}
    kinds = {name: kind for name, kind in (types or {}).items() if name in row}
    return bare | {name: content(kind, row[name], inside=inside) for name, kind in kinds.items()}


def bare_rows(step: Step) -> list[Any]:
    """The rows that a step should give, as they are compared."""
    return [clean(row, step.after.types, inside=step.embeds) for row in step.after.rows]


def same(one: Any, other: Any) -> bool:
    """Equal, and of one type: ``True`` is no ``1`` and ``5`` no ``"5"``; a whole float is."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def difference(want: Sequence[Any], have: Sequence[Any], types: Mapping[str, Type] | None) -> tuple[str, str]:
    """The sort of a difference, and the type of the column in which it is first seen."""
    texts, found = Counter(map(text_of, want)), Counter(map(text_of, have))
    if len(want) != len(have):
        return ("rows lost" if len(have) < len(want) else "rows too many"), ""
    if texts == found:
        return "rows in another order", ""
    for one, other in zip(want, have, strict=True):
        if not isinstance(other, dict) or one.keys() != other.keys():
            return "other columns", ""
        for name, value in one.items():
            if not same(value, other[name]):
                kind = types.get(name) if types else None
                return _of_value(value, other[name], kind)
    return "other rows", ""


def _of_value(want: Any, got: Any, kind: Type | None) -> tuple[str, str]:
    at = kind.kind if kind else ""
    if want is None:
        return "null became a value", at
    if got is None:
        return "value became null", at
    if isinstance(want, list) and isinstance(got, list):
        if len(want) != len(got):
            return "list of another length", at
        inner = kind.of[0] if kind and kind.kind in LISTS else None
        one, other = next((pair for pair in zip(want, got, strict=True) if not same(*pair)), (want, got))
        sort, below = _of_value(one, other, inner)
        return sort, f"{at} {below}".strip()
    if isinstance(want, dict) and isinstance(got, dict) and want.keys() == got.keys():
        name = next(name for name in want if not same(want[name], got[name]))
        sort, below = _of_value(want[name], got[name], dict(kind.fields)[name] if kind and kind.names else None)
        return sort, f"{at} {below}".strip()
    if type(want) is not type(got):
        return "value of another type", at
    return "another value", at


def _types(step: Step, got: Mapping[str, Type] | None) -> Finding | None:
    want = step.after.types
    if not step.types_promised or want is None:
        return None
    if got is None:
        return Finding(step.op, "", "types lost", "")
    for name, kind in want.items():
        if got.get(name) != kind:
            seen = got[name].source if name in got else None
            at = kind.kind if name in got else ""
            return Finding(step.op, "", "other types", at, kind.source, seen)
    return None if len(got) == len(want) else Finding(step.op, "", "other types", "", list(want), list(got))


def _opened(step: Step, opened: Sequence[str]) -> Finding | None:
    if step.opens is None or set(opened) <= step.opens:
        return None
    kinds = (step.after.types or {}).values()
    at = next((kind.kind for kind in kinds if any(one.kind in MEDIA for one in kind.walk())), "")
    return Finding(step.op, "", "files opened without need", at, sorted(step.opens), list(opened))


def _adopted(state: State, rows: Sequence[Any]) -> list[Row]:
    """The model's rows in the order in which they came."""
    by = dict[str, list[Row]]()
    for row in state.rows:
        by.setdefault(text_of(clean(row, state.types)), []).append(row)
    found = []
    for row in rows:
        same_rows = by.get(text_of(clean(row, state.types)), [])
        found.append(same_rows.pop(0) if len(same_rows) > 1 else same_rows[0] if same_rows else row)
    return found


def text_of(row: Any) -> str:
    return json.dumps(row, default=repr, sort_keys=True)
