"""Plans: nested integers from which a program follows, so that every plan is valid and smaller ones are simpler."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from repro.hunt.judge import Finding, judge
from repro.hunt.readings import reading
from repro.hunt.sources import source
from repro.hunt.state import Order, State, Step
from repro.hunt.streams import stream
from repro.hunt.tables import table
from repro.hunt.values import cell, type_of

MOST_ROWS, MOST_COLUMNS, MOST_STEPS, LONGEST = 6, 3, 5, 3
MOST_HELD = 80
OFTEN = 6
"""How much more often than the rest media are embedded, which nothing but media can be."""
COUNTS = re.compile(r"skip\(|take\(|batch|indices|interleave")
Ask = Callable[[bool, Sequence[tuple[str, str]]], list[dict[str, Any]]]
"""Runs statements with their readings, in a new program or in the last one, and says what came out."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Integers only. ``columns`` holds of each its type and its cells; each operation has three integers."""

    origin: tuple[int, int, int, int]
    rows: int
    length: int
    columns: tuple[tuple[int, tuple[int, ...]], ...]
    ops: tuple[tuple[int, int, int, int], ...]


WIDTH = 1 + MOST_ROWS
SIZE = 4 + 4 * (1 + MOST_STEPS) + 2 * WIDTH * MOST_COLUMNS


def plans() -> st.SearchStrategy[Plan]:
    """One draw of bytes a plan: of many draws Hypothesis makes five variants each, most of which tell nothing new."""
    return st.binary(min_size=SIZE, max_size=SIZE).map(plan_of)


def plan_of(drawn: bytes) -> Plan:
    """The plan that bytes stand for; smaller bytes make a simpler one."""
    numbers = iter(drawn)
    most = (MOST_ROWS + 1, LONGEST + 1, MOST_COLUMNS, MOST_STEPS)
    rows, length, columns, ops = (next(numbers) % one for one in most)
    origin, *rest = itertools.islice(zip(numbers, numbers, numbers, numbers, strict=False), 1 + MOST_STEPS)
    pairs = [256 * high + low for high, low in zip(numbers, numbers, strict=True)]
    parts = [pairs[i * WIDTH : (i + 1) * WIDTH] for i in range(1 + columns)]
    made = tuple((kind, tuple(map(cell_code, cells[:rows]))) for kind, *cells in parts)
    return Plan(origin, rows, length, made, tuple(rest[: 1 + ops]))


def cell_code(pair: int) -> int:
    """Half of the cells are 0, the plain value."""
    return pair // 2 % 512 if pair % 2 else 0


def smaller(plan: Plan) -> Iterator[Plan]:
    """The plan without one of its operations, or without one of its columns."""
    for i in range(len(plan.ops)):
        yield replace(plan, ops=plan.ops[:i] + plan.ops[i + 1 :])
    for i in range(len(plan.columns) * (len(plan.columns) > 1)):
        yield replace(plan, columns=plan.columns[:i] + plan.columns[i + 1 :])


def neighbours(plan: Plan) -> Iterator[Plan]:
    """The plan with one number one larger or smaller: its rows, the length of its lists, what an operation is given."""
    for by in (-1, 1):
        yield replace(plan, rows=max(plan.rows + by, 0))
        yield replace(plan, length=max(plan.length + by, 0))
        for i, (k, a, b, reader) in enumerate(plan.ops):
            for a_by, b_by in ((by, 0), (0, by)):
                changed = (k, max(a + a_by, 0), max(b + b_by, 0), reader)
                yield replace(plan, ops=(*plan.ops[:i], changed, *plan.ops[i + 1 :]))


def first_state(plan: Plan) -> State:
    types = {f"c{i}": type_of(code, plan.length) for i, (code, _) in enumerate(plan.columns)}
    rows = [
        {
            f"c{i}": cell(types[f"c{i}"], codes[row] if row < len(codes) else 0, row + 7 * i, plan.length)
            for i, (_, codes) in enumerate(plan.columns)
        }
        for row in range(plan.rows)
    ]
    return State(rows, tuple(types), types)


def steps(plan: Plan, only: frozenset[str]) -> Iterator[Callable[[State], Step | None]]:
    """The steps of a plan, each as a function of the state before it."""
    for i, (k, a, b, reader) in enumerate((plan.origin, *plan.ops)):
        last = i == len(plan.ops)

        def made(
            state: State, k: int = k, a: int = a, b: int = b, r: int = reader, i: int = i, last: bool = last
        ) -> Step | None:
            menu = source if i == 0 else stream if state.stream else table
            names = [name for name in menu.makers if not only or i == 0 or name in only or name == "to_stream"]
            if state.media and "embed" in names:
                names += ["embed"] * OFTEN
            tries = (menu.makers[names[(k + j) % len(names)]](state, a, b) for j in range(len(names)))
            step = next((one for one in tries if one is not None and len(one.after.rows) <= MOST_HELD), None)
            if step is None:
                return None
            if state.stream and (state.counted or COUNTS.search(step.line)):
                step = replace(step, after=replace(step.after, counted=True))
            name, text = reading(step.after, r, last=last, sure=step.order is Order.EXACT)
            return replace(step, reader=name, reading=text)

        yield made


@dataclass(slots=True)
class Run:
    """What one program did: its steps, and the finding that ended it, if any."""

    steps: list[Step]
    finding: Finding | None = None


def run(plan: Plan, ask: Ask, only: frozenset[str] = frozenset(), asked: list[Step] | None = None) -> Run:
    """Runs the program of a plan; what the model foresees is sent together, what it has to see first is waited for.

    ``asked`` gets the steps as they are sent.
    """
    state, done, waiting = first_state(plan), list[Step](), list[Step]()
    new = True
    makers = [*steps(plan, only), None]
    for maker in makers:
        step = maker(state) if maker is not None else None
        if step is not None:
            waiting.append(step)
            state = step.after
        unforeseen = step is not None and (step.order is not Order.EXACT or not step.types_promised)
        if not waiting or not (maker is None or unforeseen):
            continue
        if asked is not None:
            asked += waiting
        answers = ask(new, [(one.line, one.reading) for one in waiting])
        new = False
        for one, seen in zip(waiting, answers, strict=False):
            done.append(one)
            found, state = judge(one, seen)
            if found is not None:
                return Run(done, found)
        waiting = []
    return Run(done)
