"""Which memory cap to try next, to find the smallest one that is survived. Pure."""

from __future__ import annotations

import math

from repro.errors import UserError

MIB = 1 << 20
RESOLUTION = 0.05
STEP = 1.3
"""Factor between caps until one survives and one does not; from there on the interval is halved on a log scale."""


class CapSearch:
    """``select()`` a cap in bytes, try it, ``record()`` whether it was survived, until ``None``. No I/O.

    Begins at ``start``, never leaves ``floor`` to ``ceiling``, and ends when the smallest cap survived is at most
    ``resolution`` above the largest that was not. Caps are whole MiB. A larger cap is taken to be survived too.
    """

    def __init__(self, start: int, floor: int, ceiling: int, resolution: float = RESOLUTION) -> None:
        if not 0 < resolution <= 1:
            raise UserError(f"a resolution of {resolution:g} makes no sense: type a share such as 0.05")
        if not 0 < floor <= ceiling:
            raise UserError(f"no cap lies between {floor} and {ceiling} bytes: give a larger --most")
        self._start, self._floor, self._ceiling, self._resolution = start, floor, ceiling, resolution
        self.survived: int | None = None
        self.failed: int | None = None

    def record(self, cap: int, survived: bool) -> None:
        """Note what happened under ``cap`` bytes; an answer that contradicts earlier ones changes nothing."""
        if survived and (self.failed is None or cap > self.failed):
            self.survived = min(cap, self.survived or cap)
        elif not survived and (self.survived is None or cap < self.survived):
            self.failed = max(cap, self.failed or cap)

    def select(self) -> int | None:
        """The next cap in bytes; ``None`` when the answer is known, or lies outside the bounds."""
        low, high = self.failed, self.survived
        if high is None:
            if low is None:
                return self._whole(self._start)
            return None if low == self._ceiling else self._whole(low * STEP)
        if low is None:
            return None if high == self._floor else self._whole(high / STEP)
        middle = self._whole(math.sqrt(low * high))
        return middle if high > low * (1 + self._resolution) and low < middle else None

    def _whole(self, cap: float) -> int:
        return min(self._ceiling, max(self._floor, round(cap / MIB) * MIB))
