"""What the probe does in processes of its own: forks, rows of each kind, and each change on disk of a writer."""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from seed_cache import Array3D, Image, Sequence, Value

CHANGES = frozenset({"os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.truncate"})
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
Row = dict[str, Any]
_NUMBERS = itertools.count()


class Apart:
    """A forked process that does one thing; ``end`` gives what that returned, or how it failed."""

    def __init__(self, act: Callable[..., Any], *given: Any) -> None:
        self.told = Path(f"apart-{next(_NUMBERS)}.json").absolute()
        self.pid = os.fork()
        if self.pid:
            return
        try:
            self._tell({"found": act(*given)})
        except BaseException as error:
            self._tell({"raised": raised(error)})
        finally:
            os._exit(0)

    def _tell(self, what: Row) -> None:
        half = self.told.with_suffix(".half")
        half.write_text(json.dumps(what))
        half.replace(self.told)

    @property
    def ended(self) -> bool:
        return self.told.is_file()

    def end(self) -> Row:
        """``found`` or ``raised``, and the name of the signal if one ended it."""
        _, status = os.waitpid(self.pid, 0)
        said: Row = json.loads(self.told.read_text()) if self.ended else {}
        if os.WIFSIGNALED(status):
            said["signal"] = signal.Signals(os.WTERMSIG(status)).name
        return said


def apart(act: Callable[..., Any], *given: Any) -> Row:
    sys.stdout.flush()
    return Apart(act, *given).end()


def raised(error: BaseException) -> str:
    """``ValueError: the first line``."""
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:160]}"


def at_changes(root: Path, call: Callable[[str], object]) -> None:
    """Calls ``call(event)`` in this process before each change of the disk that Python itself makes.

    It is an audit hook. Files count that are opened for writing below ``root``; what C++ writes is not seen.
    """
    prefix, busy = os.path.join(os.path.abspath(root), ""), False  # noqa: PTH100, PTH118

    def hook(event: str, args: tuple[Any, ...]) -> None:
        nonlocal busy
        if busy or not (event in CHANGES or (event == "open" and _writes(args, prefix))):
            return
        busy = True
        try:
            call(event)
        finally:
            busy = False

    sys.addaudithook(hook)


def _writes(args: tuple[Any, ...], prefix: str) -> bool:
    path, _, flags = args
    if not isinstance(path, (str, bytes, os.PathLike)) or not isinstance(flags, int) or not flags & WRITING:
        return False
    return os.path.abspath(os.fsdecode(path)).startswith(prefix)  # noqa: PTH100


def kill_at(change: int) -> Callable[[str], object]:
    """Ends this process before the change of this number, counted from 0."""
    seen = itertools.count()

    def call(_: str) -> None:
        if next(seen) == change:
            os.kill(os.getpid(), signal.SIGKILL)

    return call


def wait_for(true: Callable[[], bool], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True


def content(number: int, size: int) -> bytes:
    """Bytes of exactly this size that no other row has; ``oracle`` and ``prepare`` know them too."""
    return (b"%16d" % number * (size // 16 + 1))[:size]


COLUMNS: dict[str, Row] = {
    "bytes": {"payload": Value("binary")},
    "files": {"payload": Image()},
    "lists": {"payload": Sequence("float32")},
    "versions": {"version": Value("int64"), "payload": Value("binary")},
}


def columns_of(kind: str, size: int) -> Row:
    return {"payload": Array3D((size // 1024, 32, 32), "uint8")} if kind == "arrays" else COLUMNS[kind]


def rows_of(kind: str, count: int, size: int, version: int = 0) -> Iterator[Row]:
    """Rows of about ``size`` bytes each; a new object for each, as a reader of files gives it."""
    files = [Path(f"picture-{n}.bin").absolute() for n in range(4)] if kind == "files" else []
    for number, file in enumerate(files):
        file.write_bytes(content(number, size))
    made: dict[str, Callable[[int], Any]] = {
        "bytes": lambda n: content(n, size),
        "files": lambda n: str(files[n % len(files)]),
        "arrays": lambda n: np.full((size // 1024, 32, 32), n % 251, "uint8"),
        "lists": lambda n: np.arange(n, n + size // 4, dtype="float32"),
        "versions": lambda n: content(n, size),
    }
    more = {"version": version} if kind == "versions" else {}
    for number in range(count):
        yield {**more, "payload": made[kind](number)}


def below(folder: Path) -> tuple[int, int]:
    """Number of all that is below a folder, and the bytes of the files."""
    found = list(folder.rglob("*"))
    return len(found), sum(path.lstat().st_size for path in found if path.is_file() and not path.is_symlink())
