"""Which package flips the status between two targets that differ in several: delta debugging over pins. No I/O."""

from __future__ import annotations

from collections.abc import Generator, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from repro.errors import UserError
from repro.model import Status

Label = Hashable


@dataclass(frozen=True, slots=True)
class Change:
    """One package that differs; ``None`` where it is not installed."""

    package: str
    old: str | None
    new: str | None

    def __str__(self) -> str:
        return f"{self.package} {self.old or '(none)'} to {self.new or '(none)'}"


@dataclass(frozen=True, slots=True)
class AttributionResult:
    """What the mixes tried so far say.

    Attributes:
        problem: one line on why there is nothing to attribute; empty if there is.
        before: label of the old target.
        after: label of the new target.
        cause: the smallest set found that flips ``before`` to ``after``; empty until finished. Without any one of
            its members the flip was not seen.
        others: the packages that differ and are not in ``cause``.
        others_label: what changing ``others`` alone gives; ``None`` if there are none.
        inseparable: members of ``cause`` that may not be needed: the mix without them gave neither label.
        tried: number of mixes tried, both targets included.
    """

    finished: bool
    problem: str
    before: Label
    after: Label
    cause: tuple[Change, ...]
    others: tuple[Change, ...]
    others_label: Label
    inseparable: tuple[str, ...]
    tried: int

    def explain(self) -> str:
        """One sentence, such as ``going from pyarrow 24.0.0 to 25.0.0 alone flips present to absent; …``."""
        if self.problem:
            return self.problem
        if not self.finished:
            return f"not settled after {self.tried} mixes"
        together = "alone flips" if len(self.cause) == 1 else "together flips"
        sentence = f"going from {_words(map(str, self.cause))} {together} {self.before} to {self.after}"
        names = [change.package for change in self.others]
        if names and self.others_label == self.before:
            sentence += f"; {', '.join(names)} {'does' if len(names) == 1 else 'do'} not matter"
        elif names and self.others_label == self.after:
            sentence += f"; so does changing only {_words(names)}"
        elif names:
            sentence += f"; {_words(names)} not needed, but changing only that gives {self.others_label}"
        if self.inseparable:
            sentence += f"; whether {_words(self.inseparable)} must change too could not be tested"
        return sentence


class Attribution:
    """Finds the cause between two targets: ``select()`` a mix, try its ``pins()``, ``record()``, until ``None``.

    A mix is the old target with some packages, named in a set, taken from the new one. A mix that cannot be
    built or shows a third label is unknown: it counts as no flip, and is never tried again. Mixes that are already
    known may be recorded at any time.
    """

    def __init__(self, old: Mapping[str, str], new: Mapping[str, str]) -> None:
        """``old`` and ``new`` map package names to versions.

        Raises:
            UserError: if they are the same.
        """
        self._old, self._new = dict(old), dict(new)
        self.differing = tuple(sorted(n for n in {*old, *new} if old.get(n) != new.get(n)))
        if not self.differing:
            raise UserError("the two targets have the same packages: name two that differ")
        self._known: dict[frozenset[str], Label] = {}

    def pins(self, mix: Iterable[str]) -> dict[str, str]:
        """The packages and versions of a mix."""
        taken = frozenset(mix)
        names = sorted({*self._old, *self._new})
        found = {n: (self._new if n in taken else self._old).get(n) for n in names}
        return {n: version for n, version in found.items() if version is not None}

    def record(self, mix: Iterable[str], label: Label) -> None:
        """Note what a mix showed; ``ValueError`` if a package of it does not differ, or an earlier record does."""
        taken = frozenset(mix)
        if not taken <= set(self.differing):
            raise ValueError(f"not among the packages that differ: {sorted(taken - set(self.differing))}")
        if self._known.setdefault(taken, label) != label:
            raise ValueError(f"{sorted(taken)} gave {self._known[taken]} before, now {label}: not deterministic")

    def select(self) -> frozenset[str] | None:
        """The packages to take from the new target next; ``None`` when done or when there is nothing to find."""
        return None if self._problem() else self._search()[0]

    def result(self) -> AttributionResult:
        """What is known so far."""
        problem = self._problem()
        pending, cause = (None, frozenset[str]()) if problem else self._search()
        others = frozenset(self.differing) - cause if cause else frozenset[str]()
        before, after = self._known.get(frozenset()), self._known.get(frozenset(self.differing))
        return AttributionResult(
            finished=pending is None,
            problem=problem,
            before=before,
            after=after,
            cause=self._changes(cause),
            others=self._changes(others),
            others_label=self._known.get(others) if others else None,
            inseparable=tuple(p for p in sorted(cause) if self._known.get(cause - {p}) not in (before, after)),
            tried=len(self._known),
        )

    def _search(self) -> tuple[frozenset[str] | None, frozenset[str]]:
        """Replay the search over what is known: the first unknown mix, and the cause (empty until it is found)."""
        everything = frozenset(self.differing)
        for bound in (frozenset[str](), everything):
            if bound not in self._known:
                return bound, frozenset()
        after = self._known[everything]
        search = _minimise(self.differing)
        try:
            mix = next(search)
            while mix in self._known:
                mix = search.send(self._known[mix] == after)
        except StopIteration as end:
            cause: frozenset[str] = end.value
            # The cause suffices; whether the others matter is a question of its own, so ask it.
            others = everything - cause
            return (others if others and others not in self._known else None), cause
        return mix, frozenset()

    def _problem(self) -> str:
        ends = {"old": self._known.get(frozenset()), "new": self._known.get(frozenset(self.differing))}
        for name, label in ends.items():
            if label == Status.UNTESTABLE:
                return f"the {name} target is untestable: name one that can be tested"
        if ends["old"] is not None and ends["old"] == ends["new"]:
            return f"both targets are {ends['old']}: name two that differ in status"
        return ""

    def _changes(self, packages: Iterable[str]) -> tuple[Change, ...]:
        return tuple(Change(p, self._old.get(p), self._new.get(p)) for p in sorted(packages))


def _minimise(items: Sequence[str]) -> Generator[frozenset[str], bool, frozenset[str]]:
    """Zeller's ddmin: yields a set, is sent whether it flips, returns a set no single removal from which flips."""
    current, parts = list(items), 2
    while len(current) > 1:
        chunks = [current[len(current) * i // parts : len(current) * (i + 1) // parts] for i in range(parts)]
        rests = [[item for item in current if item not in chunk] for chunk in chunks]
        for chunk in chunks:
            if (yield frozenset(chunk)):
                current, parts = chunk, 2
                break
        else:
            for rest in rests:
                if (yield frozenset(rest)):
                    current, parts = rest, max(parts - 1, 2)
                    break
            else:
                if parts == len(current):
                    break
                parts = min(2 * parts, len(current))
    return frozenset(current)


def _words(items: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *most, last = items
    return f"{', '.join(most)} and {last}" if most else last
