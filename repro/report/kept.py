"""Loads the evidence of a report, once, and chooses what counts of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from repro import bugs
from repro.bugs.declaration import Bug
from repro.bugs.pending import chapters
from repro.decide.claims import Chapter, ledger
from repro.decide.current import GATE, PLAIN, TEST
from repro.decide.facts import Facts
from repro.evidence.record import Evidence
from repro.evidence.store import Store
from repro.render.cells import ShownCell, read_json
from repro.run.key import is_current, script_sources, sources_key
from repro.run.scripts import exported_source


def code_of_today(bug: Bug) -> dict[str, str]:
    """The hash of sources of each kind of evidence: of the probe, of the gate, and of each script of the issue."""
    found = {PLAIN: sources_key(bug)}
    gate = bug.comparison.gate if bug.comparison else None
    if gate is not None:
        found[GATE] = sources_key(replace(bug, folder=gate.folder, prepare=gate.prepare, oracle=gate.oracle))
    found |= {path.stem: script_sources(path) for path in sorted(bug.folder.glob("minimal*.py"))}
    test = exported_source(bug)
    return found | ({TEST: script_sources(test)} if test is not None else {})


def by_bug(store: Store) -> dict[str, list[Evidence]]:
    """All readable evidence, oldest first, by the bug it is about."""
    found: dict[str, list[Evidence]] = {}
    for one in store.query():
        found.setdefault(one.bug, []).append(one)
    return found


def known(store: Store, *, today: bool = True) -> dict[str, Facts]:
    """What the evidence says of each bug. Published evidence (``today=False``) stands for itself."""
    found = by_bug(store)
    loaded = map(bugs.load, bugs.slugs())
    return {b.slug: Facts.of(b, found.get(b.slug, ()), code_of_today(b) if today else None) for b in loaded}


def known_of(store: Store, name: str) -> Facts:
    """What the evidence of one bug says, by the code of today."""
    bug = bugs.load(name)
    return Facts.of(bug, store.query(bug=bug.slug), code_of_today(bug))


def judged_claims(store: Store, found: Mapping[str, Facts] | None = None) -> list[Chapter]:
    """The ledger, judged from the evidence in ``store`` that counts."""
    facts = known(store) if found is None else found
    usable = {slug: one.chosen.usable for slug, one in facts.items()}
    return ledger((one.bug for one in facts.values()), chapters(), usable)


def matrix_cells(root: Path, *, today: bool = True) -> list[ShownCell]:
    """The cells of the stored matrix that are current; none where there is no matrix in the form of this kit."""
    try:
        cells = read_json(json.loads((root / "matrix" / "matrix.json").read_text("utf-8")))
    except (OSError, ValueError, TypeError, KeyError):
        return []
    if not today:
        return cells
    sources = {slug: sources_key(bugs.load(slug)) for slug in {cell.bug for cell in cells} & set(bugs.slugs())}
    return [cell for cell in cells if cell.bug in sources and is_current(cell.decided_by, sources[cell.bug])]
