"""A local source tree as it is at this moment: its files, its fingerprint, and the wheel that it builds."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from repro.errors import EnvironmentFault, UserError
from repro.targets import uv
from repro.targets.interpreters import Interpreter
from repro.targets.tools import run

_JUNK = frozenset(
    {".git", ".hg", "build", "dist", "__pycache__", ".venv", "venv", ".tox", ".nox", ".eggs", "node_modules"}
)


@dataclass(frozen=True, slots=True)
class Checkout:
    """A source tree, frozen by contents.

    Attributes:
        folder: its absolute path.
        files: paths relative to ``folder`` of everything that a build may read.
        fingerprint: sha256 over commit, names and contents: another commit or edit gives another one.
        commit: short id of the git commit, ``None`` outside git.
        dirty: whether the files differ from that commit.
        git_folder: the repository, if ``folder`` is its top.
    """

    folder: Path
    files: tuple[str, ...]
    fingerprint: str
    commit: str | None = None
    dirty: bool = False
    git_folder: Path | None = None

    @property
    def label(self) -> str:
        """Local version part that tells one state of the tree from another: ``git.1a2b3c4d5e.dirty``."""
        state = f"git.{self.commit}" if self.commit else f"tree.{self.fingerprint[:10]}"
        return f"{state}.dirty.{self.fingerprint[:6]}" if self.dirty else state


def read(path: str) -> Checkout:
    """Look at the source tree at ``path`` (as typed in a spec).

    Raises:
        UserError: no such folder, or nothing to build in it.
        EnvironmentFault: git refuses to read it.
    """
    folder = Path(path).expanduser().absolute()
    if not any((folder / name).is_file() for name in ("pyproject.toml", "setup.py")):
        # of a repository it is the commit at hand that does not build: `git bisect run` has to skip it (125)
        kind = EnvironmentFault if (folder / ".git").exists() else UserError
        raise kind(f"{path} is not a checkout: name a folder that holds a pyproject.toml or setup.py")
    top = _top(folder, path)
    if top is None:
        files = tuple(sorted(_walk(folder)))
        return Checkout(folder, files, _fingerprint(folder, files, None))
    commit, toplevel, git_folder = top
    files = tuple(sorted(name for name in _git_files(folder) if (folder / name).is_file()))
    changes = _git(folder, "status", "--porcelain", "--", ".")
    return Checkout(
        folder,
        files,
        _fingerprint(folder, files, commit),
        commit=commit[:10],
        dirty=bool(changes),
        git_folder=Path(git_folder) if Path(toplevel).resolve() == folder.resolve() else None,
    )


def wheel(checkout: Checkout, python: Interpreter, *, cache: Path) -> Path:
    """The wheel of ``checkout`` for ``python``, built once and kept below ``cache``.

    The build works on a copy: setuptools leaves a ``build`` folder behind, whose stale files would end up in the wheel
    of the next commit. The copy's ``.git`` is a pointer, for the builds that ask git for the version.

    Raises:
        uv.BuildFailed, uv.IndexUnreachable, uv.UvFailed.
    """
    key = hashlib.sha256(f"{checkout.fingerprint}\n{python.version}\n{python.path}".encode()).hexdigest()[:32]
    home = cache / "wheels" / key
    home.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(home.with_suffix(".lock")):
        if not home.is_dir():
            work = home.with_suffix(".building")
            shutil.rmtree(work, ignore_errors=True)
            try:
                _copy(checkout, work / "source")
                for name in ("wheel", "tmp"):
                    (work / name).mkdir()
                # Both uv (lock files) and build backends leave something in the temporary folder.
                env = {"GIT_OPTIONAL_LOCKS": "0", "TMPDIR": str(work / "tmp")}
                uv.build_wheel(work / "source", python.path, work / "wheel", env=env)
                (work / "wheel").replace(home)
            finally:
                shutil.rmtree(work, ignore_errors=True)
    (built,) = home.glob("*.whl")
    return built


def _copy(checkout: Checkout, target: Path) -> None:
    for name in checkout.files:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(checkout.folder / name, target / name)
    if checkout.git_folder is not None:
        (target / ".git").write_text(f"gitdir: {checkout.git_folder}\n")


def _fingerprint(folder: Path, files: tuple[str, ...], commit: str | None) -> str:
    digest = hashlib.sha256(f"{commit}\n".encode())
    for name in files:
        content = (folder / name).read_bytes()
        digest.update(f"{name}\n{len(content)}\n".encode("utf-8", "surrogateescape") + content)
    return digest.hexdigest()


def _top(folder: Path, typed: str) -> list[str] | None:
    """Commit, top folder and repository of ``folder``; ``None`` if git knows no commit of it."""
    if shutil.which("git") is None:
        return None
    done = run(["git", "rev-parse", "HEAD", "--show-toplevel", "--absolute-git-dir"], cwd=folder, timeout_s=60)
    if done.returncode == 0:
        return done.stdout.splitlines()
    if "not a git repository" in done.stderr or "ambiguous argument 'HEAD'" in done.stderr:
        return None
    raise EnvironmentFault(f"git cannot read {typed}: {uv.readable(done.stderr)}")


def _git_files(folder: Path) -> Iterator[str]:
    listed = _git(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    return (name for name in set(listed.split("\0")) if name)


def _git(folder: Path, *args: str) -> str:
    done = run(["git", *args], cwd=folder, timeout_s=60, env={"GIT_OPTIONAL_LOCKS": "0"})
    if done.returncode:
        raise EnvironmentFault(f"git {args[0]} failed in the checkout: {uv.readable(done.stderr)}")
    return done.stdout


def _walk(folder: Path) -> Iterator[str]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in _JUNK and not name.endswith(".egg-info")]
        yield from (str((Path(parent) / name).relative_to(folder)) for name in files)
