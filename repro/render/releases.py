"""Sentences that follow from matrices, walks and attributions, and from nothing else. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from repro.rates import Rate
from repro.render.bisect import ShownBisection, ShownCause, bisection_sentences
from repro.render.matrix import ShownMatrix, cell_words, question_words, target_words
from repro.studies.bisect import Tried
from repro.studies.matrix import Cell


def sentences(found: Iterable[ShownMatrix | ShownBisection | ShownCause]) -> Iterator[str]:
    """What each study says, in the order given."""
    for one in found:
        if isinstance(one, ShownMatrix):
            yield from _cells(one.cells)
        elif isinstance(one, ShownBisection):
            yield from (f"{_subject(one.found.tried)}: {said}" for said in bisection_sentences(one.found))
        else:
            yield f"{_subject(one.cause.tried)}: {one.sentence}"


def _subject(tried: Sequence[Tried]) -> str:
    """Bug and scenario of what was tried."""
    return f"{tried[0].run.worst.bug}, {tried[0].run.worst.scenario}"


def _cells(cells: Iterable[Cell]) -> Iterator[str]:
    """A sentence a question: what it shows where."""
    questions: dict[str, list[Cell]] = {}
    for cell in cells:
        questions.setdefault(question_words(cell, bug=True), []).append(cell)
    for question, members in questions.items():
        shown: dict[str, list[str]] = {}
        for cell in members:
            shown.setdefault(cell_words(cell.run), []).append(target_words(cell))
        yield f"{question}: " + "; ".join(f"{words} with {' | '.join(where)}" for words, where in shown.items())
        yield from _doubts(members)


def _doubts(cells: Iterable[Cell]) -> Iterator[str]:
    """What a race that was not seen in a few trials may still be."""
    for cell in cells:
        counted = [e.verdict for e in cell.run.evidence if e.verdict.informative]
        if cell.question.bug.race and counted and not any(v.is_bug for v in counted):
            most = Rate(0, len(counted)).high
            yield (
                f"with {target_words(cell)} that is a race not seen in {len(counted)} trials: "
                f"it may still show in up to {100 * most:.0f} % (95 %)"
            )
