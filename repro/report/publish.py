"""Copies the latest report into ``reports/published/``: small, complete in itself, and checked against its evidence."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from repro import places
from repro.decide.current import kind_of, question
from repro.decide.facts import Facts
from repro.errors import UserError
from repro.evidence.record import Evidence
from repro.evidence.store import Store
from repro.files import write_atomic
from repro.model import Status
from repro.rates import CLEAN_TRIALS
from repro.render.charts import timeline
from repro.render.words import listed
from repro.report.issues import has_issue, write_issue
from repro.report.kept import known, matrix_cells
from repro.report.notebook import FULL, NOTEBOOKS, depth_of
from repro.report.pages import claims_text, write_cells, write_claims, write_page
from repro.trial.supervise import thinned

MANIFEST, SCHEMA = "manifest.json", 1
_STALE = "the evidence gives another text; run 'make publish'"
NOTEBOOK_LIMIT, TOTAL_LIMIT = 1_000_000, 36_000_000
"""Bytes: GitHub renders no larger notebook; a clone should stay small (git packs evidence to a tenth)."""
MOST_TRIALS = max(100, CLEAN_TRIALS)
"""Trials of one question that are published at most: all that a race takes until it is settled, and far more."""
CURVE, SKETCH = 60, 2
"""Samples of memory over time that are published of a trial."""
_FIXED = ("ledger.md", "index.html", "index.md")
_SCRATCH, _ASIDE = ".publish-", "old"
CLAIMS = "claims.md"
"""Written beside the published folder: the ledger, with links into it."""


@dataclass(frozen=True, slots=True)
class Published:
    """What was written: the folder, the number of files and their bytes, and what was too large to take along."""

    folder: Path
    files: int
    size: int
    left_out: tuple[str, ...]


def chosen(evidence: Iterable[Evidence]) -> list[Evidence]:
    """The newest trials of each question, as many as a rate may need, oldest first.

    The newest that ended in each way keeps ``CURVE`` samples of memory over time, the others ``SKETCH``.
    """
    kept: dict[tuple[str, ...], list[Evidence]] = {}
    for one in evidence:
        kept.setdefault((kind_of(one), *question(one), str(one.memray is not None)), []).append(one)
    newest = [(asked, one) for asked, trials in kept.items() for one in trials[-MOST_TRIALS:]]
    shown = set({(asked, one.verdict.symptom): one.id for asked, one in newest}.values())
    thin = [_with_curve(one, CURVE if one.id in shown else SKETCH) for _, one in newest]
    return sorted(thin, key=lambda one: one.id)


def _with_curve(evidence: Evidence, samples: int) -> Evidence:
    """The same with so many samples of memory over time at most; the peaks stay."""
    outcome = evidence.outcome
    return replace(evidence, outcome=replace(outcome, timeline=thinned(outcome.timeline, samples)))


def publish(store: Store, folder: Path) -> Published:
    """Write ``folder`` anew: evidence, issue texts, tests, claims, page, executed notebooks and plots, and a manifest.

    Only evidence of the code of today is published, and only notebooks that went to the full depth. It appears complete
    or not at all. Raises UserError if there is no such evidence, a notebook is missing, or the whole is too large.
    """
    shallow = [path.stem for path in sorted(places.notebooks().glob(NOTEBOOKS)) if not _is_full(store.root, path.name)]
    if shallow:
        raise UserError(
            f"{listed(shallow)} {'was' if len(shallow) == 1 else 'were'} not run at full depth, of which what is "
            "published comes: run 'make repro DEPTH=full' first"
        )
    found = {slug: facts for slug, facts in known(store).items() if facts.evidence}
    if not found:
        raise UserError("there is no evidence to publish that the code of today made: run 'repro report' first")
    folder.parent.mkdir(parents=True, exist_ok=True)
    _recover(folder)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=_SCRATCH) as scratch:
        fresh = Path(scratch) / "published"
        own = Store(fresh, store.redactor)
        for slug, facts in sorted(found.items()):
            for one in chosen(facts.evidence):
                own.save(one)
            picture = _picture(facts)
            if picture:
                (fresh / "plots").mkdir(parents=True, exist_ok=True)
                (fresh / "plots" / f"{slug}.png").write_bytes(picture)
        left_out = _notebooks(store.root, fresh)
        cells = matrix_cells(store.root)
        if cells:
            write_cells(own, cells)
        render(fresh, store)
        paths = sorted(path for path in fresh.rglob("*") if path.is_file())
        sums = {path.relative_to(fresh).as_posix(): _sha256(path) for path in paths}
        (fresh / MANIFEST).write_text(json.dumps({"schema": SCHEMA, "sha256": sums}, indent=1) + "\n", encoding="utf-8")
        size = sum(path.stat().st_size for path in (*paths, fresh / MANIFEST))
        if size > TOTAL_LIMIT:
            raise UserError(
                f"the report has {size:,} bytes, {TOTAL_LIMIT:,} may be published: remove plots or evidence"
            )
        claims = _claims(fresh, store, folder.name)
        _swap(fresh, folder, Path(scratch) / _ASIDE)
    write_atomic(folder.parent / CLAIMS, claims.encode())
    return Published(folder, len(paths), size, tuple(left_out))


def render(folder: Path, store: Store) -> None:
    """Write everything that follows from the evidence in ``folder`` into it: issue texts, tests, claims and page."""
    own = Store(folder, store.redactor)
    found = known(own, today=False)
    for slug, facts in found.items():
        if has_issue(facts):
            write_issue(own, slug, facts=facts)
    write_claims(own, found)
    write_page(own, found, matrix_cells(folder, today=False))


def _swap(fresh: Path, folder: Path, aside: Path) -> None:
    """Put ``fresh`` in the place of ``folder``, and that ``aside``; whatever goes wrong, ``folder`` is whole again."""
    try:
        if folder.exists():
            folder.rename(aside)  # all lie in one file system: each step is one rename, and nothing is copied
        fresh.rename(folder)
    except BaseException:
        if aside.exists() and not folder.exists():
            aside.rename(folder)
        raise


def _recover(folder: Path) -> None:
    """Put back what a kit that was killed between the two renames had put aside, and remove what it left."""
    for scratch in folder.parent.glob(f"{_SCRATCH}*"):
        if (scratch / _ASIDE).exists() and not folder.exists():
            (scratch / _ASIDE).rename(folder)
            shutil.rmtree(scratch, ignore_errors=True)


def _is_full(root: Path, name: str) -> bool:
    executed = root / "notebooks" / name
    return executed.is_file() and depth_of(executed) == FULL


def _claims(folder: Path, store: Store, name: str) -> str:
    """The ledger that lies beside the folder ``name``, with links into it."""
    own = Store(folder, store.redactor)
    return claims_text(own, known(own, today=False), f"{name}/")


def check(folder: Path, store: Store) -> list[str]:
    """What does not match: a line for each file that is missing, extra, changed, or not what the evidence gives.

    Raises UserError if there is no readable manifest.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
        sums: dict[str, str] = dict(manifest["sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{folder} has no manifest that can be read: run 'make publish'") from error
    here = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file() and p.name != MANIFEST}
    faults = [f"{name}: missing" for name in sorted(set(sums) - set(here))]
    faults += [f"{name}: not in the manifest" for name in sorted(set(here) - set(sums))]
    faults += [f"{name}: changed" for name in sorted(set(here) & set(sums)) if _sha256(here[name]) != sums[name]]
    if faults:
        return faults
    with tempfile.TemporaryDirectory() as scratch:
        again = Path(scratch) / "published"
        shutil.copytree(folder, again)
        for path in [*(again / "issues").glob("*"), *(again / name for name in _FIXED)]:
            path.unlink(missing_ok=True)
        render(again, store)
        for name in sorted(n for n in sums if n.startswith("issues/") or n in _FIXED):
            if not (again / name).is_file() or (again / name).read_bytes() != here[name].read_bytes():
                faults.append(f"{name}: {_STALE}")
        beside = folder.parent / CLAIMS
        if not beside.is_file() or beside.read_text("utf-8") != _claims(again, store, folder.name):
            faults.append(f"../{CLAIMS}: {_STALE}")
    return faults


def _picture(facts: Facts) -> bytes:
    """Memory over time with the bug, in a release without it, and with the workaround; empty without such trials."""
    bad, healthy = facts.failure, facts.with_status(Status.ABSENT)
    if bad is None or bad.limits.memory_bytes is None:
        return b""
    tried = facts.tried(facts.bug.default_scenario, facts.bug.workaround)
    helped = tried is not None and tried.answer.status is Status.ABSENT
    panels = [bad, *(one.trials[-1] for one in healthy[-1:]), *(tried.answer.trials[-1:] if helped and tried else ())]
    return timeline([one for one in panels if len(one.outcome.timeline) > 1])


def _notebooks(root: Path, fresh: Path) -> list[str]:
    """Copy executed notebooks; returns the names of what is too large."""
    left_out = []
    for path in sorted((root / "notebooks").glob(NOTEBOOKS)):
        name = path.relative_to(root).as_posix()
        if path.stat().st_size > NOTEBOOK_LIMIT:
            left_out.append(name)
        else:
            _copy(path, fresh / name)
    return left_out


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
