"""Recipe: embed a list column one file at a time, in rows whose list holds that one file."""

import pyarrow as pa
import pyarrow.compute as pc
from datasets import Dataset
from datasets.table import embed_table_storage


def one_file_a_row(shard: Dataset, column: str = "images") -> pa.Table:
    """Embed `shard` with a row for each file of `column`, the other columns repeated. A file over 2 GiB still fails."""
    arrow = shard.with_format("arrow")
    place = arrow.column_names.index(column)
    pieces = []
    for row in range(len(arrow)):
        one = arrow[row : row + 1]
        files = pc.list_value_length(one[column])[0].as_py() or 0
        for item in range(max(files, 1)):  # a row without files stays
            cut = pc.list_slice(one[column], item, item + 1).cast(one.schema.field(column).type)
            pieces.append(embed_table_storage(one.set_column(place, one.schema.field(column), cut)))
    return pa.concat_tables(pieces)
