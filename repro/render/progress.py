"""A progress bar on stderr, with time left; silent for machines, notebooks, logs and a single trial."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def progress(total: int, what: str, *, quiet: bool = False) -> Iterator[Callable[[], object]]:
    """Yield a function to call after each of ``total`` steps."""
    if quiet or total < 2 or not sys.stderr.isatty():
        yield int
        return
    from tqdm import tqdm

    with tqdm(total=total, desc=what, file=sys.stderr, unit="trial", leave=False) as bar:
        yield bar.update
