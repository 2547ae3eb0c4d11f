"""Declares ``cast-after-filter``: a stream says it was cast, and its rows were not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from repro.bugs.declaration import NO_FIX, Bug, CodePlace, Column, Fix, FixKind, Scenario
from repro.model import Limits, Outcome

HERE = Path(__file__).parent


def _scenario(name: str, title: str, values: list[Any], *, before: str, to: str = "label", **more: Any) -> Scenario:
    inputs = {"before": before, "to": to, "all": bool(more.pop("every", False))}
    return Scenario(name, title, inputs=inputs, expected={"values": values}, **more)


def _values(outcome: Outcome) -> str:
    found = outcome.measures.get("values")
    return "" if found is None else " ".join(map(repr, found))


LABELS = [1, 0]

BUG = Bug(
    slug="cast-after-filter",
    title="cast_column() and cast() of a streamed dataset change no value after filter()",
    summary=(
        "After filter(), or map(features=…), IterableDataset.cast_column() and cast() change the features that the "
        "dataset shows, and not the rows: they come with the values and types of before, without an error. So labels "
        "stay strings, and a column cast to Image(decode=False) is still decoded."
    ),
    expected=(
        "The rows have the types that `features` shows, as they have if the same cast comes before the filter, or "
        "without one."
    ),
    cause=(
        "Types are not applied to rows of an iterable that is typed already; is_typed does not ask whether those are "
        "the same types, and after a cast they are the old ones."
    ),
    cause_at=CodePlace(
        "datasets/iterable_dataset.py",
        after=r"^class FormattedExamplesIterable",
        pattern=r"if self\.features and not self\.ex_iterable\.is_typed",
        permalink="https://github.com/huggingface/datasets/blob/{version}/src/datasets/iterable_dataset.py#L{line}",
    ),
    scenarios=(
        _scenario("filter-label", "filter(), then strings cast to ClassLabel", LABELS, before="filter"),
        _scenario("filter-cast", "the same with cast() of all columns", LABELS, before="filter", every=True),
        _scenario("map-label", "map(features=…), then strings cast to ClassLabel", LABELS, before="map-features"),
        _scenario(
            "filter-float", "filter(), then integers cast to float64", ["float"] * 2, before="filter", to="float"
        ),
        _scenario(
            "filter-undecoded",
            "filter(), then an Image column cast to decode=False",
            ["bytes"],
            before="filter",
            to="undecoded",
            needs=("pillow",),
        ),
        _scenario("label", "strings cast to ClassLabel, nothing before", LABELS, before="", control=True),
        _scenario("map-plain", "map() without features, then cast()", LABELS, before="map", every=True, control=True),
        _scenario("skip-label", "skip(0), then the cast", LABELS, before="skip", control=True),
    ),
    fixes=(
        NO_FIX,
        Fix(
            "map-between",
            FixKind.WORKAROUND,
            HERE / "workarounds" / "map_between.py",
            "a map() that changes nothing between the filter and the cast",
        ),
        Fix(
            "same-types",
            FixKind.PATCH,
            HERE / "patches" / "same_types.patch",
            "types count as applied only if they are the same",
        ),
    ),
    workaround="map-between",
    columns=(Column("values that came", _values),),
    folder=HERE,
    default_target="datasets==5.2.0 pyarrow==24.0.0",
    default_limits=Limits(timeout_s=60.0, grace_s=30.0),
)
