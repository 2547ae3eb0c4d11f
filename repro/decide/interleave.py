"""The order in which candidates take turns (A B C A B C …), so that drift of the machine hits all alike. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from repro.errors import UserError


class Turn(NamedTuple):
    """One trial of one candidate; a finished turn is all the state that a resumed study needs."""

    round: int
    candidate: str


def interleave(candidates: Sequence[str], rounds: int, done: Collection[Turn] = ()) -> Iterator[Turn]:
    """Every turn that is still to do, round by round, candidates in the order given.

    ``done`` are the turns that an interrupted study has finished, in any order and with any holes; more rounds or
    candidates than before may be asked for. Rounds count from 0, so values with the same round make the pairs of
    ``repro.decide.spread.paired_ratios``.

    Raises:
        UserError: if there is no candidate, a candidate is named twice, or there is no round.
    """
    repeated = sorted({name for name in candidates if candidates.count(name) > 1})
    if repeated:
        raise UserError(f"{repeated[0]!r} is named twice: give each candidate a name of its own, such as A1 and A2")
    if not candidates:
        raise UserError("nothing to compare: name at least one candidate")
    if rounds < 1:
        raise UserError(f"{rounds} trials measure nothing: type --trials 1 or more")
    finished = frozenset(done)
    turns = (Turn(number, name) for number in range(rounds) for name in candidates)
    return (turn for turn in turns if turn not in finished)
