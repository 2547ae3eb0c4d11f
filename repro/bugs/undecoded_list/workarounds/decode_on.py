"""Recipe: set decode=True in every feature of files before the upload, so that push_to_hub embeds them."""

import copy
from typing import Any

from datasets import Features


def decode_on(dataset: Any) -> Any:
    """`dataset` (a Dataset or IterableDataset with known features) with decode=True for all its files.

    Upload the result in place of `dataset`. No file is read or decoded here.
    """
    features = copy.deepcopy(dataset.features)
    waiting = list(features.values())
    while waiting:
        feature = waiting.pop()
        if hasattr(feature, "decode_example"):
            feature.decode = True
        elif isinstance(feature, dict):
            waiting += feature.values()
        elif isinstance(feature, (list, tuple)):
            waiting += feature
        elif hasattr(feature, "feature"):  # List, LargeList, Sequence
            waiting.append(feature.feature)
    return dataset.cast(Features(features))
