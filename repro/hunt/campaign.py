"""What ``repro hunt`` does: replays what is known, hunts for the rest of the time, and runs what it found alone."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repro import targets
from repro.errors import UserError
from repro.evidence.redact import Redactor
from repro.hunt import corpus
from repro.hunt.corpus import Entry, Shown
from repro.hunt.judge import Finding
from repro.hunt.script import heading, script
from repro.hunt.search import SHRINK_S, Found, Hunt, rough
from repro.hunt.session import Gone, Session, session
from repro.hunt.streams import stream
from repro.hunt.tables import table
from repro.model import Limits, Outcome, Symptom, TargetInfo, Unsolvable
from repro.run.scripts import run_script

HUB = "push_to_hub"
NEEDS = ("datasets", "pyarrow", "nibabel", "pillow")
LIMITS = Limits(memory_bytes=2 << 30, timeout_s=120.0, grace_s=10.0)
Say = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Listed:
    """One cause as it is shown: its script, whether that failed alone in a fresh process, and what is known of it."""

    found: Found
    text: str
    path: Path
    confirmed: bool
    known: str

    @property
    def silent(self) -> bool:
        return self.found.finding.silent


@dataclass(frozen=True, slots=True)
class Report:
    """What a hunt did and found, in one target."""

    target: TargetInfo
    seed: int
    seconds: float
    programs: int
    steps: int
    clean: int
    refused: int
    replayed: Sequence[tuple[Entry, Shown]]
    listed: Sequence[Listed]

    @property
    def changed(self) -> list[tuple[Entry, Shown]]:
        """What is known and shows where it should not, or no longer where it did."""
        version = self.target.packages["datasets"]
        return [(entry, shown) for entry, shown in self.replayed if corpus.changed(entry, shown, version)]

    @property
    def new(self) -> list[Listed]:
        """What was found, is believed and is not known."""
        return [one for one in self.listed if one.confirmed and not one.known]

    def to_json(self) -> dict[str, Any]:
        found = [
            {
                "title": heading(one.found.finding),
                "silent": one.silent,
                "confirmed": one.confirmed,
                "known": one.known or None,
                "script": str(one.path),
                "programs": one.found.programs,
                "seconds": round(one.found.seconds, 1),
                "beside": {"shown": one.found.beside[0], "tried": one.found.beside[1]},
            }
            for one in self.listed
        ]
        return {
            "schema": 1,
            "target": self.target.summary(),
            "seed": self.seed,
            "seconds": round(self.seconds, 1),
            "programs": self.programs,
            "operations": self.steps,
            "as_expected": self.clean,
            "refused": self.refused,
            "replayed": [{"name": entry.name, "shown": shown.value} for entry, shown in self.replayed],
            "changed": [entry.name for entry, _ in self.changed],
            "found": found,
            "new": len(self.new),
        }


def campaign(
    spec: str,
    *,
    cache: Path,
    folder: Path,
    seconds: float,
    seed: int = 0,
    only: Sequence[str] = (),
    say: Say = len,
) -> Report:
    """Hunts in one environment and writes a script of each cause into ``folder``.

    What is known is replayed first; what is found is merged by cause, made small, and believed if its script fails in
    a process of its own. Ctrl-C ends it and leaves nothing running; the scripts are written that nobody ran alone yet.

    Raises:
        UserError: an unknown operation, or no such environment.
    """
    menu = sorted({*table.makers, *stream.makers})
    if unknown := sorted(set(only) - set(menu)):
        raise UserError(f"--only knows no operation {unknown[0]!r}. Choose from: {', '.join(menu)}")
    target = targets.provision(spec, cache=cache, requires=NEEDS)
    if isinstance(target, Unsolvable):
        raise UserError(f"no environment {spec!r}: {target.reason}")
    entries, own = corpus.load(), folder / "corpus.json"
    entries += corpus.load(own)
    begun = time.monotonic()
    pins = [f"{name}=={target.packages[name]}" for name in NEEDS]
    with session(target) as worker:
        shown = replay_all(entries, worker, say)
        replayed = [(entry, how) for entry, how, _ in shown]
        hunt = Hunt(worker, seed, frozenset(only), say, shrink_s=min(SHRINK_S, max(seconds / 4, 1.0)))
        hunt.known.update({rough(found): 0 for _, how, found in shown if found is not None and how is Shown.PRESENT})
        try:
            if seconds > 0:
                hunt.go(max(0.0, seconds - (time.monotonic() - begun)))
        except KeyboardInterrupt:
            for one in hunt.found:
                say(f"found, and not run alone: {_written(one, pins, folder)[0]}")
            raise
    listed = [_listed(one, target, pins, entries, folder, say) for one in hunt.found]
    new = [entry_of(one) for one in listed if one.confirmed and not one.known]
    if new:
        own.write_text(corpus.text([*corpus.load(own), *new]), encoding="utf-8")
    spent = time.monotonic() - begun
    refused = sum(hunt.refused.values())
    return Report(target, seed, spent, hunt.programs, hunt.steps, hunt.clean, refused, replayed, listed)


def replay_all(entries: Sequence[Entry], worker: Session, say: Say) -> list[tuple[Entry, Shown, Finding | None]]:
    """Runs every kept program once in the target; what shows again is not made small again."""
    found = []
    for entry in entries:
        seen: Finding | None = entry.finding
        try:
            shown, seen = corpus.replay(entry, worker.ask)
        except Gone:
            shown = Shown.PRESENT if entry.finding.sort in {"crash", "hang"} else Shown.DIFFERENT
        say(f"{entry.name}: {shown.value}")
        found.append((entry, shown, seen))
    return found


def _written(found: Found, pins: Sequence[str], folder: Path) -> tuple[Path, str]:
    """The script of a finding, redacted, in a file named after it."""
    text = Redactor.from_environment().text(script(found.steps, found.finding, pins))
    name = re.sub(r"[^a-z0-9]+", "-", heading(found.finding).split("datasets/")[0].lower()).strip("-")
    path = folder / f"{name}.py"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path, text


def _listed(
    found: Found, target: TargetInfo, pins: Sequence[str], entries: Sequence[Entry], folder: Path, say: Say
) -> Listed:
    path, text = _written(found, pins, folder)
    known = corpus.known(entries, found.steps, found.finding)
    say(f"{path.name}: run again in a process of its own")
    if any(HUB in step.line for step in found.steps):  # a script alone has no Hub
        with session(target) as fresh:
            again = replay_all([Entry(path.stem, "", found.steps, found.finding)], fresh, say)[0][1] is Shown.PRESENT
    else:
        again = shows(found.finding, run_script(text, target, LIMITS, name="finding.py"))
    return Listed(found, text, path, again, known.name if known else "")


def shows(finding: Finding, outcome: Outcome) -> bool:
    """Whether the script of a finding failed as the finding says, and not in another way. Pure."""
    raised = "Traceback (most recent call last)" in outcome.stderr_tail
    if finding.sort == "hang":
        return outcome.symptom is Symptom.HANG
    if finding.sort == "crash":
        return outcome.symptom in {Symptom.CRASH, Symptom.OUT_OF_MEMORY}
    if finding.silent:
        return outcome.exit_code == 1 and not raised
    return outcome.exit_code == 1 and raised and finding.sort.removeprefix("error ") in outcome.stderr_tail


def entry_of(listed: Listed) -> Entry:
    """A finding as it is kept."""
    return Entry(listed.path.stem, heading(listed.found.finding), listed.found.steps, listed.found.finding)
