"""Close the generator before the script ends: ``it.close()``."""

from typing import Any

STAGE = "end"


def close_generator(live: dict[str, Any]) -> str | None:
    if not hasattr(live.get("it"), "close"):
        return "no generator is alive at the end"
    live["it"].close()
    return None
