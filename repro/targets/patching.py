"""Apply a unified diff, as the pull request has it, to the packages of one environment."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from packaging.utils import canonicalize_name

from repro.errors import SpawnError, UserError
from repro.targets.tools import Finished, run
from repro.targets.uv import readable


class DoesNotApply(Exception):
    """The diff does not fit this release; the text says in one line whether it is wrong or already part of it."""


@dataclass(frozen=True, slots=True)
class Section:
    """The part of a diff that changes one file; ``old`` and ``new`` as they stand in the headers."""

    old: str
    new: str
    text: str

    @property
    def path(self) -> str:
        return self.old if self.new == "/dev/null" else self.new


def sections(diff: str) -> tuple[Section, ...]:
    """Split a diff (of git or of ``diff -u``) into its files; sections without a text change are left out."""
    starts = r"^(?=diff --git )" if re.search(r"^diff --git ", diff, re.MULTILINE) else r"^(?=--- .*\n\+\+\+ )"
    found: list[Section] = []
    for text in re.split(starts, diff, flags=re.MULTILINE):
        header = re.search(r"^--- ([^\t\n]+).*\n\+\+\+ ([^\t\n]+)", text, re.MULTILINE)
        if header:
            found.append(Section(header[1].strip(), header[2].strip(), text))
    return tuple(found)


def strip_level(section: Section, site_packages: Path) -> int | None:
    """How many leading folders to drop so that the file exists below ``site_packages``; ``None`` if it never does.

    A file that the diff adds fits where its folder exists.
    """
    parts = PurePosixPath(section.path).parts
    for level in range(len(parts) - 1):
        inside = site_packages.joinpath(*parts[level:])
        if inside.is_file() or (section.old == "/dev/null" and inside.parent.is_dir()):
            return level
    return None


def apply(patch: Path, site_packages: Path, packages: Mapping[str, str]) -> None:
    """Apply ``patch`` to the files below ``site_packages``.

    What the diff changes elsewhere (tests, documentation) is left out: a release does not hold it. The files are first
    given inodes of their own, because uv links them to its cache, which every other environment shares.

    Raises:
        DoesNotApply: nothing was changed.
        UserError: the file is no diff, or git is missing.
    """
    diff = patch.read_text(encoding="utf-8")
    everything = sections(diff)
    if not everything:
        raise UserError(f"{patch.name} holds no unified diff; make one with: git diff > {patch.name}")
    fitting = [(level, one) for one in everything if (level := strip_level(one, site_packages)) is not None]
    if not fitting:
        names = ", ".join(one.path for one in everything[:3])
        raise DoesNotApply(f"patch {patch.name} changes no file of this environment ({names})")
    texts: dict[int, str] = {}
    for level, one in fitting:
        texts[level] = texts.get(level, "") + one.text
    against = _owners([(level, one.path) for level, one in fitting], packages)
    checks = {level: _git_apply(text, level, site_packages, "--check") for level, text in texts.items()}
    failed = next((done for done in checks.values() if done.returncode), None)
    if failed is not None:
        undone = [_git_apply(text, level, site_packages, "--check", "--reverse") for level, text in texts.items()]
        if not any(done.returncode for done in undone):
            raise DoesNotApply(f"patch {patch.name} is already part of {against}")
        why = readable(failed.stderr.strip().partition("\n")[0])
        raise DoesNotApply(f"patch {patch.name} does not apply to {against}: {why}")
    for level, text in texts.items():
        for at, one in fitting:
            if at == level:
                _unshare(site_packages.joinpath(*PurePosixPath(one.path).parts[level:]))
        done = _git_apply(text, level, site_packages)
        if done.returncode:
            raise DoesNotApply(f"patch {patch.name} does not apply to {against}: {readable(done.stderr)}")


def _git_apply(diff: str, level: int, site_packages: Path, *flags: str) -> Finished:
    # An enclosing repository would make git skip the files, and a user's settings could change what "applies" means.
    env = {
        "GIT_CEILING_DIRECTORIES": str(site_packages.resolve().parent),
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    command = ["git", "apply", f"-p{level}", "--whitespace=nowarn", *flags, "-"]
    try:
        return run(command, cwd=site_packages.resolve(), stdin=diff, timeout_s=60, env=env)
    except SpawnError:
        raise UserError("git is needed to apply a patch and was not found; install git") from None


def _unshare(file: Path) -> None:
    """Give ``file`` an inode of its own, with the same contents."""
    if not file.is_file():
        return
    with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as copy:
        shutil.copyfile(file, copy.name)
        shutil.copymode(file, copy.name)
    Path(copy.name).replace(file)


def _owners(files: list[tuple[int, str]], packages: Mapping[str, str]) -> str:
    """``datasets 5.2.0``: the packages whose folders the files lie in."""
    names = sorted({canonicalize_name(PurePosixPath(path).parts[level]) for level, path in files})
    return ", ".join(f"{name} {packages[name]}" if name in packages else name for name in names)
