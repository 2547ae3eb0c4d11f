"""The language of targets."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.errors import UserError
from repro.targets.spec import Spec, parse

NAMES = st.sampled_from(["datasets", "pyarrow", "huggingface-hub", "nibabel", "python-dateutil", "latest-thing"])
VERSIONS = st.lists(st.integers(0, 99), min_size=1, max_size=3).map(lambda parts: ".".join(map(str, parts)))
CLAUSES = st.builds("{}{}".format, st.sampled_from(["==", ">=", "<", "!=", "~=1."]), VERSIONS)
PINS = st.dictionaries(NAMES, st.lists(CLAUSES, max_size=2, unique=True), max_size=3)
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
FOLDERS = st.builds(lambda lead, rest: lead + rest, st.sampled_from(["./", "/", "~/"]), TEXT).filter(
    lambda path: not path.endswith(".whl")
)
WHEELS = FOLDERS.map(lambda folder: f"{folder}/x-1.0-py3-none-any.whl")
PYTHONS = st.none() | VERSIONS.map("python=={}".format) | FOLDERS.map("python:{}".format)


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    tokens = [name + ",".join(clauses) for name, clauses in draw(PINS).items()]
    tokens += draw(st.lists(FOLDERS | WHEELS, max_size=2))
    tokens += [python] if (python := draw(PYTHONS)) else []
    tokens += draw(st.sampled_from([["latest"], []])) if tokens else ["latest"]
    return parse(shlex.join(draw(st.permutations(tokens))))


@given(specs())
def test_the_canonical_text_of_a_spec_reads_back_as_the_same_spec(spec: Spec) -> None:
    assert parse(str(spec)) == spec


@given(st.text())
def test_any_text_is_a_spec_or_a_clear_error(text: str) -> None:
    try:
        spec = parse(text)
    except UserError as error:
        assert "\n" not in str(error)
    else:
        assert parse(str(spec)) == spec


def test_the_usual_spec_is_its_own_canonical_text() -> None:
    text = "datasets==5.1.0 pyarrow==24.0.0"
    assert str(parse(text)) == text
    assert str(parse("pyarrow>=22,<23")) == "pyarrow<23,>=22"
    assert parse(text).requirements == ("datasets==5.1.0", "pyarrow==24.0.0")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("pyarrow==24.0.0 datasets==5.1.0", "datasets==5.1.0  pyarrow==24.0.0"),
        ("python=3.12", "latest python==3.12"),
        ("huggingface_hub==1.0", "huggingface-hub==1.0"),
        ("pyarrow<23,>=22", "pyarrow>=22,<23"),
        ("datasets==5.1.0 datasets==5.1.0", "datasets==5.1.0"),
    ],
)
def test_two_ways_to_say_the_same_are_the_same_spec(one: str, other: str) -> None:
    assert parse(one) == parse(other)


def test_each_kind_of_token_lands_in_its_own_place() -> None:
    spec = parse("datasets ./a/x-1.0-py3-none-any.whl dist/y-1.0-py3-none-any.whl '~/my checkout' . python:/opt/p")
    assert spec.requirements == ("datasets",)
    assert spec.wheels == ("./a/x-1.0-py3-none-any.whl", "dist/y-1.0-py3-none-any.whl")
    assert spec.checkouts == (".", "~/my checkout")
    assert spec.python == "/opt/p"
    assert not spec.python_is_version


@pytest.mark.parametrize(
    ("text", "pinned"),
    [
        ("datasets==5.1.0", True),
        ("datasets==5.1.0 pyarrow==24.0.0 python==3.12", True),
        ("./checkout", True),
        ("datasets===5.1.0", True),
        ("datasets==5.1.0 pyarrow", False),
        ("datasets==5.1.0 pyarrow>=22", False),
        ("datasets==5.1.*", False),
        ("latest datasets==5.1.0", False),
        ("python==3.12", False),
    ],
)
def test_a_spec_is_pinned_when_it_leaves_nothing_that_it_names_open(text: str, pinned: bool) -> None:
    assert parse(text).pinned is pinned


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "write 'latest'"),
        ("datasets >= 5", "no spaces inside"),
        ("datasets=5.1.0", "datasets==5.1.0"),
        ("==5.1.0", "datasets==5.1.0"),
        ("python", "python==3.12 or python:/path/to/python"),
        ("python>=3.12", "python==3.12"),
        ("python==three", "python==3.12"),
        ("python:3.12", "python==3.12"),
        ("python==3.13 python==3.12", "more than one python (3.12, 3.13); keep one"),
        ("datasets==5 datasets==6", "datasets is named twice"),
        ("datasets@git+https://example.org/x", "clone it"),
        ("'datasets;python_version<\"4\"'", "no marker"),
        ("./strange.whl", "not named like a wheel"),
        ("'./open", "unclosed quote"),
    ],
)
def test_a_malformed_token_is_answered_with_what_to_type(text: str, says: str) -> None:
    with pytest.raises(UserError, match=r"^[^\n]+$") as caught:
        parse(text)
    assert says in str(caught.value)
