"""The programs that were found: kept as literals, replayed in any release, and matched with what is found anew."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from packaging.version import Version

from repro.errors import UserError
from repro.hunt.judge import Finding, judge
from repro.hunt.plans import Ask
from repro.hunt.script import script
from repro.hunt.state import Order, State, Step
from repro.hunt.values import Type, decode, encode

SCHEMA = 1
FILE = Path(__file__).with_name("corpus.json")


class Shown(StrEnum):
    """What a replay says: the same difference, none, another one, or that the program is refused or unknown there."""

    PRESENT = "present"
    ABSENT = "absent"
    DIFFERENT = "different"
    REFUSED = "refused"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True)
class Entry:
    """One cause: the program that shows it, where it was seen, and what is known of it.

    ``first`` and ``last`` are the releases of datasets between which replays saw it, and ``earlier`` is the last one of
    those before ``first`` that show it too; ``links`` are public threads that tell of it.
    """

    name: str
    title: str
    steps: tuple[Step, ...]
    finding: Finding
    why: str = ""
    place: str = ""
    first: str = ""
    last: str = ""
    earlier: str = ""
    links: tuple[str, ...] = ()
    bug: str = ""

    @property
    def cause(self) -> tuple[object, ...]:
        return cause(self.steps, self.finding)


def cause(steps: Sequence[Step], finding: Finding) -> tuple[object, ...]:
    """What small programs of one cause have in common: their operations, or where the error was raised."""
    if not finding.silent:
        return finding.sort, finding.at.rpartition(":")[0], finding.at.rpartition(" ")[2]
    ops = tuple(step.op for step in steps[1:] or steps if step.op != "to_iterable_dataset")
    return "silent", ops, finding.reader == "resume"


def known(entries: Iterable[Entry], steps: Sequence[Step], finding: Finding) -> Entry | None:
    """The entry whose cause it is, as far as the operations tell: a resumed stream may show what any reading shows."""
    wanted, plain = cause(steps, finding), cause(steps, replace(finding, reader=""))
    for one in entries:
        if one.cause == wanted or (one.cause == plain and one.finding.sort == finding.sort):
            return one
    return None


def expected(entry: Entry, version: str) -> Shown:
    """What a replay should say in a release of datasets: present from ``first`` on, until ``last`` if there is one."""
    here = Version(version)
    if entry.earlier and here <= Version(entry.earlier):
        return Shown.PRESENT
    begun = not entry.first or here >= Version(entry.first)
    over = bool(entry.last) and here > Version(entry.last)
    return Shown.PRESENT if begun and not over else Shown.ABSENT


def kept_script(name: str, entries: Sequence[Entry]) -> str:
    """The program of that name as a script that stands alone; it needs the last release that shows the cause, or any.

    Raises:
        UserError: no such name.
    """
    found = next((one for one in entries if one.name == name), None)
    if found is None:
        raise UserError(f"nothing found is called {name!r}. Choose from: {', '.join(one.name for one in entries)}")
    needs = ["datasets" + (f"=={found.last}" if found.last else ""), "pyarrow", "nibabel", "pillow"]
    return script(found.steps, found.finding, needs, found.title)


def replay(entry: Entry, ask: Ask) -> tuple[Shown, Finding | None]:
    """Runs the program of an entry once more."""
    answers = ask(True, [(one.line, one.reading) for one in entry.steps])
    if len(answers) < len(entry.steps):
        found, _ = judge(entry.steps[len(answers) - 1], answers[-1])
    else:
        found, _ = judge(entry.steps[-1], answers[-1])
    if found is None:
        return Shown.ABSENT, None
    if found.refusal:
        return Shown.REFUSED, found
    if found.sort == "error NameError":  # a program names nothing but what datasets has in some release
        return Shown.UNSUPPORTED, found
    return (Shown.PRESENT if found.sort == entry.finding.sort else Shown.DIFFERENT), found


def changed(entry: Entry, shown: Shown, version: str) -> bool:
    """Whether a replay says otherwise than was measured.

    It says nothing where what the program needs is not there. Before ``first`` another fault may end it.
    """
    if shown is Shown.UNSUPPORTED:
        return False
    if expected(entry, version) is Shown.PRESENT:
        return shown is not Shown.PRESENT
    before = bool(entry.first) and Version(version) < Version(entry.first)
    return shown is Shown.PRESENT or (shown is Shown.DIFFERENT and not before)


def load(path: Path = FILE) -> list[Entry]:
    """The kept programs; none if there is no such file. Raises UserError for a damaged one or one of another schema."""
    if not path.exists():
        return []
    try:
        content = json.loads(path.read_text("utf-8"))
        if content["schema"] != SCHEMA:
            raise UserError(f"{path.name} has schema {content['schema']!r}, this kit reads {SCHEMA}: update the kit")
        return [_entry(one) for one in content["entries"]]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error}): restore it with git") from error


def text(entries: Sequence[Entry]) -> str:
    """The corpus as it is written: literals only, in a fixed order."""
    forms = [_form(one) for one in sorted(entries, key=lambda one: one.name)]
    return json.dumps({"schema": SCHEMA, "entries": forms}, indent=1, ensure_ascii=False) + "\n"


def _form(entry: Entry) -> dict[str, Any]:
    finding = {"sort": entry.finding.sort, "at": entry.finding.at, "reader": entry.finding.reader}
    told = {name: getattr(entry, name) for name in ("why", "place", "first", "last", "earlier", "bug")}
    steps = [_step_form(one, last=one is entry.steps[-1]) for one in entry.steps]
    return {
        "name": entry.name,
        "title": entry.title,
        **told,
        "links": list(entry.links),
        "finding": finding,
        "steps": steps,
    }


def _step_form(step: Step, *, last: bool) -> dict[str, Any]:
    form: dict[str, Any] = {"op": step.op, "line": step.line, "reading": step.reading, "reader": step.reader}
    if last:
        types = step.after.types
        form |= {
            "order": step.order.value,
            "types_promised": step.types_promised,
            "embeds": step.embeds,
            "opens": None if step.opens is None else sorted(step.opens),
            "rows": [encode(row) for row in step.after.rows],
            "columns": list(step.after.columns),
            "types": None if types is None else {name: one.to_form() for name, one in types.items()},
            "stream": step.after.stream,
        }
    return form


def _entry(form: Mapping[str, Any]) -> Entry:
    steps = tuple(_step(one) for one in form["steps"])
    seen = form["finding"]
    finding = Finding(steps[-1].op, seen["reader"], seen["sort"], seen["at"])
    told = {name: form[name] for name in ("name", "title", "why", "place", "first", "last", "bug")}
    return Entry(steps=steps, finding=finding, earlier=form.get("earlier", ""), links=tuple(form["links"]), **told)


def _step(form: Mapping[str, Any]) -> Step:
    plain = Step(form["op"], form["line"], State((), (), None), reading=form["reading"], reader=form["reader"])
    if "rows" not in form:
        return plain
    types = form["types"] and {name: Type.from_form(one) for name, one in form["types"].items()}
    after = State([decode(row) for row in form["rows"]], tuple(form["columns"]), types, form["stream"])
    opens = None if form["opens"] is None else frozenset(form["opens"])
    return replace(
        plain,
        after=after,
        order=Order(form["order"]),
        types_promised=form["types_promised"],
        embeds=form["embeds"],
        opens=opens,
    )
