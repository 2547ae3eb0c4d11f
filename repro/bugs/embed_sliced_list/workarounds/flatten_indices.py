"""Recipe: `flatten_indices()` before embedding, which writes the rows of the shard to a table of their own."""

import pyarrow as pa
from datasets import Dataset
from datasets.table import embed_table_storage


def flatten_indices(shard: Dataset) -> pa.Table:
    """Embed a copy of `shard` that `flatten_indices` makes; it copies also where there is no indices mapping."""
    return embed_table_storage(shard.flatten_indices().with_format("arrow")[:])
