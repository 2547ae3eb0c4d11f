"""Compares fixes on the same work: correctness first, then trials in turns, pair by pair against upstream's newest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from repro.bugs.declaration import ComparisonPlan, FixKind, Measured
from repro.decide.current import GATE
from repro.decide.facts import passed
from repro.decide.interleave import interleave
from repro.decide.spread import Spread, paired_ratios, spread
from repro.errors import UserError
from repro.evidence.labels import label_of, of_study, open_study, study_key
from repro.evidence.record import Evidence
from repro.model import Symptom
from repro.run.cache import Step, Trials, no_step
from repro.run.pool import Budget, Job, in_order
from repro.run.question import Question
from repro.studies import measured
from repro.studies.candidates import AGAIN, UPSTREAM, Candidate, command

KIND = "compare"
WARM_UP = "warm-up"
ROUNDS_ENOUGH = 5
"""So many rounds are needed to print a ratio: of one pair it says nothing."""


@dataclass(slots=True)
class Row:
    """One candidate: what the gate said, and its counted trials by round."""

    name: str
    measured: Measured
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
        return next((e.verdict.reason for e in self.evidence if not e.verdict.informative), "")

    @property
    def wrong(self) -> str:
        """Why it is out; empty if nothing that it embedded was wrong."""
        if self.gate is not None and self.gate.verdict.informative and not passed(self.gate):
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
        return next((size for e in self.rounds.values() if (size := measured.payload(e.outcome, self.measured))), None)

    @property
    def seconds(self) -> dict[int, float]:
        """Time of the measured phase by round, of the trials that finished it."""
        found = {n: measured.seconds(e.outcome, self.measured) for n, e in sorted(self.rounds.items())}
        return {n: value for n, value in found.items() if value is not None}

    @property
    def peaks(self) -> list[int]:
        """Bytes over the baseline, of the trials that finished the measured phase."""
        found = (measured.peak(e.outcome, self.measured) for e in self.rounds.values())
        return [value for value in found if value is not None]


@dataclass(frozen=True, slots=True)
class Comparison:
    """All candidates of one comparison; the first is upstream's newest release, the last the same again."""

    rows: tuple[Row, ...]

    def row(self, name: str) -> Row | None:
        return next((row for row in self.rows if row.name == name), None)

    def ratio(self, row: Row) -> Spread | None:
        """Its time over upstream's, pair by pair of the same round; ``None`` for upstream and with too few pairs."""
        reference = self.row(UPSTREAM)
        if reference is None or row.name == UPSTREAM:
            return None
        ratios = paired_ratios(reference.seconds, row.seconds)
        return spread(ratios) if len(ratios) >= ROUNDS_ENOUGH else None

    def refuses(self, row: Row) -> int:
        """How many sound cases of the gate it refuses with an error beyond those that upstream refuses too."""
        reference = self.row(UPSTREAM)
        return max(0, row.refused - (reference.refused if reference else 0))

    @property
    def noise(self) -> Spread | None:
        """What upstream differs by from itself."""
        again = self.row(AGAIN)
        return self.ratio(again) if again else None


def collect(evidence: Iterable[Evidence], plan: ComparisonPlan | None) -> Comparison | None:
    """The newest comparison that was kept; ``None`` if there is none, or the bug has no plan for one. Pure."""
    if plan is None:
        return None
    rows: dict[str, tuple[int, Row]] = {}
    for one in of_study(evidence, KIND):
        mark = label_of(one)
        new = Row(mark["candidate"], plan.measured, mark["title"], mark["proposed_in"])
        _, row = rows.setdefault(mark["candidate"], (mark["place"], new))
        if mark["part"] == GATE:
            row.gate = one
        elif mark["part"] != WARM_UP:
            row.rounds[int(mark["part"])] = one
    return Comparison(tuple(row for _, row in sorted(rows.values(), key=lambda pair: pair[0]))) if rows else None


def steps(entered: Sequence[Candidate], repetitions: int) -> int:
    """Trials of a comparison at most, for a progress bar."""
    return (len(entered) + 1) * (1 + repetitions) + len({one.question.target for one in entered})


def compare(
    runner: Trials,
    entered: Sequence[Candidate],
    repetitions: int,
    *,
    cases: int | None = None,
    jobs: int = 1,
    resume: bool = False,
    on_step: Step = no_step,
) -> Comparison:
    """Run each candidate through the gate, ``jobs`` at a time, then those that are right in turns, one at a time.

    Before the first round each environment runs once uncounted. With ``repetitions=0`` only correctness is decided.
    With ``resume`` the trials of an interrupted comparison of the same plan are kept. ``on_step`` is called after each.

    Raises:
        UserError: fewer than no repetitions, or what the runner refuses.
    """
    if repetitions < 0:
        raise UserError(f"{repetitions} repetitions make no sense: type --repetitions 3, or 0 for correctness only")
    key = study_key(*(f"{one.name} {runner.key(one.question)}" for one in entered), str(cases))
    kept_so_far = runner.store.query(bug=entered[0].question.bug.slug) if resume else ()
    identity, known = open_study(kept_so_far, KIND, key, resume)
    done = {(label_of(e)["candidate"], label_of(e)["part"]): e for e in known}

    def one(candidate: Candidate, question: Question, part: str) -> Evidence:
        if (candidate.name, part) in done:
            on_step()
            return done[candidate.name, part]
        place = len(entered) if candidate.name == AGAIN else names.index(candidate.name)
        mark = {"kind": KIND, "id": identity, "key": key, "candidate": candidate.name, "place": place, "part": part}
        again = command("compare", [entered[0], candidate], ("--repetitions", "0")) if part == GATE else None
        kept = runner.trial(question, label=mark | candidate.words, reproduce=again)
        done[candidate.name, part] = kept
        on_step()
        return kept

    def admitted(candidate: Candidate) -> bool:
        question = candidate.gate(cases)
        if question is None:
            return True
        verdict = one(candidate, question, GATE)
        # The newest release is the yardstick whatever the gate says of it; the table names what it fails on.
        return passed(verdict) or (candidate.name == UPSTREAM and verdict.verdict.informative)

    names = [candidate.name for candidate in entered]
    work = [Job(partial(admitted, candidate)) for candidate in entered]
    right = in_order(work, Budget.of_machine(slots=jobs), runner.stop)
    fit = [candidate for candidate, fine in zip(entered, right, strict=True) if fine]
    if repetitions:
        if fit and fit[0].name == UPSTREAM:
            fit.append(Candidate(AGAIN, fit[0].question))
        warm: set[tuple[str, str]] = set()
        for candidate in fit:
            fix = candidate.question.fix
            environment = (candidate.question.target, str(fix.path) if fix.kind is FixKind.PATCH else "")
            if environment not in warm:
                warm.add(environment)
                one(candidate, candidate.question, WARM_UP)
        by_name = {candidate.name: candidate for candidate in fit}
        for turn in interleave(list(by_name), repetitions) if fit else ():
            one(by_name[turn.candidate], by_name[turn.candidate].question, str(turn.round))
    found = collect(done.values(), entered[0].plan)
    if found is None:
        raise UserError("nothing was run: give --repetitions 1 or more for a bug without a correctness gate")
    return found
