"""The exceptions that reach a user as a single line."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """A foreseeable mistake. The message is one line and says what to type instead."""


class EnvironmentFault(UserError):
    """The machine, index or tool failed, not what was typed; exit status 125."""


class SpawnError(EnvironmentFault):
    """A program could not be started at all (no such interpreter, no permission)."""


def unknown(kind: str, given: str, choices: Iterable[str]) -> UserError:
    """The error for a name that is not in a closed list, naming the nearest and all valid ones."""
    known = sorted(choices)
    near = get_close_matches(given, known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return UserError(f"unknown {kind} {given!r}.{hint} Choose from: {', '.join(known) or '(none)'}")
