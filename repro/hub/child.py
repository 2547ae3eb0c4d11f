"""A Hub in a process of its own, for the time of one trial."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from repro.errors import EnvironmentFault
from repro.hub import CLIENT_ENVIRONMENT

ROOT = Path(__file__).parents[2]
PATIENCE_S = 20.0


class Child:
    """A running Hub. It ends with ``close``, and by itself when this process is gone.

    ``more`` is added to its environment: the mark by which a leftover of a killed kit is found. ``tree`` holds the
    repositories that are there from the start.
    """

    def __init__(self, folder: Path, faults: Sequence[str], more: Mapping[str, str], tree: Path | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "repro.hub", str(folder), str(tree or ""), *faults],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C at the terminal is for the kit, which then closes it
            env={**os.environ, **more, "PYTHONPATH": str(ROOT)},
        )
        self._seen: dict[str, Any] | None = None
        assert self._process.stdout is not None
        self.address = self._process.stdout.readline().decode().strip()
        if not self.address:
            self.close()
            raise EnvironmentFault("the loopback Hub did not start: try 'repro hub' to see why")

    @property
    def environment(self) -> dict[str, str]:
        """What makes a client talk to this Hub and to nobody else.

        It is the client's proxy for all other addresses too, and refuses those: no name is looked up, no other address
        opened, and each attempt is in the record. (``datasets`` asks ``datasets-server.`` + the host of the endpoint,
        so the exception is written as a network, which no name ends with.)
        """
        proxies = {"http_proxy": self.address, "https_proxy": self.address, "no_proxy": "127.0.0.1/32"}
        return {**CLIENT_ENVIRONMENT, "HF_ENDPOINT": self.address, **proxies}

    def close(self) -> dict[str, Any] | None:
        """End it; what it saw, or ``None`` if it was killed before. May be called again."""
        if self._process.returncode is None:
            try:
                said, _ = self._process.communicate(timeout=PATIENCE_S)
                self._seen = json.loads(said)
            except (ValueError, subprocess.TimeoutExpired):
                self._process.kill()
                self._process.communicate()
        return self._seen
