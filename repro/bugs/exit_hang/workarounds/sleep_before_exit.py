"""Wait a second for the readers to finish: ``time.sleep(1)``. It makes the race rarer and cannot end it."""

import time
from typing import Any

STAGE = "end"


def sleep_before_exit(live: dict[str, Any]) -> None:
    time.sleep(1)
