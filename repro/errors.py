"""The exceptions that reach a user as a single line."""

from __future__ import annotations

import contextlib
import errno
import traceback
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path


class UserError(Exception):
    """A foreseeable mistake. The message is one line and says what to type instead."""


class EnvironmentFault(UserError):
    """The machine, the index, a tool or a bug's own code failed, not what was typed: exit status 125."""


class SpawnError(EnvironmentFault):
    """A program could not be started at all (no such interpreter, no permission)."""


def unknown(kind: str, given: str, choices: Iterable[str]) -> UserError:
    """The error for a name that is not in a closed list, naming the nearest and all valid ones."""
    known = sorted(choices)
    near = get_close_matches(given, known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return UserError(f"unknown {kind} {given!r}.{hint} Choose from: {', '.join(known) or '(none)'}")


def blame(error: BaseException, folder: Path, function: Callable[..., object] | None = None) -> str:
    """``file:line: Type: message``, on one line, with the innermost place below ``folder`` that the error came from.

    If it came from nowhere there, the place is that of ``function``, whose call or answer is at fault.
    """
    places = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        places.append((error.filename, error.lineno))
    own = [place for place in places if Path(place[0]).is_relative_to(folder)]
    if not own and (code := getattr(function, "__code__", None)):
        own = [(code.co_filename, code.co_firstlineno)]
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    said = f"{type(error).__name__}: {' '.join(message.split())}".removesuffix(": ")
    return ":".join(map(str, own[-1])) + f": {said}" if own else said


_UNUSABLE = {errno.ENAMETOOLONG, errno.ENOTDIR, errno.ELOOP, errno.EACCES, errno.EPERM, errno.EFBIG, errno.EINVAL}


@contextlib.contextmanager
def usable_paths() -> Iterator[None]:
    """Says in one line that a path or size as typed cannot be used at all; every other error passes."""
    try:
        yield
    except OSError as error:
        if error.errno not in _UNUSABLE:
            raise
        name = str(error.filename or "a file")
        shown = name if len(name) <= 80 else f"{name[:40]}…{name[-30:]}"
        raise UserError(f"cannot use {shown!r} ({error.strerror}): give another path or size") from error
    except RuntimeError as error:  # what pathlib raises for the home folder of a user who does not exist
        if "home directory" not in str(error):
            raise
        raise UserError("'~name' in a path: there is no such user here: write the path out") from error
