"""Declares ``removed-substring``: remove_columns("image_id") of a stream forgets the column "image", too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from repro.bugs.declaration import NO_FIX, Bug, CodePlace, Column, Fix, FixKind, Scenario
from repro.model import Limits, Outcome

HERE = Path(__file__).parent


def _scenario(name: str, title: str, remove: str | list[str], left: list[str], **more: Any) -> Scenario:
    return Scenario(name, title, inputs={"remove": remove}, expected={"columns": left}, **more)


def _columns(outcome: Outcome) -> str:
    found = outcome.measures.get("columns")
    return "" if found is None else " ".join(found) or "none"


BUG = Bug(
    slug="removed-substring",
    title='IterableDataset.remove_columns("image_id") also forgets the column "image"',
    summary=(
        "remove_columns(name) of a streamed dataset, called with one name, takes every column out of `features` and "
        "`column_names` whose name is a part of that name. The rows still hold it, until something goes by the "
        "features: joined with another dataset (axis=1) the column is gone from the rows too, without an error."
    ),
    expected="Only the column of that name is removed, as with a list of one name.",
    cause=(
        "`col in column_names` is meant for a list of names; column_names may be one string, and then `in` looks for a "
        "part of that string."
    ),
    cause_at=CodePlace(
        "datasets/iterable_dataset.py",
        after=r"def remove_columns",
        pattern=r"if col in column_names",
        permalink="https://github.com/huggingface/datasets/blob/{version}/src/datasets/iterable_dataset.py#L{line}",
    ),
    links={"fix, open": "https://github.com/huggingface/datasets/pull/8384"},
    scenarios=(
        _scenario("joined", "the columns of the rows, after another dataset is put beside it", "image_id", ["image"]),
        _scenario("names", "column_names", "image_id", ["image"]),
        _scenario("as-list", "column_names, the name given in a list", ["image_id"], ["image"], control=True),
        _scenario("joined-list", "the same as joined, the name given in a list", ["image_id"], ["image"], control=True),
        _scenario("other-name", "column_names after the shorter name is removed", "image", ["image_id"], control=True),
    ),
    fixes=(
        NO_FIX,
        Fix(
            "as-list",
            FixKind.WORKAROUND,
            HERE / "workarounds" / "as_list.py",
            "remove_columns([name])",
        ),
        Fix("one-name", FixKind.PATCH, HERE / "patches" / "one_name.patch", "one name is made a list of one name"),
    ),
    workaround="as-list",
    columns=(Column("columns left", _columns),),
    folder=HERE,
    default_target="datasets==5.2.0 pyarrow==24.0.0",
    default_limits=Limits(timeout_s=60.0, grace_s=30.0),
)
