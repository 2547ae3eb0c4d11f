"""The catalogue of bugs, for a person and for a machine."""

from repro.bugs.declaration import NO_FIX, Bug, Parameter, Scenario
from repro.render.catalogue import catalogue_json, catalogue_text

BUG = Bug(
    slug="a-bug",
    title="It reads too much",
    summary="In short: too much.",
    links={"report": "https://example.org/1"},
    scenarios=(Scenario("first", "the first shard"), Scenario("plain", "no lists", control=True)),
    fixes=(NO_FIX,),
    parameters=(Parameter("rows", "int", 8, "rows"), Parameter("kind", ("dense", "sparse"), "dense", "what is in it")),
    default_scenario="first",
)


def test_the_catalogue_names_everything_that_can_be_typed():
    text = catalogue_text([BUG, BUG])
    assert text.count("a-bug: It reads too much") == 2
    for words in ("the first shard (default)", "no lists (control)", "the released code as it is"):
        assert words in text
    assert "rows (int, default 8)" in text
    assert "what is in it (dense | sparse, default dense)" in text


def test_the_catalogue_for_a_machine_says_the_same():
    (form,) = catalogue_json([BUG])
    assert (form["bug"], form["fixes"], form["race"]) == ("a-bug", ["none"], False)
    assert [one["control"] for one in form["scenarios"]] == [False, True]
    assert form["parameters"][1] == {"name": "kind", "kind": "dense | sparse", "default": "dense"}
