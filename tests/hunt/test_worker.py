"""The worker in a real environment: it runs what comes in, says what came out, and its end is a finding."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from repro import places, targets
from repro.hunt import corpus
from repro.hunt.campaign import NEEDS
from repro.hunt.corpus import Shown, replay
from repro.hunt.search import Hunt
from repro.hunt.session import Gone, Session, session
from repro.model import TargetInfo

pytestmark = [pytest.mark.targets, pytest.mark.slow]
SPEC = "datasets==5.2.0 pyarrow==24.0.0"
MADE = ('ds = Dataset.from_dict({"c0": [1, 2]})', "got = ds[:]")


@pytest.fixture(scope="module")
def worker() -> Iterator[Session]:
    target = targets.provision(SPEC, cache=places.cache(), requires=NEEDS)
    assert isinstance(target, TargetInfo)
    with session(target) as made:
        yield made


def test_a_step_comes_back_with_its_rows_types_and_opened_files(worker: Session) -> None:
    line = 'Path("f0.bin").write_bytes(b"x"); ds = Dataset.from_dict({"c0": [1, 2]})'
    (seen,) = worker.ask(True, [(line, "got = ds[:]")])
    assert seen["rows"] == [{"c0": 1}, {"c0": 2}]
    assert seen["types"] == {"c0": ["int64", [], [], 0]}
    assert seen["opened"] == ["f0.bin"]


def test_a_program_goes_on_where_it_was_and_a_new_one_knows_nothing_of_it(worker: Session) -> None:
    worker.ask(True, [MADE])
    assert worker.ask(False, [("ds = ds.take(1)", "got = ds[:]")])[0]["rows"] == [{"c0": 1}]
    assert worker.ask(True, [("ds = ds.take(1)", "got = ds[:]")])[0]["error"]["type"] == "NameError"


def test_an_exception_ends_a_program_and_says_where_it_came_from(worker: Session) -> None:
    first, second = worker.ask(True, [MADE, ("ds = ds.select([9])", "got = ds[:]"), MADE])
    assert "error" not in first
    assert second["error"]["type"] == "IndexError"
    assert second["error"]["where"][-1].startswith("datasets/")


def test_the_end_of_the_worker_is_noticed_and_the_next_program_has_another(worker: Session) -> None:
    with pytest.raises(Gone) as gone:
        worker.ask(True, [("import os; os.abort()", "got = []")])
    assert gone.value.outcome is not None
    assert gone.value.outcome.signal == "SIGABRT"
    assert worker.ask(True, [MADE])[0]["rows"] == [{"c0": 1}, {"c0": 2}]


def test_every_program_of_the_corpus_still_shows_what_it_was_kept_for(worker: Session) -> None:
    shown = {entry.name: replay(entry, worker.ask)[0] for entry in corpus.load()}
    assert shown == {entry.name: corpus.expected(entry, "5.2.0") for entry in corpus.load()}
    assert Shown.PRESENT in shown.values()
    assert Shown.ABSENT in shown.values()


def test_a_planted_fault_is_found_from_nothing() -> None:
    """``select`` swaps the first two of its rows."""
    target = targets.provision(SPEC, cache=places.cache(), requires=NEEDS)
    assert isinstance(target, TargetInfo)
    with session(target) as made:
        hunt = Hunt(_Planted(made), seed=1, only=frozenset({"select", "take", "rename"}), shrink_s=30.0)  # type: ignore[arg-type]
        hunt.go(60.0)
    assert any(one.finding.op == "select" and one.finding.silent for one in hunt.found)


class _Planted:
    """A session whose ``select`` is broken in the worker."""

    FAULT = (
        "if not hasattr(Dataset, 'whole'):\n    Dataset.whole = Dataset.select\n"
        "    Dataset.select = lambda ds, places, **more: Dataset.whole(ds, "
        "[*list(places)[1::-1], *list(places)[2:]], **more)\n"
    )

    def __init__(self, session: Session) -> None:
        self.session = session

    def ask(self, new: bool, lines: list[tuple[str, str]]) -> list[dict[str, object]]:
        return self.session.ask(new, [(self.FAULT + lines[0][0], lines[0][1]), *lines[1:]] if new else lines)
