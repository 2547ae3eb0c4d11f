"""What makes a stored trial count: a change of what decides it makes another key, a change of words does not."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from repro import bugs, hub, trial
from repro.bugs.declaration import Bug, Fix, FixKind, Prepared, Scenario
from repro.model import Limits, TargetInfo, Unsolvable
from repro.run import key
from repro.run.key import is_current, script_key, sources_key, trial_key
from repro.run.question import Question
from repro.run.scripts import MINIMAL
from tests.conftest import BUG

TARGET = TargetInfo("datasets==1", Path("python"), "3.11.7", {}, "the environment")
PREPARED = Prepared({"root": "/inputs"}, {"sha256": ["aa"]})
Edit = Callable[[str], str]


def asked(bug: Bug) -> Question:
    scenario = next(one for one in bug.scenarios if one.name == bug.default_scenario)
    return Question(bug, scenario, bug.fixes[0], "datasets==1", bug.default_limits)


class House:
    """A copy of the kit whose files may be changed: the bugs in it are loaded anew each time."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        real = Path(bugs.__file__).parents[1]
        self.kit = root / "repro"
        for room in ("bugs", "hub", "inputs", "trial"):
            shutil.copytree(real / room, self.kit / room, ignore=shutil.ignore_patterns("__pycache__"))
        monkeypatch.setattr(key, "_KIT", self.kit)
        monkeypatch.setattr(key, "_INPUTS", self.kit / "inputs")
        for package in (hub, trial):
            monkeypatch.setattr(
                package, "__file__", str(self.kit / package.__name__.rpartition(".")[2] / "__init__.py")
            )

    def edit(self, name: str, change: Edit) -> None:
        file = self.kit / name
        before = file.read_text("utf-8")
        file.write_text(change(before), "utf-8")
        assert file.read_text("utf-8") != before, "the edit did nothing"

    def sources(self, slug: str) -> str:
        key._room.cache_clear()
        bug = bugs.load(slug)
        folder = self.kit / "bugs" / slug.replace("-", "_")
        loaded = {name: self._module(folder, bug, name) for name in ("prepare", "oracle")}
        return sources_key(
            replace(
                bug,
                folder=folder,
                prepare=getattr(loaded["prepare"], bug.prepare.__name__),  # type: ignore[union-attr]
                oracle=getattr(loaded["oracle"], bug.oracle.__name__),  # type: ignore[union-attr]
            )
        )

    def _module(self, folder: Path, bug: Bug, name: str) -> ModuleType:
        """The copied file of ``prepare`` or the oracle, run under the name of the original."""
        function = getattr(bug, name)
        spec = importlib.util.spec_from_file_location(
            function.__module__, folder / Path(function.__code__.co_filename).name
        )
        assert spec is not None and spec.loader is not None
        module, kept = importlib.util.module_from_spec(spec), sys.modules[function.__module__]
        sys.modules[function.__module__] = module
        try:
            spec.loader.exec_module(module)
        finally:
            sys.modules[function.__module__] = kept
        return module


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    yield House(tmp_path, monkeypatch)
    key._room.cache_clear()


def swap(old: str, new: str) -> Edit:
    def edit(text: str) -> str:
        assert old in text, f"{old!r} is not there any more"
        return text.replace(old, new, 1)

    return edit


def append(line: str) -> Edit:
    return lambda text: f"{text}\n{line}\n"


DECIDE: list[tuple[str, str, Edit]] = [
    ("embed-sliced-list", "bugs/embed_sliced_list/probe.py", append("print('more')")),
    ("embed-sliced-list", "bugs/embed_sliced_list/oracle.py", swap("return Verdict(", "return Verdict(*(), ")),
    ("embed-sliced-list", "bugs/embed_sliced_list/prepare.py", swap("LISTED = 2000", "LISTED = 1999")),
    ("embed-sliced-list", "bugs/embed_sliced_list/selection.py", append("MORE = 1")),
    ("embed-sliced-list", "inputs/cohort.py", append("MORE = 1")),
    ("embed-sliced-list", "inputs/nifti.py", append("MORE = 1")),
    ("embed-sliced-list", "trial/supervise.py", append("MORE = 1")),
    ("exit-hang", "bugs/exit_hang/probe.py", append("print('more')")),
    ("exit-hang", "bugs/exit_hang/oracle.py", swap("READS_NOTHING = frozenset({", 'READS_NOTHING = frozenset({"x", ')),
    ("exit-hang", "bugs/exit_hang/oracle.py", swap("AT_EXIT = frozenset({", "AT_EXIT = frozenset({Symptom.HANG, ")),
    ("exit-hang", "inputs/parquet.py", append("MORE = 1")),
    ("exit-hang", "trial/classify.py", append("MORE = 1")),
    ("exit-hang", "trial/probe_tools.py", append("MORE = 1")),
    ("exit-hang", "hub/handler.py", append("MORE = 1")),
    ("embed-sliced-list", "trial/probe_tools.py", swap("O_APPEND", "O_TRUNC")),
]


@pytest.mark.parametrize(("slug", "file", "edit"), DECIDE, ids=[f"{s} {f} {n}" for n, (s, f, _) in enumerate(DECIDE)])
def test_what_decides_a_trial_makes_another_key(house: House, slug: str, file: str, edit: Edit) -> None:
    before = house.sources(slug)
    house.edit(file, edit)
    assert house.sources(slug) != before


WORDS: list[tuple[str, str, Edit]] = [
    ("embed-sliced-list", "bugs/embed_sliced_list/bug.py", swap('    title="', '    title="Another: ')),
    ("embed-sliced-list", "bugs/embed_sliced_list/claims.py", append("MORE = 1")),
    ("embed-sliced-list", "bugs/embed_sliced_list/minimal.py", append("print('more')")),
    ("embed-sliced-list", "bugs/embed_sliced_list/upstream_test.py", append("MORE = 1")),
    ("embed-sliced-list", "bugs/embed_sliced_list/probe.py", append("# a comment")),
    ("embed-sliced-list", "bugs/embed_sliced_list/oracle.py", swap('"""', '"""Other words. ')),
    ("embed-sliced-list", "inputs/parquet.py", append("MORE = 1")),
    ("exit-hang", "bugs/exit_hang/bug.py", swap('    expected="', '    expected="Otherwise: ')),
    ("exit-hang", "bugs/exit_hang/bug.py", swap("a generator over a fragment", "one generator over a fragment")),
    ("exit-hang", "bugs/exit_hang/claims.py", append("MORE = 1")),
    ("exit-hang", "bugs/exit_hang/minimal.py", append("print('more')")),
    ("exit-hang", "bugs/exit_hang/minimal_datasets.py", append("print('more')")),
    ("exit-hang", "bugs/exit_hang/upstream_test.py", append("MORE = 1")),
    ("exit-hang", "inputs/cohort.py", append("MORE = 1")),
    ("embed-sliced-list", "hub/handler.py", append("MORE = 1")),
]


@pytest.mark.parametrize(("slug", "file", "edit"), WORDS, ids=[f"{s} {f} {n}" for n, (s, f, _) in enumerate(WORDS)])
def test_words_for_readers_do_not(house: House, slug: str, file: str, edit: Edit) -> None:
    before = house.sources(slug)
    house.edit(file, edit)
    assert house.sources(slug) == before


# What was asked


def key_of(question: Question, target: TargetInfo | Unsolvable = TARGET, prepared: Prepared | None = PREPARED) -> str:
    return trial_key(question, target, prepared)


def test_whatever_is_asked_is_part_of_the_key(tmp_path: Path) -> None:
    question = asked(bugs.load("exit-hang"))
    workaround = tmp_path / "idea.py"
    workaround.write_text("def idea(): ...\n")
    tried = replace(question, fix=Fix("idea", FixKind.WORKAROUND, workaround))
    limits = question.limits
    keys = [
        key_of(question),
        key_of(replace(question, limits=replace(limits, grace_s=limits.grace_s / 2))),
        key_of(replace(question, limits=replace(limits, timeout_s=limits.timeout_s + 1))),
        key_of(replace(question, limits=replace(limits, memory_bytes=123 << 20))),
        key_of(replace(question, scenario=Scenario("another", ""))),
        key_of(replace(question, given={"rows": 7})),
        key_of(question, replace(TARGET, key="another environment")),
        key_of(question, prepared=replace(PREPARED, inputs={"root": "/elsewhere"})),
        key_of(question, prepared=replace(PREPARED, expected={"sha256": ["bb"]})),
        key_of(tried),
    ]
    workaround.write_text("def idea(): return 1\n")
    keys.append(key_of(tried))
    assert len(set(keys)) == len(keys)
    assert {one.partition("-")[0] for one in keys} == {sources_key(question.bug)}


def test_what_only_describes_is_not_part_of_the_key() -> None:
    question = asked(bugs.load("exit-hang"))
    said = replace(question, scenario=replace(question.scenario, title="other words"))
    summed = Prepared(PREPARED.inputs, PREPARED.expected, {"rows": "many"})
    assert key_of(said) == key_of(question) == key_of(question, prepared=summed)
    assert key_of(replace(question, bug=replace(question.bug, title="x", claims=(), links={}))) == key_of(question)
    assert key_of(replace(question, target="datasets")) == key_of(question), "the resolved environment counts"


def test_an_impossible_environment_is_known_by_its_reason() -> None:
    question = asked(bugs.load("exit-hang"))
    none, other = (key_of(question, Unsolvable("datasets==9", why), None) for why in ("no such release", "no wheel"))
    assert none != other


def test_a_trial_is_current_while_its_sources_are() -> None:
    bug = bugs.load("exit-hang")
    assert is_current(key_of(asked(bug)), sources_key(bug))
    assert not is_current(key_of(asked(bug)), sources_key(bugs.load("embed-sliced-list")))
    assert not is_current("", sources_key(bug)), "evidence from before the hash was kept"


# A bug of one's own: one self-contained bug.py


OWN = (
    BUG.format(memory=None, race=False)
    .replace("def judge(", 'import re\nPATTERN = re.compile("one")\nUNUSED = re.compile("one")\n\ndef judge(')
    .replace("    assert outcome", "    PATTERN.search('')\n    assert outcome")
)


def own(folder: Path, source: str, monkeypatch: pytest.MonkeyPatch) -> str:
    (folder / "made_up").mkdir(exist_ok=True)
    (folder / "made_up" / "bug.py").write_text(source)
    (folder / "made_up" / "probe.py").write_text("print(1)\n")
    monkeypatch.setenv("REPRO_BUGS", str(folder))
    return sources_key(bugs.load("made-up"))


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ('PATTERN = re.compile("one")', 'PATTERN = re.compile("two")', False),
        ("Symptom.WRONG_OUTPUT, False", "Symptom.WRONG_OUTPUT, True", False),
        ('{"wanted": parameters["rows"]}', '{"wanted": 9}', False),
        ('UNUSED = re.compile("one")', 'UNUSED = re.compile("two")', True),
        ('title="Made up for a test"', 'title="Other words"', True),
        ('"the usual"', '"the very usual"', True),
        ("def judge(", "# a comment\ndef judge(", True),
    ],
)
def test_of_a_bug_of_ones_own_what_prepare_and_oracle_reach_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, same: bool
) -> None:
    assert old in OWN
    before = own(tmp_path, OWN, monkeypatch)
    assert (own(tmp_path, OWN.replace(old, new, 1), monkeypatch) == before) is same


def test_an_oracle_that_is_a_lambda_counts_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = OWN.replace("oracle=judge", "oracle=lambda *seen: Verdict(Symptom.OK, False, LEAST)")
    keys = [own(tmp_path, f'LEAST = "{word}"\n{source}', monkeypatch) for word in ("one", "two", "two")]
    assert keys[0] != keys[1] == keys[2]
    assert own(tmp_path, f'LEAST = "two"\n{source.replace("False, LEAST", "True, LEAST")}', monkeypatch) != keys[1]


def test_a_module_beside_the_probe_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own(tmp_path, OWN, monkeypatch)
    (tmp_path / "made_up" / "probe.py").write_text("import helper\n")
    keys = []
    for word in ("x = 1\n", "x = 2\n"):
        (tmp_path / "made_up" / "helper.py").write_text(word)
        keys.append(sources_key(bugs.load("made-up")))
    assert keys[0] != keys[1]


# The scripts of an issue


def test_a_script_is_known_by_its_text_its_environment_and_its_limits(tmp_path: Path) -> None:
    script, bug = tmp_path / "minimal.py", bugs.load("exit-hang")
    question = replace(asked(bug), scenario=Scenario(MINIMAL, ""))
    script.write_text("print(1)\n")
    keys = [
        script_key(script, question, TARGET),
        script_key(script, replace(question, limits=Limits(1 << 30, 9.0, 9.0)), TARGET),
        script_key(script, question, replace(TARGET, key="another environment")),
        script_key(script, question, Unsolvable("x", "no such release")),
    ]
    script.write_text("print(2)\n")
    keys.append(script_key(script, question, TARGET))
    assert len(set(keys)) == len(keys)
