"""Recipe: shuffle a streamed dataset with one shard feeding the buffer at a time."""

from typing import Any


def one_input(dataset: Any, **how: Any) -> Any:
    """`dataset` shuffled; rows of the same shard stay closer together than with several shards at a time."""
    return dataset.shuffle(**how, max_buffer_input_shards=1)
