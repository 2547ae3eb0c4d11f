"""Keeps a text under the length that GitHub takes: whole parts go, in a stated order, and the text says which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LIMIT = 65_536
"""Characters that GitHub takes in an issue body."""
_RESERVE = 400  # the sentence that says what was left out


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the text. ``drop`` says when it goes (1 first); 0 is never dropped. ``name`` is for the reader."""

    text: str
    name: str = ""
    drop: int = 0


@dataclass(frozen=True, slots=True)
class Fitted:
    """The text, and the names of the parts that it had no room for."""

    text: str
    left_out: tuple[str, ...]


def fit(parts: Sequence[Part], where: str, limit: int | None = LIMIT) -> Fitted:
    """Join the parts; if that is longer than ``limit`` characters, drop as many as needed, lowest ``drop`` first.

    ``where`` tells where the whole text is. Raises ValueError if what may not be dropped is already too long.
    """
    kept = [part for part in parts if part.text]
    if limit is None or len(_join(kept)) <= limit:
        return Fitted(_join(kept), ())
    left_out: list[Part] = []
    for part in sorted((part for part in kept if part.drop), key=lambda part: part.drop):
        if len(_join(kept)) <= limit - _RESERVE:
            break
        kept.remove(part)
        left_out.append(part)
    names = tuple(part.name for part in left_out)
    notice = Part(f"_Left out, because an issue holds {LIMIT:,} characters: {', '.join(names)}. All of it: {where}._")
    # before the last part, which is the record for machines
    text = _join([*kept[:-1], notice, *kept[-1:]])
    if len(text) > limit:
        raise ValueError(f"the parts that must stay have {len(text)} characters, {limit} are allowed")
    return Fitted(text, names)


def _join(parts: Sequence[Part]) -> str:
    return "\n\n".join(part.text.strip("\n") for part in parts) + "\n"
