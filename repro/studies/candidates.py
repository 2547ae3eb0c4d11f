"""Who takes part in a comparison of fixes: upstream's newest release, and each fix in the affected one."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace

from repro import bugs
from repro.bugs.declaration import NO_FIX, ComparisonPlan, Measured, Scenario
from repro.decide.current import GATE
from repro.errors import UserError
from repro.run.question import Given, Question, limit_words, question, read_parameters, set_words
from repro.units import parse_size

UPSTREAM, AGAIN, UNFIXED = "upstream", "upstream-again", "unfixed"
"""The newest release as it is, the very same under a second name (what those two differ by is noise), and the affected
release as it is: how ``none`` is called in either environment."""

AT = "@"
"""Between a fix and the scenario that it is tried in, if that is not the one of the comparison."""
DEFAULT_SIZE = 96 << 20
"""Bytes of a shard: enough for times of some tenths of a second, and little enough for a laptop."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A fix in an environment, under the name by which it is reported."""

    name: str
    question: Question

    @property
    def plan(self) -> ComparisonPlan:
        return comparison_plan(self.question.bug.slug)

    @property
    def measured(self) -> Measured:
        return self.plan.measured

    @property
    def words(self) -> dict[str, str]:
        """What a table says of it."""
        return {"title": self.question.fix.title, "proposed_in": self.question.fix.proposed_in}

    def gate(self, cases: int | None) -> Question | None:
        """The question whether it is correct at all; ``None`` if the bug has no gate."""
        gate = self.plan.gate
        if gate is None:
            return None
        judged = replace(
            self.question.bug, folder=gate.folder, prepare=gate.prepare, oracle=gate.oracle, parameters=gate.parameters
        )
        scenario = Scenario(GATE, "random shards with a known answer")
        given = {} if cases is None else {"cases": cases}
        return replace(self.question, bug=judged, scenario=scenario, given=given)


def comparison_plan(slug: str) -> ComparisonPlan:
    """How the fixes of a bug are compared; UserError if the bug does not say."""
    plan = bugs.load(slug).comparison
    if plan is None:
        able = [other for other in bugs.slugs() if bugs.load(other).comparison]
        raise UserError(
            f"{slug} has no plan to compare its fixes: choose from {', '.join(able)}, or type 'repro run {slug}'"
        )
    return plan


def candidates(
    slug: str,
    *,
    fixes: Sequence[str] = (),
    scenario: str | None = None,
    target: str | None = None,
    newest: str | None = None,
    size: str | int | None = None,
    scale: bool = False,
    memory: str | int | None = None,
    timeout: str | float | None = None,
    parameters: Given | None = None,
) -> tuple[Candidate, ...]:
    """Upstream first, then ``fixes`` (all by default) in ``target``; ``take@shard-middle`` in another scenario.

    ``size`` is that of a shard of random bytes (``DEFAULT_SIZE`` if nothing is said of the inputs), ``scale`` takes the
    inputs of the report, and ``parameters`` come on top. UserError for every mistake in them.
    """
    plan, bug = comparison_plan(slug), bugs.load(slug)
    if scale and size is not None:
        raise UserError("--scale has the sizes of the report: leave --size out")
    read = read_parameters(bug, parameters or ())
    if size is None and not scale and not read:
        size = DEFAULT_SIZE
    given = {**(plan.scale if scale else {} if size is None else plan.shard(parse_size(size))), **read}

    def ask(fix: str, spec: str, where: str | None = scenario) -> Question:
        return question(slug, scenario=where, fix=fix, target=spec, memory=memory, timeout=timeout, parameters=given)

    scenarios = {one.name for one in bug.scenarios}
    entered = [Candidate(UPSTREAM, ask(NO_FIX.name, newest or plan.newest))]
    for word in dict.fromkeys(fixes or (fix.name for fix in bug.fixes)):
        name, _, elsewhere = word.rpartition(AT) if word.rpartition(AT)[2] in scenarios else (word, "", "")
        asked = ask(name, target or plan.target, elsewhere or scenario)
        shown = UNFIXED if asked.fix.name == NO_FIX.name else asked.fix.name
        shown += f"{AT}{elsewhere}" if elsewhere else ""
        if shown in {one.name for one in entered}:
            raise UserError(f"two fixes are called {shown!r}: rename the file of one of them")
        entered.append(Candidate(shown, asked))
    return tuple(entered)


def command(study: str, entered: Sequence[Candidate], options: Sequence[str]) -> str:
    """The shell command of a study: ``repro compare BUG --fix … --target …``. Limits are spelled out, as for a run."""
    first, rest = entered[0].question, [one.question for one in entered[1:]]
    words = ["repro", study, first.bug.slug, "--scenario", first.scenario.name]
    elsewhere = [f"{AT}{one.scenario.name}" if one.scenario != first.scenario else "" for one in rest]
    words += [word for one, at in zip(rest, elsewhere, strict=True) for word in ("--fix", f"{one.fix_word}{at}")]
    words += ["--newest", first.target, *(["--target", rest[0].target] if rest else [])]
    return shlex.join([*words, *limit_words(first.limits), *options, *set_words(first.given)])
