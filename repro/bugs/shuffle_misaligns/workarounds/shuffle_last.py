"""Recipe: put columns of a streamed dataset side by side, and shuffle the rows only then."""

from collections.abc import Callable
from typing import Any

from datasets import concatenate_datasets


def shuffle_last(stream: Any, make: Callable[[Any], Any], **how: Any) -> Any:
    """`stream` with the columns of `make(stream)` beside its own, shuffled as `how` says."""
    return concatenate_datasets([stream, make(stream)], axis=1).shuffle(**how)
