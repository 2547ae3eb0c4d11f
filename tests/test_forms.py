"""JSON to dataclass and back: what is written is read; what is wrong is refused by its place; nothing is guessed."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.forms import from_json, to_json


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


@dataclass(frozen=True, slots=True)
class Point:
    at: float
    name: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    points: tuple[Point, ...]
    pairs: tuple[tuple[float, str], ...]
    colour: Colour
    frame: Point
    tags: Mapping[str, str | int | float | bool | None]
    anything: Mapping[str, Any]
    count: int | None = None
    border: Colour | None = None
    plain: bool = False


FORM: dict[str, Any] = {
    "points": [{"at": 1, "name": "a"}],
    "pairs": [[0.5, "half"]],
    "colour": "red",
    "frame": {"at": 2.5, "name": ""},
    "tags": {"x": 1, "y": None},
    "anything": {"deep": [1, {"er": "x"}]},
    "count": 3,
    "border": "green",
    "plain": True,
}

_number = st.floats(allow_nan=False, allow_infinity=False)
_point = st.builds(Point, _number, st.text())
_drawing = st.builds(
    Drawing,
    st.lists(_point, max_size=3).map(tuple),
    st.lists(st.tuples(_number, st.text()), max_size=3).map(tuple),
    st.sampled_from(Colour),
    _point,
    st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | _number | st.text(), max_size=3),
    st.dictionaries(st.text(), st.lists(st.integers(), max_size=2), max_size=2),
    st.none() | st.integers(),
    st.none() | st.sampled_from(Colour),
    st.booleans(),
)


@given(_drawing)
def test_what_is_written_is_read_back(drawing):
    assert from_json(Drawing, json.loads(json.dumps(to_json(drawing), allow_nan=False))) == drawing


def test_a_form_is_read_as_it_stands():
    read = from_json(Drawing, FORM)
    assert read.points == (Point(1.0, "a"),)
    assert (read.colour, read.border) == (Colour.RED, Colour.GREEN)
    assert to_json(read) == FORM


def test_entries_with_a_default_may_be_missing():
    read = from_json(Drawing, {name: FORM[name] for name in ("points", "pairs", "colour", "frame", "tags", "anything")})
    assert (read.count, read.border, read.plain) == (None, None, False)


def test_what_json_lacks_becomes_text():
    values = {"ratio": math.nan, "most": (math.inf, -math.inf), "file": Path("a/b"), "colour": Colour.RED, "n": 1.5}
    assert to_json(values) == {"ratio": "nan", "most": ["inf", "-inf"], "file": "a/b", "colour": "red", "n": 1.5}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"count": "3"}, "count is str, not int or null"),
        ({"count": True}, "count is bool, not int or null"),
        ({"count": 3.0}, "count is float, not int or null"),
        ({"plain": 1}, "plain is int, not bool"),
        ({"frame": {"at": True}}, "frame.at is bool, not float"),
        ({"frame": {"at": 1, "name": None}}, "frame.name is NoneType, not str"),
        ({"frame": {}}, "frame.at is missing"),
        ({"frame": {"at": 1, "b": 1, "a": 1}}, "frame has unknown entries: 'a', 'b'"),
        ({"frame": "at"}, "frame is str, not an object"),
        ({"points": {}}, "points is dict, not a list"),
        ({"points": ""}, "points is str, not a list"),
        ({"points": [{"at": 1}, {"at": "x"}]}, "points[1].at is str, not float"),
        ({"pairs": [[1.0]]}, "pairs[0] has 1 items, not 2"),
        ({"pairs": [[1.0, "x", "y"]]}, "pairs[0] has 3 items, not 2"),
        ({"pairs": ["ab"]}, "pairs[0] is str, not a list"),
        ({"tags": []}, "tags is list, not an object"),
        ({"tags": {"x": [1]}}, "tags['x'] is list, not bool or float or int or null or str"),
        ({"colour": "rde"}, "colour has an unknown colour 'rde'. Did you mean 'red'? Choose from: green, red"),
        ({"colour": None}, "colour has an unknown colour 'None'. Choose from: green, red"),
        ({"border": 1}, "border has an unknown colour '1'. Choose from: green, red"),
        ({"anything": 1}, "anything is int, not an object"),
        ({"more": "a\nline"}, "has unknown entries: 'more'"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(change, complaint):
    with pytest.raises(ValueError, match=r".") as caught:
        from_json(Drawing, FORM | change)
    assert str(caught.value) == complaint


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_no_form_of_something_else_raises_anything_but_a_value_error_of_one_line(data):
    for form in (data, *({**FORM, name: data} for name in FORM)):
        try:
            from_json(Drawing, form)
        except ValueError as error:
            assert "\n" not in str(error)


def test_the_help_of_the_command_does_not_wait_for_it():
    command = [sys.executable, "-X", "importtime", "-m", "repro", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "| repro.cli" in done.stderr.replace("  ", "")
    assert "cattrs" not in done.stderr
