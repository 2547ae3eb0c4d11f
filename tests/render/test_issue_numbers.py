"""Every number of an issue text is of the evidence, counted or rounded from it, or stands in the bug's own words."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from repro import bugs
from repro.bugs.declaration import Bug
from repro.decide.answers import Answer
from repro.decide.facts import Facts
from repro.evidence.record import Evidence
from repro.evidence.store import Store
from repro.model import Limits, Status
from repro.rates import Rate
from repro.render.issue import LIMIT, issue_text
from repro.report.issues import attached
from repro.units import about, format_size
from tests.render.reported import EMBED, EXIT, embed_evidence, exit_evidence, exit_minimal, race

COMMITTED = Path(__file__).resolve().parents[2] / "reports" / "published"
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
OWN = {"95", "12,000"}
"""Of the text itself: intervals hold 95 %."""


def numbers(text: str) -> set[str]:
    return set(NUMBER.findall(text))


def shown(text: str) -> Iterator[tuple[str, str]]:
    """Head and body of each part of a text, without code, addresses, comments and what a study compared."""
    text = re.sub(r"(?s)^```python.*?^```|<!--.*?-->", "", text, flags=re.MULTILINE)
    text = re.sub(r"\]\([^)]*\)", "]", text)
    first, *folded = text.split("<details>")
    yield "the first screen", first
    for part in folded:
        head = re.search("<summary>(.*)</summary>", part)
        assert head is not None
        if not head[1].startswith("What the fixes cost"):
            yield head[1], part


def declared(bug: Bug) -> str:
    words = [bug.title, bug.summary, bug.expected, bug.cause, *bug.links]
    words += [word for scenario in bug.scenarios for word in (scenario.name, scenario.title)]
    return " ".join([*words, *(word for fix in bug.fixes for word in (fix.name, fix.title, fix.proposed_in))])


def answers(facts: Facts) -> list[Answer]:
    named = [(scenario.name, fix.name) for scenario in facts.bug.scenarios for fix in facts.bug.fixes]
    return [answer for scenario, fix in named for answer in facts.answers(scenario, fix)]


def counted(facts: Facts) -> Iterator[str]:
    """What may be counted: trials of an answer, by symptom, with its rate; releases of a range; answers of a status."""
    for answer in answers(facts):
        yield from (str(answer.rate), answer.rate.words(race=True), answer.symptoms)
    for axis in facts.axes:
        yield from (str(len(run)) for run in axis.runs)
    known = [one for s in facts.bug.scenarios if (one := facts.situation(s.name)) is not None]
    yield from map(str, Counter(one.status for one in known).values())
    yield str(len(facts.trials))


def measured(one: Evidence) -> Iterator[str]:
    """What is rounded for reading, of one trial."""
    outcome, limits = one.outcome, one.limits
    yield from (f"{outcome.wall_s:.1f}", f"{outcome.wall_s:.0f}")
    yield format_size(limits.memory_bytes) if limits.memory_bytes else ""


def raw(evidence: Iterable[Evidence]) -> str:
    """Of each trial what it was, measured, printed and was judged: no timeline, no addresses in stacks."""
    kept: list[Any] = []
    for one in evidence:
        outcome = one.outcome
        said = [outcome.stdout_tail, outcome.stderr_tail, outcome.exit_code, dict(outcome.measures), outcome.signal]
        kept += [dict(one.target), one.verdict.reason, said, dict(one.provenance)]
    return json.dumps(kept, default=str, ensure_ascii=False)


def untraced(facts: Facts, text: str) -> dict[str, set[str]]:
    """By part, the numbers that come from nowhere."""
    known = numbers(" ".join([declared(facts.bug), raw(facts.evidence), *counted(facts)])) | OWN
    known |= {n for one in facts.evidence for words in measured(one) for n in numbers(words)}
    found = {}
    for head, body in shown(text):
        extra = set()
        if head.startswith("Memory") and facts.failure is not None:
            samples, cap = facts.failure.outcome.timeline, facts.failure.limits.memory_bytes or 0
            values = [about(s.rss_bytes) for s in samples] + [f"{s.t:.1f}" for s in samples]
            values += [f"{n / (1 << 20):.0f}" for n in (cap, *(s.rss_bytes for s in samples))]
            top = max(cap, *(s.rss_bytes for s in samples)) * 1.05
            extra = numbers(" ".join([*values, f"{top / (1 << 20):.0f}", "0"]))
        if head.startswith(("Hang", "Crash")):
            stacks = " ".join(s.text for one in facts.evidence for s in one.outcome.stacks)
            extra = numbers(stacks) | {str(n) for n in range(60)}  # frames and threads that were left out
        if missing := numbers(f"{head} {body}") - known - extra:
            found[head] = missing
    return found


def text_of(facts: Facts, project: str) -> str:
    return issue_text(facts, attached(facts.bug, project), project=project, limit=LIMIT).text


def published(slug: str) -> Facts:
    evidence = list(Store(COMMITTED).query(bug=slug))
    if not evidence:
        pytest.skip("nothing is published")
    return Facts.of(bugs.load(slug), evidence)


MADE = {
    "embed": lambda: Facts.of(EMBED, embed_evidence()),
    "exit": lambda: Facts.of(EXIT, [*exit_evidence(), *race(fix="os-exit", n=35), exit_minimal()]),
    "published embed": lambda: published("embed-sliced-list"),
    "published exit": lambda: published("exit-hang"),
}


@pytest.mark.parametrize("project", ["datasets", "arrow"])
@pytest.mark.parametrize("name", MADE)
def test_every_number_is_of_the_evidence(name, project):
    facts = MADE[name]()
    assert untraced(facts, text_of(facts, project)) == {}


def test_a_number_that_nothing_measured_is_found():
    facts = MADE["embed"]()
    text = text_of(facts, "datasets")
    for old, new in (
        ("(2 tested)", "(29 tested)"),
        ("after 7.2 s", "after 7.3 s"),
        ("helps: not seen in 1", "helps: not seen in 77"),
    ):
        assert old in text and untraced(facts, text.replace(old, new)), new


def other(one: Evidence) -> Evidence:
    """The same trial with every number of it changed."""

    def changed(value: Any) -> Any:
        if isinstance(value, str):
            return NUMBER.sub(lambda found: f"7{found[0]}", value)
        if isinstance(value, int):
            return value * 7 + 900
        if isinstance(value, dict):
            return {k: changed(v) for k, v in value.items()}
        return value

    outcome = one.outcome
    measures = {name: n * 7 + 900 if isinstance(n, int) else n for name, n in outcome.measures.items()}
    samples = tuple(replace(s, t=s.t * 3, rss_bytes=s.rss_bytes // 3) for s in outcome.timeline)
    limits = Limits((one.limits.memory_bytes or 0) * 3 or None, 77.0, 7.0)
    more = {"wall_s": 77.7, "measures": measures, "timeline": samples, "stdout_tail": changed(outcome.stdout_tail)}
    return replace(
        one,
        target=changed(dict(one.target)),
        limits=limits,
        outcome=replace(outcome, **more),
        verdict=replace(one.verdict, reason=changed(one.verdict.reason)),
    )


def test_of_another_evidence_no_number_stays_but_those_of_the_bugs_own_words_and_of_counting():
    before, after = embed_evidence(), [other(one) for one in embed_evidence()]
    facts = Facts.of(replace(EMBED, default_limits=after[0].limits), after)
    stays = {head.split(":")[0]: numbers(body) for head, body in shown(text_of(facts, "datasets"))}
    for head, body in shown(text_of(Facts.of(EMBED, before), "datasets")):
        kept = numbers(body) & stays[head.split(":")[0]]
        free = numbers(" ".join([declared(EMBED), *counted(facts)])) | OWN | {"0", "86", "64"}  # the machine's x86_64
        assert kept - free == set(), head


def test_the_rates_are_those_of_the_one_rule():
    text = text_of(MADE["exit"](), "arrow")
    assert str(Rate(15, 20)) in text and Rate(0, 20).words(race=True) in text
    assert Rate(0, 35).status(race=True) is Status.ABSENT and f"helps: {Rate(0, 35).words(race=True)}" in text
