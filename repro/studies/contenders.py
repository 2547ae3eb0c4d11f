"""Who takes part in a comparison of fixes: upstream's newest release, and each fix in the affected one."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from repro import bugs
from repro.errors import UserError
from repro.model import NO_FIX, Scalar, Scenario, Tournament
from repro.studies import ask
from repro.studies.ask import reproduce_command
from repro.studies.runner import Question
from repro.units import format_duration, format_size, parse_size

UPSTREAM, AGAIN, UNFIXED = "upstream", "upstream-again", "unfixed"
"""The newest release as it is, the very same under a second name (what those two differ by is noise), and the affected
release as it is: how ``none`` is called in either environment."""

GATE_SCENARIO = "gate"
DEFAULT_SIZE = 96 << 20
"""Bytes of a shard: enough for times of some tenths of a second, and little enough for a laptop."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A fix in an environment, under the name by which it is reported."""

    name: str
    question: Question

    @property
    def words(self) -> dict[str, str]:
        """What a table says of it."""
        return {"title": self.question.fix.title, "proposed_in": self.question.fix.proposed_in}

    def gate(self, cases: int | None) -> Question | None:
        """The question whether it is correct at all; ``None`` if the bug has no gate."""
        bug = self.question.bug
        gate = bug.tournament.gate if bug.tournament else None
        if gate is None:
            return None
        judged = replace(bug, folder=gate.folder, prepare=gate.prepare, oracle=gate.oracle, parameters=gate.parameters)
        scenario = Scenario(GATE_SCENARIO, "random shards with a known answer")
        given = {} if cases is None else {"cases": cases}
        return replace(self.question, bug=judged, scenario=scenario, given=given)

    @property
    def identity(self) -> str:
        """The same for the same contender in another run."""
        return f"{self.name}: {reproduce_command(self.question)}"


def tournament(slug: str) -> Tournament:
    """How the fixes of a bug are tried; UserError if the bug does not say."""
    bug = bugs.load(slug)
    if bug.tournament is None:
        able = [other for other in bugs.slugs() if bugs.load(other).tournament]
        raise UserError(f"{slug} has no tournament of fixes: choose from {', '.join(able)}, or type 'repro run {slug}'")
    return bug.tournament


def contenders(
    slug: str,
    *,
    fixes: Sequence[str] = (),
    target: str | None = None,
    newest: str | None = None,
    size: str | int | None = None,
    scale: bool = False,
    parameters: Iterable[str] | Mapping[str, Scalar] = (),
    **asked: Any,
) -> tuple[Contender, ...]:
    """Upstream first, then ``fixes`` (all by default) in ``target``.

    ``size`` is that of a shard of random bytes (``DEFAULT_SIZE`` if nothing is said of the inputs), ``scale`` takes the
    inputs of the report, and ``parameters`` come on top. UserError for every mistake in them.
    """
    plan, bug = tournament(slug), bugs.load(slug)
    if scale and size is not None:
        raise UserError("--scale has the sizes of the report: leave --size out")
    read = ask.read_parameters(bug, parameters)
    if size is None and not scale and not read:
        size = DEFAULT_SIZE
    given = {**(plan.scale if scale else {} if size is None else plan.shard(parse_size(size))), **read}
    names = list(dict.fromkeys(fixes or (fix.name for fix in bug.fixes)))

    def question(fix: str, spec: str) -> Question:
        return ask.question(slug, fix=fix, target=spec, parameters=given, **asked)

    entered = [Contender(UPSTREAM, question(NO_FIX.name, newest or plan.newest))]
    for name in names:
        asked_for = question(name, target or plan.target)
        shown = UNFIXED if asked_for.fix.name == NO_FIX.name else asked_for.fix.name
        if shown in {one.name for one in entered}:
            raise UserError(f"two fixes are called {shown!r}: rename the file of one of them")
        entered.append(Contender(shown, asked_for))
    return tuple(entered)


def command(study: str, entered: Sequence[Contender], options: Sequence[str]) -> str:
    """The shell command of a study: ``repro compare BUG --fix … --target …``. Limits are spelled out, as for a run."""
    first, rest = entered[0].question, [one.question for one in entered[1:]]
    known = {fix.name for fix in first.bug.fixes}
    words = ["repro", study, first.bug.slug, "--scenario", first.scenario.name]
    for one in rest:
        words += ["--fix", one.fix.name if one.fix.name in known else str(one.fix.path)]
    memory = "none" if first.limits.memory_bytes is None else format_size(first.limits.memory_bytes)
    words += ["--newest", first.target, *(["--target", rest[0].target] if rest else []), "--memory", memory]
    words += ["--timeout", format_duration(first.limits.timeout_s), *options]
    words += [word for name, value in first.given.items() for word in ("--set", f"{name}={value}")]
    return shlex.join(words)
