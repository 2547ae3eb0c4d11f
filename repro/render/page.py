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
from repro.render.tables import Table
from repro.render.words import counted, listed, status_words, target_words

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
    """One box of the version strip: a mark and words, so that colour is never needed."""

    version: str
    status: str
    mark: str
    words: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What the page says of one bug. ``links`` are (label, address) pairs, relative to the page."""

    slug: str
    title: str
    verdict: str
    cause: str
    package: str
    releases: tuple[ShownRelease, ...]
    workaround: str
    safety: str
    code: str
    proof: str
    left_out: tuple[str, ...]
    links: tuple[tuple[str, str], ...]


def entry(facts: Facts, code: str, links: Sequence[tuple[str, str]]) -> Entry:
    """The entry of a bug; ``code`` is the text of its workaround, empty if it has none."""
    bug = facts.bug
    workaround = next((fix.title for fix in bug.fixes if fix.name == bug.workaround), "")
    proof = facts.proof(target_words) if code else Proof("", "")
    return Entry(
        bug.slug, bug.title, verdict(facts), bug.cause or bug.summary, facts.package,
        tuple(_release(bug, release) for release in facts.releases), workaround, proof.title, code, proof.words,
        facts.chosen.left_out, tuple(links),
    )  # fmt: skip


def verdict(facts: Facts) -> str:
    """In which releases the bug is, in a sentence: each named under what its trials support, and under nothing else."""
    known, affected = facts.releases, facts.with_status(Status.PRESENT)
    if not known:
        return f"Not measured yet: run repro run {facts.bug.slug}."
    others = [status for status in Status if status is not Status.PRESENT and facts.with_status(status)]
    rest = [f"{status_words(status)}: {', '.join(r.version for r in facts.with_status(status))}" for status in others]
    if not affected:
        return f"No release of {facts.package} is shown to have it; {'; '.join(rest)}."
    between = known[known.index(affected[0]) : known.index(affected[-1]) + 1]
    span = listed(r.version for r in affected)
    if len(affected) > 1 and between == affected:
        span = f"{affected[0].version} to {affected[-1].version} ({len(affected)} releases tried)"
    now = f"the newest release tried, {known[-1].version}, is {status_words(known[-1].status)}"
    return f"{'; '.join([f'Affected: {facts.package} {span}', *rest, now])}."


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
        bugs=entries,
        matrix=Markup(_html(matrix)) if matrix else "",
        newest=_day(trials),
        trials=len(trials),
        claims_total=sum(number for _, number in counts(chapters)),
        claims_sums=", ".join(f"{number} {verdict}" for verdict, number in counts(chapters)),
        chapters=[{"title": chapter.title, "rows": _rows(chapter)} for chapter in chapters],
    )


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
        parts += [f"## {one.title}", f"**{one.verdict}**", one.cause]
        if one.releases:
            cells = tuple((release.version, f"{release.mark} {release.words}") for release in one.releases)
            parts.append(Table("", (one.package, "status"), cells).to_markdown())
        parts += one.left_out
        if one.code:
            parts += [f"{one.safety}: {one.workaround}. {one.proof}", f"```python\n{one.code.strip()}\n```"]
        parts.append(" · ".join(f"[{label}]({address})" for label, address in one.links))
    if matrix:
        parts += ["## The matrix", matrix]
    sums = ", ".join(f"{number} {verdict}" for verdict, number in counts(chapters))
    parts += ["## The claims", f"{sums}: [all of them](ledger.md)."]
    return "\n\n".join(part for part in parts if part) + "\n"
