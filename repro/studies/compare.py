"""Compares fixes on the same work: correctness first, then trials in turns, pair by pair against upstream's newest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

from repro.errors import UserError
from repro.evidence.labels import label, label_of, of_study, open_study, study_key
from repro.evidence.store import Evidence, Store
from repro.model import FixKind, Symptom
from repro.studies.contenders import AGAIN, UPSTREAM, Contender, command
from repro.studies.interleave import interleave
from repro.studies.measured import embed_peak, embed_seconds, payload
from repro.studies.runner import Question
from repro.studies.statistics import Spread, paired_ratios, spread

KIND = "compare"
GATE, WARM_UP = "gate", "warm-up"


class Trials(Protocol):
    """What this study needs of a runner."""

    @property
    def store(self) -> Store: ...
    @property
    def stop(self) -> Any: ...
    def trial(self, question: Question) -> Evidence: ...


@dataclass(slots=True)
class Row:
    """One candidate: what the gate said, and its counted trials by round."""

    name: str
    title: str = ""
    proposed_in: str = ""
    gate: Evidence | None = None
    rounds: dict[int, Evidence] = field(default_factory=dict)

    @property
    def evidence(self) -> list[Evidence]:
        return [*([self.gate] if self.gate else []), *(self.rounds[n] for n in sorted(self.rounds))]

    @property
    def untestable(self) -> str:
        """Why it could not be tried here at all, such as a patch that does not apply; empty if it could."""
        return next((e.verdict.reason for e in self.evidence if not e.verdict.symptom.counts), "")

    @property
    def wrong(self) -> str:
        """Why it is out; empty if nothing that it embedded was wrong."""
        if self.gate is not None and self.gate.verdict.symptom.counts and not passed(self.gate):
            return self.gate.verdict.reason
        bad = [e for e in self.rounds.values() if e.verdict.symptom is Symptom.WRONG_OUTPUT]
        return bad[0].verdict.reason if bad else ""

    @property
    def raises(self) -> str:
        """What sound input it refuses with an error; empty if none was found."""
        judged = self.gate is not None and self.gate.verdict.symptom is Symptom.ERROR and passed(self.gate)
        return self.gate.verdict.reason if self.gate is not None and judged else ""

    @property
    def refused(self) -> int:
        """How many sound cases of the gate it refuses with an error."""
        kinds = ((self.gate.outcome.measures.get("gate") or {}) if self.gate else {}).get("kinds", {})
        return int(kinds.get("raised", 0))

    @property
    def healthy(self) -> bool:
        """Right, and in no trial a sign of the bug or of another failure."""
        fine = all(e.verdict.symptom.healthy for e in self.rounds.values())
        return bool(self.rounds) and fine and not self.wrong and not self.untestable

    @property
    def payload(self) -> int | None:
        return next((size for e in self.rounds.values() if (size := payload(e.outcome))), None)

    @property
    def seconds(self) -> dict[int, float]:
        """Time of the embed phase by round, of the trials that finished it."""
        found = {n: embed_seconds(e.outcome) for n, e in sorted(self.rounds.items())}
        return {n: value for n, value in found.items() if value is not None}

    @property
    def peaks(self) -> list[int]:
        """Bytes over the baseline, of the trials that finished the embed phase."""
        return [found[0] for e in self.rounds.values() if (found := embed_peak(e.outcome))]


@dataclass(frozen=True, slots=True)
class Comparison:
    """All candidates of one comparison; the first is upstream's newest release, the last the same again."""

    rows: tuple[Row, ...]

    def row(self, name: str) -> Row | None:
        return next((row for row in self.rows if row.name == name), None)

    def ratio(self, row: Row) -> Spread | None:
        """Its time over upstream's, pair by pair of the same round; ``None`` for upstream itself or without a pair."""
        reference = self.row(UPSTREAM)
        if reference is None or row.name == UPSTREAM:
            return None
        before, after = reference.seconds, row.seconds
        both = [n for n in before if n in after and before[n] > 0]
        return spread(paired_ratios([before[n] for n in both], [after[n] for n in both])) if both else None

    def refuses(self, row: Row) -> int:
        """How many sound cases of the gate it refuses with an error beyond those that upstream refuses too."""
        reference = self.row(UPSTREAM)
        return max(0, row.refused - (reference.refused if reference else 0))

    @property
    def noise(self) -> Spread | None:
        """What upstream differs by from itself."""
        again = self.row(AGAIN)
        return self.ratio(again) if again else None


def passed(gate: Evidence) -> bool:
    """Whether the gate finished and found no wrong output; errors for sound input are reported, but do not rule out."""
    return gate.outcome.done and gate.verdict.symptom in (Symptom.OK, Symptom.ERROR)


def collect(evidence: Iterable[Evidence]) -> Comparison | None:
    """The newest comparison that was kept; ``None`` if there is none. Pure."""
    rows: dict[str, tuple[int, Row]] = {}
    for one in of_study(evidence, KIND):
        mark = label_of(one)
        _, row = rows.setdefault(
            mark["candidate"], (mark["place"], Row(mark["candidate"], mark["title"], mark["proposed_in"]))
        )
        if mark["part"] == GATE:
            row.gate = one
        elif mark["part"] != WARM_UP:
            row.rounds[int(mark["part"])] = one
    return Comparison(tuple(row for _, row in sorted(rows.values(), key=lambda pair: pair[0]))) if rows else None


def steps(entered: Sequence[Contender], repetitions: int) -> int:
    """Trials of a comparison at most, for a progress bar."""
    return (len(entered) + 1) * (1 + repetitions) + len({one.question.target for one in entered})


def compare(
    runner: Trials,
    entered: Sequence[Contender],
    repetitions: int,
    *,
    cases: int | None = None,
    jobs: int = 1,
    resume: bool = False,
    seen: Callable[[], object] = int,
) -> Comparison:
    """Run each contender through the gate, ``jobs`` at a time, then those that are right in turns, one at a time.

    Before the first round each environment runs once uncounted. With ``repetitions=0`` only correctness is decided.
    With ``resume`` the trials of an interrupted comparison of the same plan are kept. ``seen`` is called after each.

    Raises:
        UserError: fewer than no repetitions, or what the runner refuses.
    """
    if repetitions < 0:
        raise UserError(f"{repetitions} repetitions make no sense: type --repetitions 3, or 0 for correctness only")
    key = study_key(*(one.identity for one in entered), str(cases))
    kept_so_far = runner.store.query(bug=entered[0].question.bug.slug) if resume else ()
    identity, known = open_study(kept_so_far, KIND, key, resume)
    done = {(label_of(e)["candidate"], label_of(e)["part"]): e for e in known}

    def one(contender: Contender, question: Question, part: str) -> Evidence:
        if (contender.name, part) in done:
            seen()
            return done[contender.name, part]
        place = len(entered) if contender.name == AGAIN else names.index(contender.name)
        mark = {"kind": KIND, "id": identity, "key": key, "candidate": contender.name, "place": place, "part": part}
        again = command("compare", [entered[0], contender], ("--repetitions", "0")) if part == GATE else None
        kept = label(runner.store, runner.trial(question), mark | contender.words, again)
        done[contender.name, part] = kept
        seen()
        return kept

    def admitted(contender: Contender) -> bool:
        question = contender.gate(cases)
        if question is None:
            return True
        verdict = one(contender, question, GATE)
        # The newest release is the yardstick whatever the gate says of it; the table names what it fails on.
        return passed(verdict) or (contender.name == UPSTREAM and verdict.verdict.symptom.counts)

    names = [contender.name for contender in entered]
    with ThreadPoolExecutor(jobs) as pool:
        try:
            fit = [c for c, right in zip(entered, pool.map(admitted, entered), strict=True) if right]
        except BaseException:
            runner.stop.set()  # Ctrl-C reaches only the main thread: the others must be told
            pool.shutdown(cancel_futures=True)
            runner.stop.clear()
            raise
    if repetitions:
        if fit and fit[0].name == UPSTREAM:
            fit.append(Contender(AGAIN, fit[0].question))
        warm: set[tuple[str, str]] = set()
        for contender in fit:
            fix = contender.question.fix
            environment = (contender.question.target, str(fix.path) if fix.kind is FixKind.PATCH else "")
            if environment not in warm:
                warm.add(environment)
                one(contender, contender.question, WARM_UP)
        by_name = {contender.name: contender for contender in fit}
        for turn in interleave(list(by_name), repetitions) if fit else ():
            one(by_name[turn.candidate], by_name[turn.candidate].question, str(turn.round))
    found = collect(done.values())
    if found is None:
        raise UserError("nothing was run: give --repetitions 1 or more for a bug without a correctness gate")
    return found
