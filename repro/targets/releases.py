"""The releases of a package, as the configured package index lists them."""

from __future__ import annotations

import base64
import json
import os
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from html.parser import HTMLParser
from logging import getLogger
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from repro.errors import UserError
from repro.targets import records, uv

FRESH_S = 3600.0
_ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.1"


@dataclass(frozen=True, slots=True)
class Release:
    """One release.

    Attributes:
        version: as written by ``packaging``, such as ``5.2.0``.
        yanked: whether its authors withdrew every file of it.
        uploaded: date of its first file (``2026-10-30``), ``None`` if the index does not say.
        wheels: whether it has any wheel; a release without one cannot become a target.
    """

    version: str
    yanked: bool = False
    uploaded: str | None = None
    wheels: bool = True


def list_releases(package: str, *, cache: Path, prereleases: bool = False) -> tuple[Release, ...]:
    """All releases of ``package``, newest last, yanked ones marked; asked once an hour, else read from ``cache``.

    Raises:
        UserError: no such package, or the index does not answer and nothing is cached.
    """
    name = canonicalize_name(package)
    file = cache / "releases" / f"{name}.json"
    kept = records.load(file)
    if kept is None or not 0 <= time.time() - kept["at"] < FRESH_S:
        try:
            found = from_files(name, _files(name, cache))
        except uv.IndexUnreachable:
            if kept is None:
                raise UserError(
                    f"the package index does not answer, so the releases of {name} are unknown; "
                    "check the network and uv's index settings, or name the versions"
                ) from None
            getLogger("repro").warning("the package index does not answer: using an older list of %s", name)
        else:
            kept = {"at": time.time(), "releases": [asdict(one) for one in found]}
            records.save(file, kept)
    releases = (Release(**one) for one in kept["releases"])
    return tuple(one for one in releases if prereleases or not Version(one.version).is_prerelease)


def newest(releases: Sequence[Release], count: int) -> tuple[Release, ...]:
    """The last ``count`` releases that can be installed, newest last."""
    usable = [one for one in releases if one.wheels and not one.yanked]
    return tuple(usable[max(0, len(usable) - count) :])


def matching(releases: Iterable[Release], specifier: str) -> tuple[Release, ...]:
    """The releases that can be installed and satisfy ``specifier``, such as ``">=4.4,<5.2"``."""
    try:
        wanted = SpecifierSet(specifier)
    except InvalidSpecifier:
        raise UserError(f"cannot read the version range {specifier!r}; write it like '>=4.4,<5.2'") from None
    return tuple(
        one for one in releases if one.wheels and not one.yanked and wanted.contains(one.version, prereleases=True)
    )


def from_files(package: str, files: Iterable[Mapping[str, Any]]) -> tuple[Release, ...]:
    """Group the files of an index page (``filename``, ``yanked``, ``upload-time``) into releases, newest last.

    Files of other packages and legacy names that no tool can read are passed over.
    """
    grouped: dict[Version, list[Mapping[str, Any]]] = {}
    for file in files:
        version = _version(package, file["filename"])
        if version is not None:
            grouped.setdefault(version, []).append(file)
    return tuple(
        Release(
            version=str(version),
            yanked=all(file.get("yanked") not in (None, False) for file in group),
            uploaded=min((str(file["upload-time"])[:10] for file in group if file.get("upload-time")), default=None),
            wheels=any(file["filename"].endswith(".whl") for file in group),
        )
        for version, group in sorted(grouped.items())
    )


class _Links(HTMLParser):
    """The anchors of an index page in its HTML form (PEP 503)."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[dict[str, Any]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a" and given.get("href"):
            path = urllib.parse.urlsplit(given["href"] or "").path
            name = urllib.parse.unquote(path.rpartition("/")[2])
            self.files.append({"filename": name, "yanked": "data-yanked" in given})


def _version(package: str, filename: str) -> Version | None:
    try:
        if filename.endswith(".whl"):
            name, version, *_ = parse_wheel_filename(filename)
        else:
            name, version = parse_sdist_filename(filename)
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return None
    return version if name == package else None


def _files(package: str, cache: Path) -> list[dict[str, Any]]:
    """The files of the first index that knows the package, which is the one uv would take it from."""
    cache.mkdir(parents=True, exist_ok=True)
    for index in uv.index_urls(cwd=cache):
        page = _fetch(f"{index.rstrip('/')}/{package}/")
        if page is not None:
            return page
    raise UserError(f"the package index has no {package!r}; check the spelling")


def _fetch(url: str) -> list[dict[str, Any]] | None:
    """The files listed on one page; ``None`` if there is no such page. No error repeats the address."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "file":
        page = Path(urllib.parse.unquote(parts.path)) / "index.html"
        return _html(page.read_text(encoding="utf-8")) if page.is_file() else None
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    request = urllib.request.Request(bare.geturl(), headers={"Accept": _ACCEPT, "User-Agent": "datasets-repro"})
    if parts.username is not None:
        login = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
        # Unredirected: the credentials are for this host and no other.
        request.add_unredirected_header("Authorization", f"Basic {base64.b64encode(login.encode()).decode()}")
    try:
        context = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE") or os.environ.get("PIP_CERT"))
        with urllib.request.urlopen(request, timeout=60, context=context) as answer:
            kind, body = answer.headers.get_content_type(), answer.read().decode("utf-8")
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise uv.IndexUnreachable from None
    except OSError:
        raise uv.IndexUnreachable from None
    if kind.endswith("json"):
        listed: list[dict[str, Any]] = json.loads(body)["files"]
        return listed
    return _html(body)


def _html(text: str) -> list[dict[str, Any]]:
    links = _Links()
    links.feed(text)
    return links.files
