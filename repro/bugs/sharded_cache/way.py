"""The cache that is tried: the seed's, or that of a workaround."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import seed_cache
from probe_tools import REQUEST, SCENARIO, unsupported, workaround


class Way:
    """Its ``write``, and what else it has; ``packages`` are those that it needs besides."""

    def __init__(self) -> None:
        self.write: Callable[..., object] = workaround(seed_cache.write)
        self._names: dict[str, Any] = self.write.__globals__
        self.packages: tuple[str, ...] = self._names.get("PACKAGES", ())

    def applies(self) -> None:
        """Ends the probe where the scenario has no meaning for this cache; its file says which have, or have not."""
        if SCENARIO not in self._names.get("SUPPORTED", (SCENARIO,)):
            unsupported("it has no such thing, or another way to it")
        if why := self._names.get("UNSUPPORTED", {}).get(SCENARIO):
            unsupported(why)

    def need(self, name: str) -> Callable[..., Any]:
        if name not in self._names:
            unsupported(f"{REQUEST.get('fix')} has no {name}")
        found: Callable[..., Any] = self._names[name]
        return found


WAY = Way()
