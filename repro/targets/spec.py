"""What an environment should hold, read from one line of text. Pure: nothing is looked up here."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from repro.errors import UserError

FORMS = (
    "datasets==5.1.0, pyarrow>=22,<23 (no spaces inside), latest, python==3.12, "
    "python:/path/to/python, ./dist/some.whl or ./checkout"
)
_PYTHON = re.compile(r"python(?P<mark>==|=|:)(?P<value>.+)", re.DOTALL)
_PLAIN = re.compile(r"[^\s'\"\\]+")
_VERSION = re.compile(r"\d+(\.\d+){0,2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Spec:
    """A target as it was asked for; ``str(spec)`` is its canonical text and ``parse`` reads that back.

    Attributes:
        requirements: one per package, sorted: ``datasets==5.1.0``; a bare name means the newest.
        wheels: paths of wheel files, as typed.
        checkouts: paths of source trees, as typed.
        python: a version such as ``3.12``, or the path of an interpreter; ``None`` for the one that runs the kit.
        latest: whether everything that is not pinned must be looked up anew each time.
    """

    requirements: tuple[str, ...] = ()
    wheels: tuple[str, ...] = ()
    checkouts: tuple[str, ...] = ()
    python: str | None = None
    latest: bool = False

    def __str__(self) -> str:
        python = [] if self.python is None else [f"python{'==' if self.python_is_version else ':'}{self.python}"]
        tokens = [*(["latest"] if self.latest else []), *self.requirements, *self.wheels, *self.checkouts, *python]
        return " ".join(token if _PLAIN.fullmatch(token) else shlex.quote(token) for token in tokens)

    @property
    def python_is_version(self) -> bool:
        return self.python is not None and _VERSION.fullmatch(self.python) is not None

    @property
    def pinned(self) -> bool:
        """Whether every package that is named is named exactly, so that a day-old resolution still serves."""
        return not self.latest and all(_is_exact(Requirement(text)) for text in self.requirements)


def parse(text: str) -> Spec:
    """Read a spec such as ``"datasets==5.1.0 pyarrow==24.0.0 python==3.12"``; quote a path that has spaces.

    Raises:
        UserError: a token has none of the valid forms, or a package or python is named twice.
    """
    try:
        tokens = shlex.split(text)
    except ValueError:
        raise UserError(f"the target {text!r} has an unclosed quote; write it like: {FORMS}") from None
    if not tokens:
        raise UserError(f"the target is empty; write 'latest' for the newest releases, or: {FORMS}")
    requirements: dict[str, str] = {}
    wheels: set[str] = set()
    checkouts: set[str] = set()
    pythons: set[str] = set()
    latest = False
    for token in tokens:
        if token == "latest":
            latest = True
        elif found := _PYTHON.fullmatch(token):
            pythons.add(_python(found))
        elif token.endswith(".whl"):
            wheels.add(_wheel(token))
        elif token.startswith((".", "/", "~")):
            checkouts.add(token)
        else:
            requirement = _requirement(token)
            if requirements.setdefault(requirement.name, str(requirement)) != str(requirement):
                raise UserError(f"{requirement.name} is named twice in the target; join both as in pyarrow>=22,<23")
    if len(pythons) > 1:
        raise UserError(f"the target names more than one python ({', '.join(sorted(pythons))}); keep one")
    return Spec(
        requirements=tuple(requirements[name] for name in sorted(requirements)),
        wheels=tuple(sorted(wheels)),
        checkouts=tuple(sorted(checkouts)),
        python=next(iter(pythons), None),
        # A python alone says nothing of the packages: it is "latest" on that python.
        latest=latest or not (requirements or wheels or checkouts),
    )


def with_pins(text: str, pins: Iterable[str]) -> str:
    """The spec with those of ``pins`` added whose package it does not name; ``latest`` takes none.

    Raises:
        UserError: as ``parse``.
    """
    spec = parse(text)
    named = {Requirement(one).name for one in spec.requirements}
    named |= {parse_wheel_filename(path.rpartition("/")[2])[0] for path in spec.wheels}
    added = [pin for pin in pins if canonicalize_name(Requirement(pin).name) not in named]
    newest = "latest" in shlex.split(text)
    return text if newest or spec.checkouts else " ".join([text, *added])


def _requirement(token: str) -> Requirement:
    try:
        requirement = Requirement(token)
    except InvalidRequirement:
        raise UserError(f"cannot read {token!r} in the target; write it like: {FORMS}") from None
    if requirement.name == "python":
        raise UserError(f"cannot read {token!r} in the target; write python==3.12 or python:/path/to/python")
    if requirement.url or requirement.marker:
        raise UserError(f"{token!r}: a target takes no address and no marker; clone it and name the folder: ./checkout")
    requirement.name = canonicalize_name(requirement.name)
    return requirement


def _wheel(token: str) -> str:
    try:
        parse_wheel_filename(token.rpartition("/")[2])
    except InvalidWheelFilename:
        raise UserError(f"{token!r} is not named like a wheel, such as datasets-5.1.0-py3-none-any.whl") from None
    return token


def _python(found: re.Match[str]) -> str:
    value = found["value"]
    if value.startswith((".", "/", "~")) if found["mark"] == ":" else _VERSION.fullmatch(value):
        return value
    raise UserError(f"cannot read {found[0]!r} in the target; write python==3.12 or python:/path/to/python")


def _is_exact(requirement: Requirement) -> bool:
    clauses = list(requirement.specifier)
    return len(clauses) == 1 and clauses[0].operator in {"==", "==="} and not clauses[0].version.endswith(".*")
