"""Writes what is read by people who run nothing: the claims ledger, the page and its Markdown twin, the matrix."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from repro.bugs.declaration import Bug
from repro.decide.facts import Facts
from repro.evidence.store import Store
from repro.render import page
from repro.render.cells import ShownCell, merged, shown_cells
from repro.render.claims import claims_markdown
from repro.render.issue import visible
from repro.render.matrix import forms, tables_markdown
from repro.render.regress import regress_json, regress_markdown
from repro.report.kept import judged_claims, known, matrix_cells
from repro.studies.matrix import Matrix
from repro.studies.regress import Judged

Found = Mapping[str, Facts] | None
"""What the evidence says of each bug; ``None`` to load it."""


def claims_text(store: Store, found: Found = None, base: str = "") -> str:
    """The ledger in Markdown. ``base`` leads from the file it goes to, to the folder with the evidence."""
    return visible(store.redactor.text(claims_markdown(judged_claims(store, found), base=base)))


def write_claims(store: Store, found: Found = None) -> Path:
    """Write ``ledger.md`` into the reports folder (``claims.md`` beside it is the published one)."""
    path = store.root / "ledger.md"
    _write(path, claims_text(store, found))
    return path


def write_page(store: Store, found: Found = None, cells: Sequence[ShownCell] | None = None) -> Path:
    """Write ``index.html`` and ``index.md`` into the reports folder; links go only to files that are there."""
    facts = known(store) if found is None else found
    entries = [page.entry(one, _workaround(one.bug), _links(store.root, one.bug)) for one in facts.values()]
    chapters = judged_claims(store, facts)
    every = [one for known_ in facts.values() for one in known_.trials]
    shown = matrix_cells(store.root) if cells is None else cells
    tables = f"{tables_markdown(shown)}\n\n[What each cell rests on](matrix/matrix.md)" if shown else ""
    path = store.root / "index.html"
    _write(path, store.redactor.html(page.page(entries, chapters, every, tables)))
    _write(path.with_suffix(".md"), visible(store.redactor.text(page.twin(entries, chapters, every, tables))))
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


def write_matrix(store: Store, matrix: Matrix) -> list[Path]:
    """Add a matrix to the stored one and write its forms below ``matrix/``; returns their paths, the page first.

    Of two answers to the same question in the same target the new one stays; stored ones that are not current go.
    """
    return write_cells(store, merged(matrix_cells(store.root), shown_cells(matrix)))


def write_cells(store: Store, cells: Sequence[ShownCell]) -> list[Path]:
    """Write the forms of a matrix."""
    written = []
    for name, text in forms(cells).items():
        _write(store.root / "matrix" / name, store.redactor.text(text))
        written.append(store.root / "matrix" / name)
    return written


def write_regress(store: Store, judged: Sequence[Judged]) -> None:
    """Write what a regression check found, for a machine and for people, below ``regress/``."""
    folder = store.root / "regress"
    _write(folder / "regress.json", store.redactor.text(json.dumps(regress_json(judged), indent=2)) + "\n")
    _write(folder / "regress.md", store.redactor.text(regress_markdown(judged)))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
