"""Embed files of more than 2 GiB together, or do one of two things with Arrow that reports name beside it.

Run as ``python probe.py REQUEST.json EVENTS.jsonl`` in the environment under test::

    inputs.do     "embed" | "cast" (a slice of a binary array) | "dictionary" (4,000 rows of one value of 1 MiB)
    inputs.rows   of "embed": the paths of the files of each row
    inputs.plain  of "embed": one file a row in a plain column, in place of a column of lists
    fix_path      of "embed": a workaround ``name(shard) -> pyarrow.Table``

Measured: of "embed" the ``lengths`` of the embedded values in their order, their Arrow type ``stored_as``, and the
memory held before it and the peak; of "cast" what came out, first of variable, then of fixed width; of "dictionary"
the rows in the file. An exception is let go. Nothing is judged here.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from probe_tools import (
    INPUTS,
    forget_peak,
    main,
    measure,
    peak,
    phase,
    resident,
    started,
    unsupported,
    workaround,
)

PACKAGES = ("datasets", "pyarrow", "numpy")


def build(rows: list[list[str]], plain: bool) -> Any:
    """The dataset as the reports build theirs: paths, then a cast to the file feature."""
    import datasets
    from datasets import Dataset, Features, Sequence, Value

    nifti = getattr(datasets, "Nifti", None) or unsupported("this datasets has no Nifti feature (4.4.0 brought it)")
    text, files = (Value("string"), nifti()) if plain else (Sequence(Value("string")), Sequence(nifti()))
    data = {"row": list(range(len(rows))), "images": [row[0] if plain else row for row in rows]}
    number = Value("int64")
    made = Dataset.from_dict(data, features=Features({"row": number, "images": text}))
    return made.cast(Features({"row": number, "images": files}))


def released_embed(shard: Any) -> Any:
    """What ``push_to_hub`` does with each batch of a shard."""
    from datasets.table import embed_table_storage

    return embed_table_storage(shard.with_format("arrow")[:])


def embed() -> None:
    import pyarrow.compute as pc

    dataset, call = build(INPUTS["rows"], INPUTS["plain"]), workaround(released_embed)
    forget_peak()  # importing may have needed more
    measure(before_bytes=resident())
    phase("embed")
    table = call(dataset)
    measure(peak_bytes=peak())
    phase("verify")
    values = [chunk if INPUTS["plain"] else chunk.flatten() for chunk in table["images"].chunks]
    found = [value.field("bytes") for value in values]
    lengths = [length for one in found for length in pc.binary_length(one).to_pylist()]
    measure(lengths=lengths, stored_as=sorted({str(one.type) for one in found}))


def cast() -> None:
    letters = [b"a", b"b", b"c"]
    measure(variable=[one.decode() for one in pa.array(letters).slice(1).cast(pa.large_binary()).to_pylist()])
    phase("fixed width")
    measure(fixed=[one.decode() for one in pa.array(letters, pa.binary(1)).slice(1).cast(pa.binary()).to_pylist()])


def dictionary() -> None:
    import pyarrow.parquet as pq

    rows = 4000
    values = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["x" * (1 << 20)]))
    phase("write")
    pq.write_table(pa.table({"strings": values}), "written.parquet")
    measure(rows=pq.read_metadata("written.parquet").num_rows)


def run() -> None:
    if INPUTS["do"] == "embed":
        import datasets  # noqa: F401  # a broken one is a broken environment, and no failure of the bug
    started(*PACKAGES)
    {"embed": embed, "cast": cast, "dictionary": dictionary}[INPUTS["do"]]()


main(run)
