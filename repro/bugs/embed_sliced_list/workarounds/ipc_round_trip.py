"""Recipe: send the shard through Arrow's IPC format before embedding, which writes only what a slice shows."""

import pyarrow as pa
from datasets import Dataset
from datasets.table import embed_table_storage


def ipc_round_trip(shard: Dataset) -> pa.Table:
    """Embed a copy of `shard` that was written to an IPC stream in memory and read back."""
    table = shard.with_format("arrow")[:]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return embed_table_storage(pa.ipc.open_stream(sink.getvalue()).read_all())
