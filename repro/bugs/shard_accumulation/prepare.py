"""What each scenario pushes, and how that must end."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from repro.bugs.declaration import Parameter, Prepared
from repro.errors import UserError, unknown
from repro.model import Scalar

FEW, COUNTS = (4,), (4, 16, 64)
FILES: dict[str, Any] = {"asks": "files", "shards": FEW}
MEMORY: dict[str, Any] = {"asks": "memory", "shards": COUNTS}
USUAL: dict[str, Any] = {"do": "push", "ends": "well", "stored": 1, "processes": None, "altered": ""}
SCENARIOS: Mapping[str, dict[str, Any]] = {
    "after-push": FILES,
    "after-push-of-two-processes": {**FILES, "processes": 2},
    "after-error": {**FILES, "ends": "an exception", "stored": 0},
    "after-kill": {**FILES, "do": "kill", "ends": "SIGKILL", "stored": 0},
    "memory": MEMORY,
    "memory-of-two-processes": {**MEMORY, "processes": 2},
    "memory-kept": {**MEMORY, "altered": "keep-memory"},
    "memory-collected": {**MEMORY, "altered": "collect"},
    "one-file": {**FILES, "do": "upload", "shards": (1,)},
}

PARAMETERS = (Parameter("shard_bytes", "size", 4 << 20, "size of each shard: that of the one file in it"),)
LEAST, MOST = 1 << 20, 64 << 20
"""Below, the noise of allocators is as large as what is looked for; above, 84 shards are too much for a disk."""


def prepare(scenario: str, parameters: Mapping[str, Scalar], cache: Path) -> Prepared:
    """The request of the probe, which makes its own file, and what the oracle holds its answer against."""
    if scenario not in SCENARIOS:
        raise unknown("scenario", scenario, SCENARIOS)
    size = parameters["shard_bytes"]
    if not isinstance(size, int) or not LEAST <= size <= MOST:
        raise UserError(f"shard_bytes={size} tells nothing here: give 1MiB to 64MiB, as --set shard_bytes=4MiB")
    asked = {**USUAL, **SCENARIOS[scenario], "shards": list(SCENARIOS[scenario]["shards"]), "shard_bytes": size}
    inputs = {name: asked[name] for name in ("do", "shards", "shard_bytes", "processes", "altered")}
    expected = {name: asked[name] for name in ("asks", "ends", "shards", "shard_bytes", "stored")}
    return Prepared(inputs, {**expected, "processes": asked["processes"] or 0})
