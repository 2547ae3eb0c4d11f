"""From words to a question and back: every mistake is one line, and the command asks the same again."""

import errno
import shlex
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repro.bugs.declaration import Parameter
from repro.errors import UserError, usable_paths
from repro.run import question as ask
from tests.conftest import made_up_bug

words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)


@pytest.fixture(scope="module", autouse=True)
def made_up(tmp_path_factory: pytest.TempPathFactory):
    """The bug ``made-up`` of the shared fixtures, for the whole module: nothing is run here."""
    folder = tmp_path_factory.mktemp("bugs")
    made_up_bug(folder, "")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REPRO_BUGS", str(folder))
        yield folder


def asked(**given_words: Any):
    return ask.question("made-up", **given_words)


def test_what_is_not_said_is_the_default_of_the_bug():
    question = asked()
    assert (question.scenario.name, question.fix.name, question.target) == ("plain", "none", "tiny==1.0")
    assert question.limits == question.bug.default_limits
    assert question.given == {}
    assert question.parameters["rows"] == 3


def test_values_are_read_as_their_kind_says():
    words = ("rows=8", "size=64KiB", "share=0.25", "fast=yes", "name=a=b", "kind=sparse")
    expected = {"rows": 8, "size": 65536, "share": 0.25, "fast": True, "name": "a=b", "kind": "sparse"}
    assert asked(parameters=words).given == expected


def test_a_notebook_may_give_a_mapping_in_which_none_is_not_given():
    assert asked(parameters={"rows": 8, "fast": False, "name": None}).given == {"rows": 8, "fast": False}


def test_limits_are_read_and_the_grace_never_exceeds_the_timeout():
    limits = asked(memory="2GiB", timeout="2s").limits
    assert (limits.memory_bytes, limits.timeout_s, limits.grace_s) == (2 << 30, 2.0, 2.0)
    assert asked(timeout="1h").limits.grace_s == 5.0
    assert asked(memory="none").limits.memory_bytes is None


MISTAKES = [
    ({"scenario": "plane"}, "unknown scenario 'plane'. Did you mean 'plain'? Choose from: other, plain"),
    ({"scenario": ""}, "unknown scenario ''. Choose from: other, plain"),
    ({"fix": "nome"}, "unknown fix 'nome'. Did you mean 'none'? Choose from: none"),
    ({"fix": ""}, "unknown fix ''. Choose from: none"),
    ({"parameters": ["rwos=3"]}, "unknown parameter 'rwos'. Did you mean 'rows'?"),
    ({"parameters": ["rows"]}, "--set 'rows' has no value: write --set rows="),
    ({"parameters": ["rows=many"]}, "rows='many' is not of the kind int: write rows=3"),
    ({"parameters": ["share=half"]}, "share='half' is not of the kind float: write share=0.5"),
    ({"parameters": ["fast=perhaps"]}, "fast='perhaps' is not of the kind bool: write fast=true or false"),
    ({"parameters": ["size=64K"]}, "size '64K' can mean two things: write KiB"),
    ({"parameters": ["kind=dence"]}, "unknown value of kind 'dence'. Did you mean 'dense'? Choose from: dense, sparse"),
    ({"memory": "2GX"}, "size '2GX' has no known unit: write it like 2GiB"),
    ({"memory": "1MiB"}, "a cap of 1MiB is below what an interpreter needs (32MiB): give a larger --memory"),
    ({"timeout": "soon"}, "duration 'soon' is not a positive number with a unit: write it like 120s"),
    ({"timeout": "0s"}, "duration '0s' is not between 1 ms and 366 days"),
    ({"target": "tiny=1.0"}, "cannot read 'tiny=1.0' in the target; write it like: datasets==5.1.0"),
    ({"target": ""}, "the target is empty; write 'latest'"),
    ({"target": "'tiny"}, "has an unclosed quote"),
    ({"fix": "~nobody-of-that-name/x.patch"}, "there is no such user here"),
    ({"fix": f"{'x' * 5000}.patch"}, "File name too long"),
]


@pytest.mark.parametrize(("given_words", "message"), MISTAKES, ids=[message[:40] for _, message in MISTAKES])
def test_a_mistake_is_one_line_that_says_what_to_type(given_words, message):
    with pytest.raises(UserError) as raised:
        asked(**given_words)
    line = str(raised.value)
    assert message in line
    assert "\n" not in line and len(line) < 300


def test_an_unknown_bug_names_all_bugs():
    with pytest.raises(
        UserError, match=r"unknown bug 'made-upp'\. Did you mean 'made-up'\? Choose from: .*embed-sliced"
    ):
        ask.question("made-upp")


def test_only_what_a_person_can_mend_becomes_a_message():
    with pytest.raises(UserError, match=r"cannot use 'x' .*: give another path"), usable_paths():
        raise OSError(errno.ENAMETOOLONG, "File name too long", "x")
    for fault in (OSError(errno.EIO, "Input/output error"), RuntimeError("dictionary changed size"), KeyError("x")):
        with pytest.raises(type(fault)), usable_paths():
            raise fault


@given(
    st.sampled_from([*("scenario", "fix", "target", "memory", "timeout"), "parameters"]),
    words
    | st.sampled_from(
        ["~", "~x/a.py", "/", ".", "1e9", "-1", "∞", "nan", "2GiB", "9" * 400, "./two\nlines.patch", "two\nlines"]
    ),
)
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_word_whatever_gives_anything_but_a_question_or_a_message(option, text):
    values = [[f"{name}={text}"] for name in ("rows", "size", "share", "fast", "kind", text or "x")]
    for value in values if option == "parameters" else [text]:
        try:
            asked(**{option: value})
        except UserError as mistake:
            assert str(mistake)


_scalars = {
    "rows": st.integers(-(10**9), 10**9),
    "size": st.integers(1, 2**50),
    "share": st.floats(allow_nan=False, allow_infinity=False),
    "fast": st.booleans(),
    "name": words.filter(lambda text: text == text.strip()),
    "kind": st.sampled_from(["dense", "sparse"]),
}


@given(
    st.fixed_dictionaries({}, optional=_scalars),
    st.sampled_from(["plain", "other"]),
    st.sampled_from([None, "32MiB", "1.5GB", "123456789", "none"]),
    st.sampled_from([None, "1ms", "2.5s", "90m"]),
    st.sampled_from([None, "latest", "tiny==1.0 python==3.12"]),
)
def test_the_command_of_a_question_asks_the_same_question(values, scenario, memory, timeout, target):
    question = asked(scenario=scenario, memory=memory, timeout=timeout, target=target, parameters=values)
    repro, run, bug, *options = shlex.split(question.command(memray=True, trials=7))
    assert (repro, run, bug) == ("repro", "run", "made-up")
    assert options[-1] == "--memray"
    pairs = list(zip(options[:-1:2], options[1:-1:2], strict=True))
    plain = {name.removeprefix("--"): value for name, value in pairs if name != "--set"}
    assert plain.pop("trials") == "7"
    again = asked(**plain, parameters=[value for name, value in pairs if name == "--set"])
    assert (again.scenario, again.fix, again.target, again.given) == (
        *(question.scenario, question.fix, question.target, question.given),
    )
    assert (again.limits.memory_bytes, again.limits.timeout_s) == (
        *(question.limits.memory_bytes, question.limits.timeout_s),
    )


def test_every_kind_has_a_reader():
    for kind in ("int", "float", "size", "bool", "str"):
        assert ask.read_parameter(Parameter("x", kind, None, ""), "1") is not None


def test_a_file_is_named_by_its_path_in_the_command(tmp_path):
    workaround = tmp_path / "idea.py"
    workaround.write_text("def idea(shard):\n    return shard\n")
    assert f"--fix {workaround}" in asked(fix=str(workaround)).command()
