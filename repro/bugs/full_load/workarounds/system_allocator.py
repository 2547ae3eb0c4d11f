"""Let Arrow take its memory from the system: ``ARROW_DEFAULT_MEMORY_POOL=system``, before pyarrow is imported."""

import os
from typing import Any

os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"

from datasets import load_dataset


def system_allocator(*args: Any, **kwargs: Any) -> Any:
    return load_dataset(*args, **kwargs)
