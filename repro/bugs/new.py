"""Makes the folder of a new bug: an empty, working one, or one around a script whose failure is recorded."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterable
from dataclasses import fields, replace
from pathlib import Path
from string import Template

from repro import bugs, places
from repro.bugs import script
from repro.errors import UserError
from repro.files import write_atomic
from repro.model import Limits, Symptom
from repro.signature import Signature

TEMPLATES = Path(__file__).with_name("templates")
_SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_ANYWHERE = frozenset({Symptom.WRONG_OUTPUT, Symptom.OUT_OF_MEMORY, Symptom.HANG, Symptom.HANG_AT_EXIT})
"""Failures whose further signs (which signal, whose kill) are the machine's."""


def make(name: str, origin: str | None = None, memory: int | None = None, timeout: float | None = None) -> Path:
    """Writes the folder of the bug ``name``, from the script ``origin`` or empty; returns it.

    Raises:
        UserError: a name that is none or is taken, or a script that was never seen failing.
    """
    folder = _home(name)
    limits = replace(script.LIMITS, memory_bytes=memory, timeout_s=timeout or script.LIMITS.timeout_s)
    files = _empty(name, limits) if origin is None else _from_script(name, origin, limits)
    if folder.parent == Path(bugs.__file__).parent:
        files["__init__.py"] = f'"""The bug ``{name}``."""\n'
    for file, text in files.items():
        write_atomic(folder / file, text.encode())
    return folder


def _home(name: str) -> Path:
    """Where the folder goes: the first folder of the user's own bugs, else the kit's own checkout."""
    if not _SLUG.fullmatch(name):
        near = re.sub(r"[^a-z0-9]+", "-", name.removesuffix(".py").lower()).strip("-0123456789") or "my-bug"
        raise UserError(f"{name!r} cannot be the name of a bug: give small letters, digits and hyphens, as {near}")
    if name in bugs.slugs():
        raise UserError(f"there is a bug {name!r} already, in {bugs.load(name).folder}: give another name")
    named = [Path(entry) for entry in os.environ.get(bugs.VARIABLE, "").split(os.pathsep) if entry]
    if not named and places.checkout() is None:
        raise UserError(f"there is no folder for bugs of your own: make one and name it in {bugs.VARIABLE}")
    parent = named[0].expanduser().resolve() if named else Path(bugs.__file__).parent
    folder = parent / name.replace("-", "_")
    for taken in (folder, folder.with_suffix(".py")):
        if taken.exists():
            raise UserError(f"{taken} is there already: give another name, or move it away")
    return folder


def _empty(name: str, limits: Limits) -> dict[str, str]:
    words = {"slug": name, **_limits(limits)}
    return {file: _filled(file, words) for file in ("bug.py", "probe.py", "minimal.py")}


def _from_script(name: str, origin: str, limits: Limits) -> dict[str, str]:
    bug = script.load(origin)
    recorded = script.read_record(bug.folder)
    if recorded.signature is None:
        raise UserError(f"no failure of {origin} is recorded: run it first with: repro run {shlex.quote(origin)}")
    if recorded.signature.symptom == Symptom.OUT_OF_MEMORY and limits.memory_bytes is None:
        raise UserError(f"{origin} was killed for memory: say under which cap, as --memory 1GiB")
    failure = _failure(recorded.signature)
    models = "Limits, Symptom" if failure.startswith("Symptom") else "Limits"
    imports = [f"from repro.model import {models}"]
    imports += [] if "Symptom" in models else ["from repro.signature import Signature"]
    words = {
        "slug": name,
        "imports": "\n".join(imports),
        "title": _text(bug.title),
        "summary": _text(bug.summary),
        "needs": _texts(bug.needs),
        "pins": _texts(bug.pins),
        "target": _text(bug.default_target),
        "failure": failure,
        "wrong_if": _text(recorded.wrong_if),
        "race": str(recorded.race),
        **_limits(limits),
    }
    return {"bug.py": _filled("script.py", words), "minimal.py": (bug.folder / "minimal.py").read_text("utf-8")}


def _failure(signature: Signature) -> str:
    """The recorded failure as Python."""
    symptom = Symptom(signature.symptom)
    if symptom in _ANYWHERE:
        return f"Symptom.{symptom.name}"
    values = {field.name: getattr(signature, field.name) for field in fields(signature)}
    given = (
        f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in values.items() if value not in (None, "")
    )
    return f"Signature({', '.join(given)})"


def _limits(limits: Limits) -> dict[str, str]:
    return {"memory": str(limits.memory_bytes), "timeout": str(limits.timeout_s), "grace": str(limits.grace_s)}


def _filled(file: str, words: dict[str, str]) -> str:
    return Template((TEMPLATES / f"{file}.tmpl").read_text("utf-8")).substitute(words)


def _text(value: str | int) -> str:
    return json.dumps(value, ensure_ascii=False)


def _texts(values: Iterable[str]) -> str:
    return f"({''.join(f'{_text(one)}, ' for one in values)})".replace(", )", ",)")
