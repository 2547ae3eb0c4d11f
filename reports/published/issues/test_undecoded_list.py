"""push_to_hub must embed the files of a column wherever its feature stands, and whatever `decode` says."""

from collections.abc import Callable
from typing import Any

import pytest
from datasets import Image, List
from datasets.features.features import require_decoding


@pytest.mark.parametrize("decode", [True, False])
@pytest.mark.parametrize(
    "nest",
    [lambda one: one, List, lambda one: [one], lambda one: {"file": one}, lambda one: List({"file": List(one)})],
    ids=["plain", "List", "list", "struct", "nested"],
)
def test_a_feature_of_files_is_found_wherever_it_stands(nest: Callable[[Any], Any], decode: bool) -> None:
    feature = nest(Image(decode=decode))
    assert require_decoding(feature, ignore_decode_attribute=True)
    assert require_decoding(feature) is decode
