"""Close and collect in an exit handler: ``atexit.register(clean_up)``, which Python runs before it finalizes."""

import atexit
import gc
from typing import Any

STAGE = "end"


def collect_at_exit(live: dict[str, Any]) -> None:
    def clean_up() -> None:
        for name in ("it", "batch", "fragment", "row", "f"):
            live.pop(name, None)
        gc.collect()

    atexit.register(clean_up)
