"""Writes what is read by people who run nothing: the claims ledger, the page and its Markdown twin."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from repro import bugs
from repro.bugs.declaration import Bug
from repro.bugs.pending import chapters
from repro.decide.claims import Chapter, ledger
from repro.evidence.record import Evidence
from repro.evidence.store import Store
from repro.render import page
from repro.render.claims import claims_markdown
from repro.render.issue import visible
from repro.render.matrix import forms
from repro.render.regress import regress_json, regress_markdown
from repro.studies.matrix import Matrix
from repro.studies.regress import Judged


def judged_claims(store: Store) -> list[Chapter]:
    """The ledger, judged from the evidence in ``store``."""
    return ledger(map(bugs.load, bugs.slugs()), chapters(), by_bug(store))


def by_bug(store: Store) -> dict[str, list[Evidence]]:
    """All readable evidence, oldest first, by the bug it is about."""
    found: dict[str, list[Evidence]] = {}
    for one in store.query():
        found.setdefault(one.bug, []).append(one)
    return found


def claims_text(store: Store, base: str = "") -> str:
    """The ledger in Markdown. ``base`` leads from the file it goes to, to the folder with the evidence."""
    return visible(store.redactor.text(claims_markdown(judged_claims(store), base=base)))


def write_claims(store: Store) -> Path:
    """Write ``ledger.md`` into the reports folder (``claims.md`` beside it is the published one)."""
    path = store.root / "ledger.md"
    _write(path, claims_text(store))
    return path


def write_page(store: Store) -> Path:
    """Write ``index.html`` and ``index.md`` into the reports folder; links go only to files that are there."""
    evidence = by_bug(store)
    entries = []
    for slug in bugs.slugs():
        bug = bugs.load(slug)
        entries.append(page.entry(bug, evidence.get(slug, []), _workaround(bug), _links(store.root, bug)))
    judged = ledger(map(bugs.load, bugs.slugs()), chapters(), evidence)
    every = [one for found in evidence.values() for one in found]
    matrix = _matrix(store.root)
    path = store.root / "index.html"
    _write(path, store.redactor.html(page.page(entries, judged, every, matrix)))
    _write(path.with_suffix(".md"), visible(store.redactor.text(page.twin(entries, judged, every, matrix))))
    return path


def _workaround(bug: Bug) -> str:
    fix = next((fix for fix in bug.fixes if fix.name == bug.workaround), None)
    return fix.path.read_text("utf-8") if fix is not None and fix.path is not None else ""


def _links(root: Path, bug: Bug) -> Sequence[tuple[str, str]]:
    slug, name = bug.slug, bug.slug.replace("-", "_")
    links: list[tuple[str, str]] = []
    for path in sorted((root / "notebooks").glob(f"[0-9]*_{name}*")):
        if path.suffix in {".html", ".ipynb"}:
            links.append((f"Notebook ({path.suffix[1:]})", f"notebooks/{path.name}"))
    for path in sorted((root / "issues").glob(f"{slug}*.md")):
        kind = path.name.removeprefix(slug).removesuffix(".md").strip(".")
        links.append((f"Issue text{f' ({kind})' if kind else ''}", f"issues/{path.name}"))
    if (root / "issues" / f"test_{name}.py").is_file():
        links.append(("Test for upstream", f"issues/test_{name}.py"))
    if (root / "evidence" / slug).is_dir():
        links.append(("Evidence", f"evidence/{slug}/"))
    return links + [(label, address) for label, address in bug.links.items()]


def _matrix(root: Path) -> str:
    """The tables that the matrix study wrote last, without what each cell rests on; empty if it was never run."""
    path = root / "matrix" / "matrix.md"
    if not path.is_file():
        return ""
    tables = re.sub(r"\A# .*\n+", "", path.read_text("utf-8")).split("\n## ")[0].strip()
    return f"{tables}\n\n[What each cell rests on](matrix/{path.name})"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def write_matrix(store: Store, matrix: Matrix) -> list[Path]:
    """Write the forms of a matrix below ``matrix/``; returns their paths, the page first."""
    folder = store.root / "matrix"
    written = []
    for name, text in forms(matrix, folder).items():
        _write(folder / name, store.redactor.text(text))
        written.append(folder / name)
    return written


def write_regress(store: Store, judged: Sequence[Judged]) -> None:
    """Write what a regression check found, for a machine and for people, below ``regress/``."""
    folder = store.root / "regress"
    _write(folder / "regress.json", store.redactor.text(json.dumps(regress_json(judged), indent=2)) + "\n")
    _write(folder / "regress.md", store.redactor.text(regress_markdown(judged)))
