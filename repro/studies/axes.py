"""The axes of a matrix or a bisection: a package and its releases, read from a range, a list or a name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from repro import targets
from repro.errors import UserError, unknown

PACKAGES = ("datasets", "pyarrow", "python", "huggingface-hub")
LATEST = "latest"

_FORMS = "'datasets>=4.4', 'datasets==5.1.0,5.2.0', 'pyarrow==latest', python or latest"
_AXIS = re.compile(r"(?P<name>[A-Za-z][\w.-]*?)\s*(?P<rest>[<>=!~].*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Axis:
    """One package and its releases, oldest first. ``latest`` stands for the newest that resolves with the rest."""

    package: str
    releases: tuple[str, ...]

    def tokens(self) -> list[str]:
        """One word of a target spec for each release."""
        return [self.package if one == LATEST else f"{self.package}=={one}" for one in self.releases]


def read_axis(text: str, cache: Path, recent: int | None = None) -> Axis:
    """The axis that a text means: a range, a list, ``latest``, or a bare name for all releases.

    A bare name stands for the newest ``recent`` releases, if that is given. Releases that were withdrawn or have no
    wheel are left out; so are those that no interpreter of this machine has, on the axis python.

    Raises:
        UserError: no such axis, a malformed text, or no release satisfies it.
    """
    if text.strip() == LATEST:
        return Axis("datasets", (LATEST,))
    found = _AXIS.fullmatch(text.strip())
    name = canonicalize_name(found["name"]) if found else text
    if found is None or name not in PACKAGES:
        raise unknown("axis", name, (*PACKAGES, LATEST))
    rest = (found["rest"] or "").strip()
    listed = re.fullmatch(r"==\s*([^<>=!~*]+)", rest)
    if listed:
        return Axis(name, _versions(text, listed[1].split(",")))
    try:
        wanted = SpecifierSet(rest)
    except InvalidSpecifier:
        raise UserError(f"cannot read the axis {text!r}: write it like {_FORMS}") from None
    releases = _pythons(wanted) if name == "python" else _releases(name, wanted, cache)
    if not rest and recent is not None:
        releases = releases[-recent:]
    if not releases:
        raise UserError(f"no release fits the axis {text!r}: write a wider range, as 'datasets>=4.4'")
    return Axis(name, releases)


def specs(axes: Sequence[Axis], base: str = "") -> list[str]:
    """A target spec for each combination; the first axis changes slowest. ``base`` is pinned in all of them.

    Raises:
        UserError: two axes of one package, or ``base`` names one too.
    """
    names = [axis.package for axis in axes]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise UserError(f"two axes of {repeated[0]}: join them, as '{repeated[0]}==5.1.0,5.2.0'")
    return [" ".join([*tokens, *base.split()]) for tokens in product(*(axis.tokens() for axis in axes))]


def _versions(text: str, words: Sequence[str]) -> tuple[str, ...]:
    """A list as typed, checked and put in order, ``latest`` last."""
    names = list(dict.fromkeys(word.strip() for word in words))
    try:
        pinned = sorted((name for name in names if name != LATEST), key=Version)
    except InvalidVersion:
        raise UserError(f"cannot read the axis {text!r}: write it like {_FORMS}") from None
    return (*pinned, *([LATEST] if LATEST in names else []))


def _releases(name: str, wanted: SpecifierSet, cache: Path) -> tuple[str, ...]:
    return tuple(version for version in targets.list_releases(name, cache=cache) if wanted.contains(version))


def _pythons(wanted: SpecifierSet) -> tuple[str, ...]:
    """The newest interpreter of each minor version on this machine, oldest first."""
    newest: dict[str, str] = {}
    for one in targets.installed():
        newest.setdefault(".".join(one.version.split(".")[:2]), one.version)
    return tuple(minor for minor, version in reversed(newest.items()) if wanted.contains(version, prereleases=True))
