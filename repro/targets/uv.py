"""The only door to uv: resolve, make an environment, install, build a wheel, list interpreters and indexes."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import uv as uv_package

from repro.errors import EnvironmentFault
from repro.targets.tools import Finished, run

QUICK_S = 60.0
"""Limit for what needs no network."""
SLOW_S = 900.0
"""Limit for what may download or build."""

_LIMIT = 400
_URL = re.compile(r"\b(?:https?|file)://[^\s`'\")]+")
_PATH = re.compile(r"(?<![\w.])(?:/[\w.@+~-]+)+/([\w.@+~-]+)")
_LEAD = re.compile(r"^\s*(?:[×╰│├─▶]+|\berror:|\bcause:|\bCaused by:)\s*")
_UNREACHABLE = (
    "Failed to fetch",
    "Request failed",
    "Could not connect",
    "error sending request",
    "Failed to download",
    "network was disabled",
)
_UNWRITABLE = (
    "No space left",
    "quota exceeded",
    "Permission denied",
    "Operation not permitted",
    "Read-only file system",
    "Not a directory",
    "Failed to initialize cache",
)
_PLACE = re.compile(r"`(/[^`]+)`")


class NoSolution(Exception):
    """uv proved that no environment holds all that is asked; the text is its explanation in one line."""


class BuildFailed(Exception):
    """A source tree does not build; the text is the last line of the build."""


class IndexUnreachable(EnvironmentFault):
    """The configured package index did not answer."""

    def __init__(
        self, message: str = "the package index does not answer; check the network and uv's index settings"
    ) -> None:
        super().__init__(message)


class UvFailed(EnvironmentFault):
    """uv ended in a way that the kit does not know."""


def resolve(requirements: Sequence[str], python: Path, *, cwd: Path) -> tuple[str, ...]:
    """Exact pins of everything that ``requirements`` need together: ``name==version`` or ``name @ file:…`` lines.

    ``cwd`` should lie outside any project, whose settings uv would follow.

    Raises:
        NoSolution, IndexUnreachable, UvFailed.
    """
    flags = ("--no-header", "--no-annotate", "--only-binary", ":all:", "--python", python)
    done = _uv("pip", "compile", "-", *flags, stdin="\n".join(requirements), cwd=cwd, timeout_s=SLOW_S)
    if done.returncode:
        raise _failure(done, "resolve")
    return tuple(line.strip() for line in done.stdout.splitlines() if line.strip())


def make_environment(folder: Path, python: Path) -> None:
    """Make an empty virtual environment."""
    _checked("venv", "--python", python, folder, cwd=folder.parent, timeout_s=QUICK_S)


def install(python: Path, pins: Sequence[str], *, cwd: Path) -> None:
    """Install exactly ``pins`` (from ``resolve``), nothing else, into the environment of ``python``."""
    flags = ("--no-deps", "--only-binary", ":all:", "--python", python)
    _checked("pip", "install", *flags, "-r", "-", stdin="\n".join(pins), cwd=cwd, timeout_s=SLOW_S)


def build_wheel(source: Path, python: Path, into: Path, *, env: Mapping[str, str] | None = None) -> Path:
    """Build the wheel of a source tree, isolated as usual.

    Raises:
        BuildFailed, IndexUnreachable, UvFailed.
    """
    done = _uv("build", "--wheel", "--python", python, "--out-dir", into, source, cwd=source, timeout_s=SLOW_S, env=env)
    if done.returncode:
        backend, _, own = done.stderr.rpartition("\nerror: ")
        if "No space left" in backend or any(sign in own for sign in (*_UNREACHABLE, *_UNWRITABLE)):
            raise _failure(done, "build")
        said = [line for line in backend.splitlines() if line.strip() and line != "Building wheel..."]
        raise BuildFailed(readable(said[-1] if said else own))
    (wheel,) = into.glob("*.whl")
    return wheel


def installed_pythons(search: Sequence[Path]) -> list[dict[str, Any]]:
    """The interpreters on ``PATH`` = ``search``, as uv describes them (``path``, ``version``, ``variant``, …)."""
    env = {"PATH": os.pathsep.join(map(str, search))}
    done = _checked("python", "list", *_INSTALLED, env=env, timeout_s=QUICK_S)
    return _objects(done)


def describe_python(path: Path) -> dict[str, Any] | None:
    """The interpreter at ``path``, or ``None`` if there is none or it does not run."""
    found = _objects(_checked("python", "list", *_INSTALLED, path, timeout_s=QUICK_S))
    return found[0] if found else None


_INSTALLED = ("--only-installed", "--output-format", "json")


def index_urls(*, cwd: Path) -> tuple[str, ...]:
    """Addresses of the configured indexes, in the order uv asks them. May hold credentials: never print or store."""
    done = _checked("pip", "compile", "-", "--no-header", "--emit-index-url", cwd=cwd, timeout_s=QUICK_S)
    words = [line.split() for line in done.stdout.splitlines()]
    extra = [word[1] for word in words if word[:1] == ["--extra-index-url"]]
    return (*extra, *(word[1] for word in words if word[:1] == ["--index-url"]))


def readable(text: str) -> str:
    """What uv said, as one line: no frames, no hints, no addresses, no folders; cut at 400 characters."""
    lines: list[str] = []
    for line in text.splitlines():
        if line.lstrip().startswith("hint:"):
            break
        if not line.startswith("warning:"):
            lines.append(_LEAD.sub("", line).strip())
    joined = " ".join(line for line in lines if line)
    joined = _URL.sub(lambda m: m[0].rpartition("/")[2] if m[0].startswith("file") else "the package index", joined)
    joined = _PATH.sub(r"\1", joined)
    joined = re.sub(r"^No solution found when resolving dependencies[^:]*?:?\s+(?=Because)", "", joined)
    return joined if len(joined) <= _LIMIT else joined[: _LIMIT - 1].rstrip() + "…"


def _failure(done: Finished, doing: str) -> Exception:
    """Which kind of failure this is, told from uv's own words."""
    # A full disk is asked first: uv words it as a download that failed.
    sign = next((sign for sign in _UNWRITABLE if sign in done.stderr), None)
    if sign is not None:
        place = _PLACE.search(done.stderr)
        where = f" in {place[1]}" if place else ""
        return UvFailed(
            f"uv could not {doing}{where} ({sign}): make room or name another folder with REPRO_CACHE (environments) "
            "or UV_CACHE_DIR (uv's downloads)"
        )
    # "No solution" is asked after the network: offline, uv calls every package that it has no copy of unsatisfiable.
    if any(sign in done.stderr for sign in _UNREACHABLE):
        return IndexUnreachable()
    local_wheel = "Failed to read" in done.stderr or "not compatible" in done.stderr
    if "No solution found" in done.stderr or local_wheel:
        return NoSolution(readable(done.stderr))
    return UvFailed(f"uv could not {doing} (exit {done.returncode}): {readable(done.stderr)}")


def _checked(*args: str | Path, **how: Any) -> Finished:
    done = _uv(*args, **how)
    if done.returncode:
        raise _failure(done, " ".join(str(word) for word in args[:2] if not str(word).startswith("-")))
    return done


def _uv(
    *args: str | Path,
    timeout_s: float,
    cwd: Path | None = None,
    stdin: str = "",
    env: Mapping[str, str] | None = None,
) -> Finished:
    settings = {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1", **_settings_of_pip()}
    return run([_binary(), *args], timeout_s=timeout_s, cwd=cwd, stdin=stdin, env={**settings, **(env or {})})


def _settings_of_pip() -> dict[str, str]:
    """pip's index and certificates, where uv has no setting of its own: many machines configure pip only."""
    settings: dict[str, str] = {}
    index = os.environ.get("PIP_INDEX_URL")
    if index and not any(os.environ.get(name) for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_NO_INDEX")):
        settings["UV_DEFAULT_INDEX"] = index
    certificates = os.environ.get("PIP_CERT")
    if certificates and not os.environ.get("SSL_CERT_FILE"):
        settings["SSL_CERT_FILE"] = certificates
    return settings


def _binary() -> str:
    try:
        return str(uv_package.find_uv_bin())
    except FileNotFoundError:
        found = shutil.which("uv")
        if found is None:
            raise EnvironmentFault("uv is not installed; type: python -m pip install uv") from None
        return found


def _objects(done: Finished) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found
