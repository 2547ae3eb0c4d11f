"""Nine releases of a made-up ``datasets``, whose answers are known, as wheels in a folder.

| function | 1.0 to 2.0 | 3.0 | 4.0 | 5.0 | 6.0 | 7.0 | 8.0 | 9.0 |
|---|---|---|---|---|---|---|---|---|
| ``plain()`` | 42 | 42 | 42 | 42 | 42 | 42 | 42 | 42 |
| ``answer()`` | 41 | 41 | 41 | 42 | 42 | 42 | 42 | 42 |
| ``late()`` | none | none | 42 | 42 | TypeError | TypeError | TypeError | TypeError |
| ``twice()`` | 42 | 41 | 41 | 42 | 42 | 41 | 41 | 42 |
| ``extra.rows()`` | breaks at import | breaks | breaks | 41 | 41 | 42 | 42 | 42 |
| ``flaky()`` | 42 | 42 | in 40 % of the calls 41, from here on | | | | | |
"""

from __future__ import annotations

from pathlib import Path

from tests.targets.conftest import wheel_of

RELEASES = tuple(f"{number}.0" for number in range(1, 10))

BODY = """
import os

__version__ = "{number}.0"
NUMBER = {number}


def plain():
    return 42


def answer():
    return 41 if NUMBER < 5 else 42


if NUMBER > 3:

    def late():
        if NUMBER > 5:
            raise TypeError("expected 3 of 100 rows")
        return 42


def twice():
    return 41 if NUMBER in (3, 4, 7, 8) else 42


def flaky():
    return 41 if NUMBER > 3 and os.urandom(1)[0] < 102 else 42


class extra:
    @staticmethod
    def rows():
        return 41 if NUMBER < 7 else 42


def load_extra():
    if NUMBER < 5:
        raise ImportError("numpy.core.multiarray failed to import")
    return extra
"""


def make_shelf(folder: Path) -> Path:
    for number in range(1, 10):
        wheel_of(folder, "datasets", f"{number}.0", body=BODY.replace("{number}", str(number)))
    return folder
