"""Keeps a text under a limit: drops whole folded parts, the least important first, and says which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from repro.errors import UserError

LIMIT = 65_536
"""Characters that GitHub takes in an issue body."""
SHORT = 12_000
"""Characters that somebody may be asked to read."""
_RESERVE = 300  # the sentence that says what was left out


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the text. ``drop`` says when it goes (1 first); 0 is never dropped. ``name`` is for the reader."""

    text: str
    name: str = ""
    drop: int = 0


@dataclass(frozen=True, slots=True)
class Fitted:
    """The text, the names of the parts that it had no room for, and what was not run yet and so is not in it."""

    text: str
    left_out: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def fit(parts: Sequence[Part], where: str, limit: int = LIMIT, missing: tuple[str, ...] = ()) -> Fitted:
    """Join the parts; if that is longer than ``limit`` characters, drop as many as needed, lowest ``drop`` first.

    ``where`` tells where the whole text is. What may not be dropped may pass ``limit``, but not what GitHub takes:
    then it raises UserError.
    """
    kept = [part for part in parts if part.text]
    left_out: list[Part] = []
    for part in sorted((part for part in kept if part.drop), key=lambda part: part.drop):
        if len(_join(kept)) <= limit - _RESERVE * bool(left_out):
            break
        kept.remove(part)
        left_out.append(part)
    names = tuple(part.name for part in left_out)
    # before the last part, which is the record for machines
    notice = [Part(f"_Left out to keep this short: {', '.join(names)}. The whole text, {where}, has them._")]
    text = _join([*kept[:-1], *notice, *kept[-1:]]) if names else _join(kept)
    if len(text) > LIMIT:
        raise UserError(
            f"script, output and record have {len(text):,} characters, GitHub takes {LIMIT:,}: shorten the script"
        )
    return Fitted(text, names, missing)


def _join(parts: Sequence[Part]) -> str:
    return "\n\n".join(part.text.strip("\n") for part in parts) + "\n"
