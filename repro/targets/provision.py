"""From a spec to an environment that probes can run in: made once with uv, kept below the cache, reused."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from logging import getLogger
from pathlib import Path

from filelock import FileLock
from packaging.utils import canonicalize_name, parse_wheel_filename

from repro import places
from repro.errors import UserError
from repro.model import Symptom, TargetInfo, Unsolvable
from repro.targets import bytecode, checkout, interpreters, patching, records, uv
from repro.targets.interpreters import Interpreter
from repro.targets.spec import Spec, parse

FRESH_S = 24 * 3600.0
"""How long a resolution serves again, where the spec pins all that it names: what it leaves open drifts with time."""


@dataclass(frozen=True, slots=True)
class _Local:
    """A wheel file to install: its sha256, and what to add to its version (the commit it was built from)."""

    path: Path
    sha256: str
    label: str = ""

    @property
    def name(self) -> str:
        return parse_wheel_filename(self.path.name)[0]

    @property
    def version(self) -> str:
        version = str(parse_wheel_filename(self.path.name)[1])
        return f"{version}{'.' if '+' in version else '+'}{self.label}" if self.label else version

    @property
    def requirement(self) -> str:
        return f"{self.name} @ {self.path.as_uri()}"


def provision(
    spec: Spec | str,
    *,
    cache: Path,
    requires: Sequence[str] = ("datasets", "pyarrow", "nibabel"),
    patch: Path | None = None,
    diagnostic: Sequence[str] = ("memray",),
) -> TargetInfo | Unsolvable:
    """Make or find the environment of ``spec``.

    Args:
        cache: folder for environments, built wheels and resolutions; made if missing.
        requires: packages the probe needs; the newest that fit, where the spec does not name them.
        patch: a diff to apply to the installed packages.
        diagnostic: packages for the diagnostic run; left out where only they make the whole unsolvable.

    Returns:
        The environment, or why there is none: no such python, no solution, a checkout that does not build, a patch
        that does not apply (``Symptom.UNSUPPORTED``).

    Raises:
        UserError: a malformed spec or a missing file.
        EnvironmentFault: the index does not answer and nothing fits offline, uv failed, or the cache cannot be written.
    """
    spec = parse(spec) if isinstance(spec, str) else spec
    cache = cache.absolute()
    if patch is not None and not patch.is_file():
        raise UserError(f"no patch file {patch}; name an existing .patch")
    with places.writable(cache, "REPRO_CACHE"):
        cache.mkdir(parents=True, exist_ok=True)
        return _provision(spec, cache, requires, patch, diagnostic)


def _provision(
    spec: Spec, cache: Path, requires: Sequence[str], patch: Path | None, diagnostic: Sequence[str]
) -> TargetInfo | Unsolvable:
    python = interpreters.find(spec)
    if python is None:
        have = ", ".join(dict.fromkeys(one.version for one in interpreters.installed())) or "none"
        return Unsolvable(str(spec), f"no python {_asked(spec)} on this machine; found: {have}")
    try:
        local = [*map(_wheel, spec.wheels), *(_build(path, python, cache) for path in spec.checkouts)]
        pins = _pins(spec, local, python, requires, diagnostic, cache)
        return _environment(spec, python, pins, local, patch, cache)
    except uv.NoSolution as error:
        return Unsolvable(str(spec), str(error))
    except patching.DoesNotApply as error:
        return Unsolvable(str(spec), str(error), Symptom.UNSUPPORTED)
    except uv.BuildFailed as error:
        return Unsolvable(str(spec), f"does not build: {error}")


def missing_from(target: TargetInfo, tested: Iterable[str]) -> tuple[str, ...]:
    """Packages under test that a target with a checkout or wheel takes from the index instead; ``()`` without any such.

    If it is all of ``tested``, a run says nothing of that checkout.
    """
    return tuple(name for name in tested if target.local and canonicalize_name(name) not in target.local)


def _asked(spec: Spec) -> str:
    return str(spec.python) if spec.python_is_version else f"at {Path(str(spec.python)).name}"


def _wheel(typed: str) -> _Local:
    path = Path(typed).expanduser().absolute()
    if not path.is_file():
        raise UserError(f"no wheel {typed}; build one with 'uv build --wheel' or name an existing file")
    with path.open("rb") as file:
        return _Local(path, hashlib.file_digest(file, "sha256").hexdigest())


def _build(typed: str, python: Interpreter, cache: Path) -> _Local:
    source = checkout.read(typed)
    path = checkout.wheel(source, python, cache=cache)
    # By fingerprint, not by the bytes of the wheel: they hold times, so the same tree would give another key.
    return _Local(path, source.fingerprint, source.label)


def _pins(
    spec: Spec,
    local: Sequence[_Local],
    python: Interpreter,
    requires: Sequence[str],
    diagnostic: Sequence[str],
    cache: Path,
) -> tuple[str, ...]:
    """Everything resolved together, exactly; from the record where that is still good."""
    wanted = [*spec.requirements, *(one.requirement for one in local), *requires]
    record = cache / "resolutions" / f"{_key([*wanted, '+', *diagnostic, *_identity(python), *_sums(local)])}.json"
    kept = records.load(record)
    if kept is not None and spec.pinned and 0 <= time.time() - kept["at"] < FRESH_S:
        return tuple(kept["pins"])
    try:
        pins = _resolve(wanted, diagnostic, python, cache)
    except uv.IndexUnreachable:
        if kept is None:
            raise
        made = time.strftime("%Y-%m-%d", time.localtime(kept["at"]))
        getLogger("repro").warning("the package index does not answer: %s as resolved on %s", spec, made)
        return tuple(kept["pins"])
    records.save(record, {"at": time.time(), "pins": pins})
    return pins


def _resolve(wanted: Sequence[str], diagnostic: Sequence[str], python: Interpreter, cache: Path) -> tuple[str, ...]:
    if diagnostic:
        try:
            return uv.resolve([*wanted, *diagnostic], python.path, cwd=cache)
        except uv.NoSolution:
            pass  # Only the probe's own needs may make a target unsolvable.
    return uv.resolve(wanted, python.path, cwd=cache)


def _environment(
    spec: Spec,
    python: Interpreter,
    pins: Sequence[str],
    local: Sequence[_Local],
    patch: Path | None,
    cache: Path,
) -> TargetInfo:
    """The finished environment of these exact pins. A marker written last tells it from a half-made one."""
    released = [pin for pin in pins if " @ " not in pin]
    patched = [] if patch is None else ["patch", hashlib.sha256(patch.read_bytes()).hexdigest()]
    key = _key([*_identity(python), *released, *_sums(local), *patched])
    home = cache / "envs" / key
    packages = dict(sorted([*(_pin(pin) for pin in released), *((one.name, one.version) for one in local)]))
    info = TargetInfo(
        spec=str(spec),
        python=home / "bin" / "python",
        python_version=python.version,
        packages=packages,
        key=key,
        patch=None if patch is None else patch.name,
        local=tuple(sorted(one.name for one in local)),
    )
    if _is_finished(home):
        return info
    home.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(home.with_suffix(".lock")):
        if not _is_finished(home):
            shutil.rmtree(home, ignore_errors=True)  # what a killed run left
            try:
                _make(home, python, pins, packages, patch, cache)
            except BaseException:
                shutil.rmtree(home, ignore_errors=True)
                raise
    return info


def _make(
    home: Path,
    python: Interpreter,
    pins: Sequence[str],
    packages: Mapping[str, str],
    patch: Path | None,
    cache: Path,
) -> None:
    uv.make_environment(home, python.path)
    uv.install(home / "bin" / "python", pins, cwd=cache)
    (site_packages,) = _site_packages(home)
    if patch is not None:
        patching.apply(patch, site_packages, packages)
    near = bytecode.nearest(packages, _finished(home.parent, python.version))
    bytecode.share(site_packages, [path for one in near for path in _site_packages(one)])
    records.save(home / ".complete", {"python": python.version, "packages": packages})


def _site_packages(home: Path) -> list[Path]:
    return list((home / "lib").glob("python*/site-packages"))


def _finished(envs: Path, python: str) -> dict[Path, dict[str, str]]:
    """The packages of each finished environment of this Python."""
    kept = {file.parent: records.load(file) for file in envs.glob("*/.complete")}
    return {home: one["packages"] for home, one in kept.items() if one is not None and one["python"] == python}


def _is_finished(home: Path) -> bool:
    # The link to the interpreter breaks when that one is uninstalled.
    return (home / ".complete").is_file() and (home / "bin" / "python").exists()


def _pin(line: str) -> tuple[str, str]:
    name, _, version = line.partition("==")
    return canonicalize_name(name), version


def _identity(python: Interpreter) -> tuple[str, str]:
    return python.version, str(python.path)


def _sums(local: Iterable[_Local]) -> list[str]:
    return sorted(f"{one.name} {one.sha256}" for one in local)


def _key(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join([str(records.SCHEMA), *parts]).encode()).hexdigest()[:32]
