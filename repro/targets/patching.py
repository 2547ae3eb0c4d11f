"""Applies a unified diff, as the pull request has it, to the packages of one environment: whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from packaging.utils import canonicalize_name

from repro.errors import UserError
from repro.targets.diff import Section, sections
from repro.targets.tools import Finished, run
from repro.targets.uv import readable

_NOT_INSTALLED = frozenset({"test", "tests", "doc", "docs", "examples", "benchmarks"})
_COMPILED = (".pyx", ".pxd", ".pxi", ".c", ".cc", ".cpp", ".h", ".hpp", ".rs", ".so")
_LONGEST_PATH = 4096
_NO_NAME = frozenset({"", ".", ".."})


class DoesNotApply(Exception):
    """The diff does not fit this release; the text says in one line whether it is wrong or already part of it."""


def apply(patch: Path, site_packages: Path, packages: Mapping[str, str]) -> None:
    """Apply ``patch`` to the files below ``site_packages``.

    What the diff changes outside the packages (tests, documentation) is left out: a release does not hold it. git works
    on copies, which are moved in when all is well: the files are links to uv's cache, which every environment shares.

    Raises:
        DoesNotApply: nothing was changed.
        UserError: the file is no diff.
        EnvironmentFault: git is missing or did not end.
    """
    everything = sections(patch.read_bytes())
    if not everything:
        raise UserError(f"{patch.name} holds no unified diff; make one with: git diff > {patch.name}")
    depths = package_depths(everything, site_packages)
    if not depths:
        names = ", ".join(repr(one.paths[-1][:300]) for one in everything[:3])
        raise DoesNotApply(f"patch {patch.name} changes no file of this environment ({names})")
    depth = min(depths.values())
    files = {path: "/".join(path.split("/")[depth:]) for path in depths}
    against = _owners((path.split("/")[depth] for path, depth in depths.items()), packages)

    def refusal(reason: str) -> DoesNotApply:
        return DoesNotApply(f"patch {patch.name} does not apply to {against}: {reason}")

    if max(depths.values()) != depth:
        raise refusal("its packages lie at different depths; split it by package")
    for one in everything:
        if reason := _obstacle(one, files, site_packages):
            raise refusal(f"{one.paths[-1][:300]!r} {reason}")
    with tempfile.TemporaryDirectory(dir=site_packages.parent) as folder:
        diff, copies = Path(folder) / "diff", Path(folder) / "files"
        diff.write_bytes(b"".join(one.text for one in everything if one.paths[-1] in files))
        copies.mkdir()
        for file in filter(lambda name: (site_packages / name).is_file(), set(files.values())):
            (copies / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(site_packages / file, copies / file)
        done = _git_apply(diff, depth, copies)
        if done.returncode:
            if _git_apply(diff, depth, copies, "--check", "--reverse").returncode == 0:
                raise DoesNotApply(f"patch {patch.name} is already part of {against}")
            why = readable(done.stderr.strip().partition("\n")[0])
            raise refusal(why if any(file in why for file in files.values()) else f"{why} ({min(files.values())!r})")
        made = {str(file.relative_to(copies)) for file in copies.rglob("*") if file.is_symlink() or not file.is_dir()}
        if strange := made - set(files.values()):
            raise refusal(f"it makes {min(strange)!r}, which no header of it names")
        _move_in(copies, site_packages, made, set(files.values()) - made)


def package_depths(everything: Iterable[Section], site_packages: Path) -> dict[str, int]:
    """For each path of the diff that belongs to an installed package, how many leading folders to drop.

    Files that are there show which folder of the repository became which package (``a/src/datasets`` is ``datasets``);
    all that the diff has in that folder belongs to it, also what is new or missing. If none is there, the names of the
    folders of what the diff adds or deletes decide.
    """
    paths = [path for one in everything for path in one.paths]
    whole = [path for one in everything if None in (one.old, one.new) for path in one.paths]
    # os.path: it says no, too, to what cannot be a name at all.
    packages = _first(paths, lambda rest: os.path.isfile(site_packages.joinpath(*rest)))  # noqa: PTH113
    if not packages:
        packages = _first(whole, lambda rest: os.path.isdir(site_packages / rest[0]))  # noqa: PTH112
    folders = {_folder(path, depth) for path, depth in packages.items()}
    return {
        path: depth
        for path in paths
        for depth in reversed(list(_depths(path)))  # the smallest is kept
        if _folder(path, depth) in folders
    }


def _first(paths: Iterable[str], fits: Callable[[list[str]], bool]) -> dict[str, int]:
    """The smallest depth at which each path fits, of those that fit at all."""
    found = {path: next((depth for depth in _depths(path) if fits(path.split("/")[depth:])), None) for path in paths}
    return {path: depth for path, depth in found.items() if depth is not None}


def _depths(path: str) -> Iterator[int]:
    """How many leading folders may be dropped: all that are no names, never a folder of tests, never all of them."""
    parts = path.split("/") if len(path) <= _LONGEST_PATH else []
    for depth in range(_leading(parts), len(parts) - 1):
        if _NOT_INSTALLED & set(parts[:depth]):
            return
        yield depth


def _leading(parts: Sequence[str]) -> int:
    """How many parts the path of a file outside a repository begins with that are no names: ``/``, ``.`` or ``..``."""
    return next((at for at, part in enumerate(parts) if part not in _NO_NAME), len(parts))


def _folder(path: str, depth: int) -> tuple[str, ...]:
    """The folder of the repository that is a package; whether it lies below a/ or b/ makes no difference."""
    parts = path.split("/")[: depth + 1]
    return ("", *parts[1:]) if depth else tuple(parts)


def _obstacle(one: Section, files: Mapping[str, str], site_packages: Path) -> str:
    """Why a part of the diff cannot take effect, whatever its lines are; empty if it can or need not."""
    for path in one.paths:
        parts = path.split("/")
        if len(path) > _LONGEST_PATH:
            return "is too long for the name of a file"
        if _NO_NAME & set(parts[_leading(parts) :]) or "\0" in path or max(map(len, map(os.fsencode, parts))) > 255:
            return "is not the name of a file"
        if path.endswith(_COMPILED) and not _NOT_INSTALLED & set(parts):
            return "is compiled: build a checkout with it, and name that: --target ./checkout"
    inside = [files[path] for path in one.paths if path in files]
    if not inside:
        return ""
    if len(inside) < len(one.paths):
        return "comes from outside of its package, or goes there"
    if one.special:
        return "is a symbolic link or a submodule, and a release has neither"
    for file in inside:
        place = site_packages / file
        if place.is_dir():
            return "is a folder in this release"
        if not next(parent for parent in place.parents if parent.exists()).is_dir():
            return "lies below a file in this release"
        if not place.parent.resolve().is_relative_to(site_packages.resolve()):
            return "lies behind a link that leads out of this environment"
    return ""


def _move_in(copies: Path, site_packages: Path, made: Iterable[str], gone: Iterable[str]) -> None:
    for file in gone:
        (site_packages / file).unlink()
    for file in made:
        (site_packages / file).parent.mkdir(parents=True, exist_ok=True)
        (copies / file).replace(site_packages / file)
    for file in gone:  # a folder left empty could still be imported
        for parent in Path(file).parents[:-1]:
            with suppress(OSError):
                (site_packages / parent).rmdir()


def _git_apply(diff: Path, depth: int, folder: Path, *flags: str) -> Finished:
    outside = str(folder.resolve().parent)
    # An enclosing repository would make git skip the files, and a user's settings could change what "applies" means.
    env = {
        "GIT_CEILING_DIRECTORIES": outside,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ATTR_NOSYSTEM": "1",
        "XDG_CONFIG_HOME": outside,
    }
    command = ["git", "apply", f"-p{depth}", "--whitespace=nowarn", *flags, str(diff.resolve())]
    return run(command, cwd=folder.resolve(), timeout_s=60, env=env)


def _owners(folders: Iterable[str], packages: Mapping[str, str]) -> str:
    """``datasets 5.2.0``: the packages that the folders are of."""
    names = sorted(set(map(canonicalize_name, folders)))
    return ", ".join(f"{name} {packages[name]}" if name in packages else name for name in names)
