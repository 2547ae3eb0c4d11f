"""Recipe: the number of shards from the real sizes of the files (huggingface/datasets#5386)."""

from pathlib import Path

import pyarrow as pa
from datasets import Dataset


def num_shards(dataset: Dataset, max_shard_bytes: int = 500_000_000) -> int:
    """Shards of `max_shard_bytes` on average, for `dataset.push_to_hub(…, num_shards=num_shards(dataset))`.

    One `stat` a file: nothing is opened or decoded. Raises FileNotFoundError for a file that is not on this machine.
    """

    def external(array: pa.Array) -> int:
        kind = array.type
        if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
            return external(array.flatten())
        if not pa.types.is_struct(kind):
            return 0
        children = dict(zip((field.name for field in kind), array.flatten(), strict=True))
        if set(children) != {"bytes", "path"}:
            return sum(external(child) for child in children.values())
        paths = children["path"].filter(children["bytes"].is_null()).drop_null()
        return sum(Path(path).stat().st_size for path in paths.to_pylist())

    total = 0
    for table in dataset.with_format("arrow").iter(batch_size=1000):
        total += table.nbytes + sum(external(chunk) for column in table.columns for chunk in column.chunks)
    return total // max_shard_bytes + 1
