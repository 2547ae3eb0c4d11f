"""The page that shows it all, self-contained, and its twin in Markdown. Pure: evidence in, text out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from repro.bugs.declaration import Bug
from repro.decide.answers import Answer, Proof
from repro.decide.claims import Chapter
from repro.decide.current import is_trial
from repro.decide.facts import Facts
from repro.evidence.record import Evidence
from repro.model import Status
from repro.render.claims import counts, evidence_names
from repro.render.picture import picture
from repro.render.ranges import everywhere
from repro.render.tables import Table
from repro.render.words import counted, plain, status_words, target_words

if TYPE_CHECKING:
    from jinja2 import Template

TITLE = "Bugs of Hugging Face datasets and PyArrow, reproduced"
_MARKS = {
    Status.PRESENT: "✗",
    Status.ABSENT: "✓",
    Status.DIFFERENT_FAILURE: "!",
    Status.UNSETTLED: "?",
    Status.UNTESTABLE: "–",
}


@dataclass(frozen=True, slots=True)
class ShownRelease:
    """One box of a strip: a mark and words, so that colour is never needed."""

    version: str
    status: str
    mark: str
    words: str


@dataclass(frozen=True, slots=True)
class Strip:
    """The releases of a package, oldest first; ``note`` says in which situation, if not in the bug's own."""

    package: str
    note: str
    releases: tuple[ShownRelease, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """What the page says of one bug. ``links`` are (label, address) pairs, relative to the page; ``figure`` is HTML."""

    slug: str
    title: str
    verdict: str
    summary: str
    cause: str
    strips: tuple[Strip, ...]
    workaround: str
    safety: str
    code: str
    proof: str
    figure: str
    left_out: tuple[str, ...]
    links: tuple[tuple[str, str], ...]


def entry(facts: Facts, code: str, links: Sequence[tuple[str, str]]) -> Entry:
    """The entry of a bug; ``code`` is the text of its workaround, empty if it has none."""
    bug = facts.bug
    workaround = next((fix.title for fix in bug.fixes if fix.name == bug.workaround), "")
    proof = facts.proof(target_words) if code else Proof("", "")
    return Entry(
        bug.slug, bug.title, verdict(facts), bug.summary, bug.cause, _strips(facts), plain(workaround), proof.title,
        code, proof.words, picture(facts), facts.chosen.left_out, tuple(links),
    )  # fmt: skip


def verdict(facts: Facts) -> str:
    """In which releases the bug is, in ranges: each release under what its trials support, and under nothing else."""
    if not facts.releases:
        return f"Not measured yet: run repro run {facts.bug.slug}."
    said = plain(everywhere(facts))
    return f"Affected: {said}" if facts.with_status(Status.PRESENT) else f"{said[0].upper()}{said[1:]}"


def _strips(facts: Facts) -> tuple[Strip, ...]:
    """A strip for each package of which more than one release was tried; for the first in any case."""
    titles = {scenario.name: plain(scenario.title) for scenario in facts.bug.scenarios}
    titles[facts.bug.default_scenario] = "the same situation"
    first, *rest = facts.axes
    shown = [first] * bool(first.releases) + [axis for axis in rest if len(axis.releases) > 1]
    return tuple(
        Strip(
            axis.package,
            "" if axis is first else f"beside an affected {first.package}: {titles[axis.scenario]}",
            tuple(_release(facts.bug, release) for release in axis.releases),
        )
        for axis in shown
    )


def _release(bug: Bug, release: Answer) -> ShownRelease:
    status = release.status
    settled = status in (Status.ABSENT, Status.PRESENT, Status.UNSETTLED)
    rate = f", {release.rate.words(race=True)}" if bug.race and settled else ""
    words = release.rate.words(race=True) if status is Status.UNSETTLED else f"{status_words(status)}{rate}"
    return ShownRelease(release.version, status.value, _MARKS[status], words)


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("repro.render", "templates")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=False, lstrip_blocks=False
    )
    return environment.get_template("page.html.j2")


def page(entries: Sequence[Entry], chapters: Sequence[Chapter], evidence: Sequence[Evidence], matrix: str = "") -> str:
    """The page as one HTML file that asks for nothing else. ``matrix`` is Markdown; no HTML in it is let through."""
    from markupsafe import Markup

    trials = [e for e in evidence if is_trial(e)]
    return _template().render(
        title=TITLE,
        bugs=[(one, Markup(one.figure), _chapter(chapters, one.slug)) for one in entries],
        matrix=Markup(_html(matrix)) if matrix else "",
        newest=_day(trials),
        trials=len(trials),
        claims=_sums(chapters),
        others=[_shown(chapter) for chapter in chapters if chapter.slug not in {one.slug for one in entries}],
    )


def _chapter(chapters: Sequence[Chapter], slug: str) -> Mapping[str, Any] | None:
    """The claims about one bug."""
    return next((_shown(chapter) for chapter in chapters if chapter.slug == slug), None)


def _shown(chapter: Chapter) -> Mapping[str, Any]:
    return {"title": chapter.title, "sums": _sums([chapter]), "rows": _rows(chapter)}


def _sums(chapters: Sequence[Chapter]) -> str:
    """``35 claims: 20 confirmed, 15 refuted``."""
    found = counts(chapters)
    return f"{counted(sum(n for _, n in found), 'claim')}: {', '.join(f'{n} {verdict}' for verdict, n in found)}"


def _html(markdown: str) -> str:
    import mistune

    return str(mistune.create_markdown(escape=True, plugins=["table"])(markdown))


def _day(trials: Sequence[Evidence]) -> str:
    """The day of the newest trial, from its id, as ``2026-11-21``."""
    newest = max((e.id for e in trials), default="")
    return f"{newest[:4]}-{newest[4:6]}-{newest[6:8]}" if newest else ""


def _rows(chapter: Chapter) -> list[Mapping[str, Any]]:
    rows: list[Mapping[str, Any]] = []
    for judged in chapter.judged:
        names = evidence_names(chapter, judged.finding.evidence)
        rows.append(
            {
                "text": judged.claim.text,
                "source": judged.claim.source,
                "verdict": judged.finding.verdict.value,
                "measured": judged.finding.measured,
                "evidence": [(name.rsplit("-", 1)[-1].removesuffix(".json"), name) for name in names],
            }
        )
    return rows


def twin(entries: Sequence[Entry], chapters: Sequence[Chapter], evidence: Sequence[Evidence], matrix: str = "") -> str:
    """The page's Markdown twin, for those who browse the repository; the claims have a file of their own."""
    trials = [e for e in evidence if is_trial(e)]
    parts = [
        f"# {TITLE}",
        f"{counted(len(trials), 'trial')} on synthetic data, the last on {_day(trials)}." if trials else "",
    ]
    for one in entries:
        parts += [f"## {one.title}", f"**{one.verdict}**", one.summary, one.cause]
        for strip in one.strips:
            cells = tuple((release.version, f"{release.mark} {release.words}") for release in strip.releases)
            parts.append(Table("", (strip.package, "status"), cells, strip.note).to_markdown())
        parts += one.left_out
        if one.code:
            parts += [f"{one.safety}: {one.workaround}. {one.proof}", f"```python\n{one.code.strip()}\n```"]
        parts.append(" · ".join(f"[{label}]({address})" for label, address in one.links))
    if matrix:
        parts += ["## The matrix", matrix]
    parts += ["## The claims", f"{_sums(chapters)}: [all of them](ledger.md)."]
    return "\n\n".join(part for part in parts if part) + "\n"
