"""Requests taken apart: which endpoint a path belongs to, and what it names."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import parse_qs, unquote

from repro.hub.storage import Refused

_LARGEST_FORM = 64 << 20
_REPOSITORY = r"(?P<name>[^/]+/[^/]+)"
_API = rf"/api/(?P<kind>datasets|models)/{_REPOSITORY}"
_ROUTES = tuple(
    (method, re.compile(pattern), endpoint)
    for method, pattern, endpoint in (
        ("GET", "/api/whoami-v2", "whoami"),
        ("POST", "/api/repos/create", "create"),
        ("DELETE", "/api/repos/delete", "delete"),
        ("POST", "/api/validate-yaml", "validate-yaml"),
        ("GET", rf"{_API}(?:/revision/(?P<revision>[^/]+))?", "info"),
        ("GET", rf"{_API}/refs", "refs"),
        ("GET", rf"{_API}/commits/(?P<revision>[^/]+)", "commits"),
        ("GET", rf"{_API}/tree/(?P<revision>[^/]+)(?:/(?P<path>.*))?", "tree"),
        ("POST", rf"{_API}/paths-info/(?P<revision>[^/]+)", "paths-info"),
        ("POST", rf"{_API}/preupload/(?P<revision>[^/]+)", "preupload"),
        ("POST", rf"{_API}/commit/(?P<revision>[^/]+)", "commit"),
        ("POST", rf"{_API}/branch/(?P<revision>[^/]+)", "branch"),
        ("DELETE", rf"{_API}/branch/(?P<revision>[^/]+)", "branch"),
        ("POST", rf"{_API}/tag/(?P<revision>[^/]+)", "tag"),
        ("DELETE", rf"{_API}/tag/(?P<revision>[^/]+)", "tag"),
        ("POST", rf"/(?:(?P<kind>datasets)/)?{_REPOSITORY}\.git/info/lfs/objects/batch", "lfs-batch"),
        ("PUT", rf"/lfs/(?P<kind>datasets|models)/{_REPOSITORY}/(?P<sha256>[0-9a-f]{{64}})", "put"),
        ("POST", rf"/lfs/(?P<kind>datasets|models)/{_REPOSITORY}/verify", "verify"),
        ("GET", rf"/(?:(?P<kind>datasets)/)?{_REPOSITORY}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", "resolve"),
        ("HEAD", rf"/(?:(?P<kind>datasets)/)?{_REPOSITORY}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", "head"),
    )
)


@dataclass(frozen=True, slots=True)
class Call:
    """A request, taken apart: its endpoint, what its path names, and its body."""

    endpoint: str
    method: str
    names: Mapping[str, str]
    query: Mapping[str, str]
    origin: str
    has_token: bool
    body: BinaryIO | None = None

    @property
    def kind(self) -> str:
        return self.names.get("kind") or "models"

    @property
    def repository(self) -> str:
        return self.names["name"]

    def form(self) -> Any:
        """The JSON of the body; an object."""
        assert self.body is not None
        body = self.body.read(_LARGEST_FORM + 1)
        if len(body) > _LARGEST_FORM:
            raise Refused(413, "the body is larger than any form")
        return _json(body)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: JSON, a page, or a file whose bytes may be asked for in ranges."""

    form: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    file: Path | None = None
    page: bytes = b""

    @property
    def body(self) -> bytes:
        return self.page if self.form is None else json.dumps(self.form).encode()

    @property
    def content_type(self) -> str:
        if self.file is not None:
            return "application/octet-stream"
        return "text/html" if self.page else "application/json"


def route(method: str, path: str) -> tuple[str, dict[str, str]]:
    """The endpoint of a request and the parts of its path, decoded. Raises Refused if there is none."""
    for known, pattern, endpoint in _ROUTES:
        if known == method and (found := pattern.fullmatch(path)):
            return endpoint, {name: unquote(part) for name, part in found.groupdict().items() if part is not None}
    if not path.startswith("/"):
        raise Refused(403, "this loopback Hub leads nowhere else")
    raise Refused(404, "this loopback Hub has no such page")


def query(text: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(text).items()}


def _json(body: bytes) -> dict[str, Any]:
    try:
        form = json.loads(body or b"{}")
    except ValueError:
        form = None
    if not isinstance(form, dict):
        raise Refused(400, "the body is no JSON object")
    return form
