"""Cast a column of a streamed dataset after another operation, and report the values, or their types, that come.

``python probe.py REQUEST.json EVENTS.jsonl``; ``inputs.before`` is the operation before the cast, ``inputs.to`` what is
cast ("label", "float", "undecoded"), ``inputs.all`` whether by cast() of all columns. A workaround is called as
``name(dataset) -> dataset`` between the two. Nothing is judged here.
"""

from __future__ import annotations

import os
from typing import Any

from probe_tools import INPUTS, REQUEST, main, measure, started, workaround

os.environ["HF_HOME"] = REQUEST["scratch"]  # read on import

from datasets import ClassLabel, Dataset, Features, Image, Value


def png() -> bytes:
    import io

    from PIL import Image as Picture

    out = io.BytesIO()
    Picture.new("L", (2, 2)).save(out, "PNG")
    return out.getvalue()


def given() -> tuple[Dataset, Any]:
    """The rows, and the type that their column is cast to."""
    match INPUTS["to"]:
        case "float":
            return Dataset.from_dict({"x": [1, 2]}), Value("float64")
        case "undecoded":
            rows = {"x": [{"bytes": png(), "path": None}]}
            return Dataset.from_dict(rows, features=Features({"x": Image()})), Image(decode=False)
        case _:
            return Dataset.from_dict({"x": ["cat", "dog"]}), ClassLabel(names=["dog", "cat"])


def shown(value: Any) -> Any:
    """A label as it is; of a number its type; of an image whether it was decoded."""
    if INPUTS["to"] == "label":
        return value
    return "bytes" if isinstance(value, dict) and value["bytes"] == png() else type(value).__name__


def run() -> None:
    started("datasets", "pyarrow", "pillow", "fsspec")
    rows, feature = given()
    stream: Any = rows.to_iterable_dataset()
    match INPUTS["before"]:
        case "filter":
            stream = stream.filter(lambda row: True)
        case "map":
            stream = stream.map(lambda row: row)
        case "map-features":
            stream = stream.map(lambda row: row, features=rows.features)
        case "skip":
            stream = stream.skip(0)
    stream = workaround(lambda dataset: dataset)(stream)
    cast = stream.cast(Features({"x": feature})) if INPUTS["all"] else stream.cast_column("x", feature)
    measure(values=[shown(row["x"]) for row in cast])


main(run)
