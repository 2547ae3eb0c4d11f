"""The releases of a package that can be installed, as the configured package index lists them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from logging import getLogger
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from repro import places
from repro.errors import UserError
from repro.targets import records, uv

if TYPE_CHECKING:
    from pypi_simple import DistributionPackage

FRESH_S = 3600.0
TIMEOUT_S = 60.0


def list_releases(package: str, *, cache: Path) -> tuple[str, ...]:
    """Versions of ``package`` that a target can name, oldest first; asked once an hour, else read from ``cache``.

    Raises:
        UserError: no index has such a package.
        EnvironmentFault: the index does not answer and nothing is cached, or the cache cannot be written.
    """
    name = canonicalize_name(package)
    file = cache / "releases" / f"{name}.json"
    kept = records.load(file) or {}
    if "versions" not in kept or not 0 <= time.time() - kept["at"] < FRESH_S:
        try:
            with places.writable(cache, "REPRO_CACHE"):
                kept = {"at": time.time(), "versions": installable(name, _files(name, cache))}
                records.save(file, kept)
        except uv.IndexUnreachable as error:
            if "versions" not in kept:
                raise uv.IndexUnreachable(
                    f"the releases of {name} are unknown: {error}, or name the versions"
                ) from None
            getLogger("repro").warning("the package index does not answer: using an older list of %s", name)
    return tuple(kept["versions"])


def installable(package: str, files: Iterable[DistributionPackage]) -> tuple[str, ...]:
    """Versions that have a wheel which is not withdrawn, without pre-releases, oldest first.

    Files of other packages and legacy names that no tool can read are passed over.
    """
    found: set[Version] = set()
    for file in files:
        if file.package_type == "wheel" and not file.is_yanked and canonicalize_name(file.project or "") == package:
            try:
                found.add(Version(file.version or ""))
            except InvalidVersion:
                continue
    return tuple(str(version) for version in sorted(found) if not version.is_prerelease)


def _files(package: str, cache: Path) -> list[DistributionPackage]:
    """The files of the first index that knows the package, which is the one uv would take it from."""
    cache.mkdir(parents=True, exist_ok=True)
    for index in uv.index_urls(cwd=cache):
        found = _page(index, package)
        if found is not None:
            return found
    raise UserError(f"the package index has no {package!r}; check the spelling")


def _page(index: str, package: str) -> list[DistributionPackage] | None:
    """The files on the page of one package; ``None`` if there is no such page. No error repeats the address."""
    # Late: it takes the better part of a second to import.
    from pypi_simple import NoSuchProjectError, ProjectPage, PyPISimple, UnsupportedRepoVersionError

    parts = urlsplit(index)
    if parts.scheme == "file":
        page = Path(unquote(parts.path)) / package / "index.html"
        return ProjectPage.from_html(package, page.read_bytes()).packages if page.is_file() else None
    # Said outright, a login goes before one in ~/.netrc, as uv has it.
    login = None if parts.username is None else (unquote(parts.username), unquote(parts.password or ""))
    with PyPISimple(parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(), auth=login) as client:
        client.s.verify = os.environ.get("SSL_CERT_FILE") or os.environ.get("PIP_CERT") or True
        try:
            return client.get_project_page(package, timeout=TIMEOUT_S).packages
        except NoSuchProjectError:
            return None
        except (OSError, ValueError, UnsupportedRepoVersionError):  # no answer, or one that is no index page
            raise uv.IndexUnreachable from None
