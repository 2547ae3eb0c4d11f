"""Write each row as it comes: ``load_dataset(…, writer_batch_size=1)``."""

from typing import Any

from datasets import load_dataset


def writer_batch_size(*args: Any, **kwargs: Any) -> Any:
    return load_dataset(*args, writer_batch_size=1, **kwargs)
