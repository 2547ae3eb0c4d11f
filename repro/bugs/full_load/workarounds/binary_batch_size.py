"""Lower both defaults: that of columns with bytes, and that of all others."""

from typing import Any

import datasets


def binary_batch_size(*args: Any, **kwargs: Any) -> Any:
    datasets.config.DEFAULT_MAX_BATCH_SIZE = 1
    datasets.config.ARROW_RECORD_BATCH_SIZE_FOR_BINARY_DATASETS = 1
    return datasets.load_dataset(*args, **kwargs)
