"""The page that shows it all, self-contained, and its twin in Markdown. Pure: evidence in, text out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from repro.bugs.declaration import Bug
from repro.decide import facts
from repro.decide.claims import Chapter
from repro.evidence.record import Evidence
from repro.model import Status
from repro.rates import CLEAN_TRIALS, SAFE_BELOW
from repro.render.claims import counts, evidence_names
from repro.render.tables import Table, target_words

if TYPE_CHECKING:
    from jinja2 import Template

TITLE = "Bugs of Hugging Face datasets and PyArrow, reproduced"
_WORDS = {
    Status.PRESENT: ("✗", "affected"),
    Status.ABSENT: ("✓", "not affected"),
    Status.DIFFERENT_FAILURE: ("!", "fails otherwise"),
    Status.UNSETTLED: ("?", "unsettled"),
    Status.UNTESTABLE: ("–", "untestable"),
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
    links: tuple[tuple[str, str], ...]


def entry(bug: Bug, evidence: Sequence[Evidence], code: str, links: Sequence[tuple[str, str]]) -> Entry:
    """The entry of a bug; ``code`` is the text of its workaround, empty if it has none."""
    known = facts.releases(bug, evidence)
    package = facts.package_of(bug)
    shown = tuple(_release(bug, release) for release in known)
    workaround = next((fix.title for fix in bug.fixes if fix.name == bug.workaround), "")
    safety, proof = _proof(bug, evidence) if code else ("", "")
    return Entry(
        bug.slug, bug.title, _verdict(package, known, bug.slug), bug.cause or bug.summary, package, shown, workaround,
        safety, code, proof, tuple(links),
    )  # fmt: skip


def _verdict(package: str, known: Sequence[facts.Release], slug: str) -> str:
    affected = [r.version for r in known if r.status is Status.PRESENT]
    healthy = [r.version for r in known if r.status is Status.ABSENT]
    if not known:
        return f"Not measured yet: run repro run {slug}."
    if not affected:
        return f"Not seen in {package} {', '.join(r.version for r in known)}."
    last = known[-1]
    now = f"the newest release tried, {last.version}, is {_WORDS[last.status][1]}"
    span = affected[0] if len(affected) == 1 else f"{affected[0]} to {affected[-1]} ({len(affected)} releases tried)"
    rest = f"; not affected: {', '.join(healthy)}" if healthy else ""
    return f"Affected: {package} {span}{rest}; {now}."


def _release(bug: Bug, release: facts.Release) -> ShownRelease:
    mark, words = _WORDS[release.status]
    rate = f", {release.failed}" if bug.race and release.failed.n else ""
    return ShownRelease(release.version, release.status.value, mark, words + rate)


def _proof(bug: Bug, evidence: Sequence[Evidence]) -> tuple[str, str]:
    """What the workaround may be called, and the trials that it rests on."""
    tried = [e for e in evidence if facts.is_trial(e) and e.fix == bug.workaround and e.verdict.informative]
    trials = facts.newest_affected(bug, tried)
    if not trials:
        return "Workaround", "It was not measured yet."
    release = facts.Release("", tuple(trials))
    rate = str(release.failed) if bug.race else f"{release.failed.k} of {release.failed.n}"
    proof = f"Failed in {rate} trials with {target_words(trials[-1])}."
    if release.failed.k:
        return "Workaround that does not always help", proof
    if bug.race and release.failed.high >= SAFE_BELOW:
        more = CLEAN_TRIALS
        return "Workaround", f"{proof} Calling it safe takes {more} trials without a failure."
    return "Safe workaround", proof


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

    trials = [e for e in evidence if facts.is_trial(e)]
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
    trials = [e for e in evidence if facts.is_trial(e)]
    parts = [f"# {TITLE}", f"{len(trials)} trials on synthetic data, the last on {_day(trials)}." if trials else ""]
    for one in entries:
        parts += [f"## {one.title}", f"**{one.verdict}**", one.cause]
        if one.releases:
            cells = tuple((release.version, f"{release.mark} {release.words}") for release in one.releases)
            parts.append(Table("", (one.package, "status"), cells).to_markdown())
        if one.code:
            parts += [f"{one.safety}: {one.workaround}. {one.proof}", f"```python\n{one.code.strip()}\n```"]
        parts.append(" · ".join(f"[{label}]({address})" for label, address in one.links))
    if matrix:
        parts += ["## The matrix", matrix]
    sums = ", ".join(f"{number} {verdict}" for verdict, number in counts(chapters))
    parts += ["## The claims", f"{sums}: [all of them](ledger.md)."]
    return "\n\n".join(part for part in parts if part) + "\n"
