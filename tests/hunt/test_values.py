"""Types and values: every integer stands for one, and what is written is read back."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from repro.hunt.values import Type, cell, content, decode, embedded, encode, file_bytes, paths, type_of

CODES = st.integers(0, 20_000)
LENGTHS = st.integers(0, 3)
MEDIUM = Type("Nifti")
FILE = {"bytes": None, "path": "sub/f1.bin"}


@given(CODES, LENGTHS)
def test_every_integer_is_a_type_that_survives_its_form(code: int, length: int) -> None:
    kind = type_of(code, length)
    assert Type.from_form(json.loads(json.dumps(kind.to_form()))) == kind
    assert compile(kind.source, "type", "eval")


@given(CODES, st.integers(0, 511), LENGTHS)
def test_every_value_survives_json_and_its_own_source(code: int, shape: int, length: int) -> None:
    value = cell(type_of(code, length), shape, 3, length)
    assert decode(json.loads(json.dumps(encode(value)))) == value


def test_nought_is_the_simplest_type_and_a_plain_value() -> None:
    assert type_of(0, 2) == Type("int64")
    assert cell(Type("int64"), 0, 7, 2) == 7


def test_the_shape_of_a_cell_says_null_empty_longer_or_null_inside() -> None:
    kind = Type("list", (Type("int64"),))
    shapes: dict[int, Any] = {0: [0, 1], 3: [], 4: None, 5: [0], 6: [0, 1, 2], 7: [None, 1]}
    assert {shape: cell(kind, shape, 0, 2) for shape in shapes} == shapes


def test_a_fixed_list_keeps_its_length_in_every_shape() -> None:
    kind = Type("fixed", (Type("int64"),), size=2)
    found = [cell(kind, shape, 0, 3) for shape in range(8)]
    assert {len(one) for one in found if one is not None} == {2}


def test_a_medium_is_what_it_holds_wherever_that_is_kept() -> None:
    inside = embedded(MEDIUM, FILE)
    assert inside == {"bytes": file_bytes("f1.bin"), "path": "f1.bin"}
    assert content(MEDIUM, FILE, inside=False) == content(MEDIUM, inside, inside=True)
    assert content(MEDIUM, FILE, inside=True) is None
    assert list(paths(MEDIUM, FILE)) == ["f1.bin"]
    assert list(paths(MEDIUM, inside)) == []
    assert list(paths(MEDIUM, inside, beside_bytes=True)) == ["f1.bin"]


def test_files_are_found_at_every_depth() -> None:
    kind = Type("struct", (Type("list", (MEDIUM,)),), ("a",))
    assert list(paths(kind, {"a": [FILE, None]})) == ["f1.bin"]
    assert embedded(kind, {"a": [FILE]})["a"][0]["bytes"] == b"f1.bin"
