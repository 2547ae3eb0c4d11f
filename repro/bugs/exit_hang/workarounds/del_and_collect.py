"""Drop every reference and collect before the script ends: ``del it, batch, fragment, f`` and ``gc.collect()``."""

import gc
from typing import Any

STAGE = "end"


def del_and_collect(live: dict[str, Any]) -> None:
    for name in ("it", "batch", "fragment", "row", "f"):
        live.pop(name, None)
    gc.collect()
