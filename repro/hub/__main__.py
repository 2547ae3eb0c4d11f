"""``python -m repro.hub FOLDER TREE [FAULT …]``: a Hub for one trial; ends when its standard input does.

TREE holds the repositories that are there from the start; empty for none.
The first line of its output is the address, the rest is the record of what it saw, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from repro.hub.faults import parse
from repro.hub.server import serving
from repro.hub.state import Hub


async def main(folder: str, tree: str, *faults: str) -> None:
    """Serve until nobody holds the other end of the input any more."""
    hub = Hub(Path(folder), [parse(text) for text in faults], Path(tree) if tree else None)
    async with serving(hub) as address:
        print(address, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)
    print(json.dumps(hub.record.to_json()), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
