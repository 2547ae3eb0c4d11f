"""Which releases there are, from whatever index is configured."""

from __future__ import annotations

import base64
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from repro.errors import UserError
from repro.targets import Release, list_releases, matching, newest, releases

JSON = "application/vnd.pypi.simple.v1+json"
FILES = [
    {"filename": "tiny-1.0.tar.gz", "upload-time": "2026-01-02T00:00:00Z"},
    {"filename": "tiny-1.10-py3-none-any.whl", "upload-time": "2026-03-01T00:00:00Z"},
    {"filename": "tiny-1.9-py3-none-any.whl", "upload-time": "2026-02-02T00:00:00Z"},
    {"filename": "tiny-1.9.tar.gz", "upload-time": "2026-02-01T00:00:00Z", "yanked": False},
    {"filename": "tiny-1.11-py3-none-any.whl", "yanked": "broken"},
    {"filename": "tiny-2.0rc1-py3-none-any.whl", "yanked": False},
    {"filename": "tiny-0.1.win32.exe"},
    {"filename": "tiny_extras-7.0.tar.gz"},
]
HTML = """<!DOCTYPE html><a href="https://files.example.org/a/tiny-1.0-py3-none-any.whl#sha256=00">tiny</a>
<a href="../tiny-1.1%2Bx-py3-none-any.whl" data-yanked="">tiny</a>"""


@dataclass
class Index:
    """A package index on the loopback interface: what it answers, and what it was asked."""

    pages: dict[str, tuple[str, str]] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    port: int = 0


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    state = Index(pages={"/simple/tiny/": (JSON, json.dumps({"files": FILES}))})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append((self.path, self.headers.get("Authorization")))
            kind, body = state.pages.get(self.path, ("text/plain", ""))
            self.send_response(200 if self.path in state.pages else 404)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.port = server.server_port
    for name in ("PIP_INDEX_URL", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://127.0.0.1:{state.port}/simple")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


Later = Callable[[float], None]


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    real = time.time

    def shift(seconds: float) -> None:
        monkeypatch.setattr(time, "time", lambda: real() + seconds)

    return shift


def test_releases_come_oldest_first_with_what_matters_of_them(index: Index, tmp_path: Path) -> None:
    assert list_releases("Tiny", cache=tmp_path) == (
        Release("1.0", uploaded="2026-01-02", wheels=False),
        Release("1.9", uploaded="2026-02-01"),
        Release("1.10", uploaded="2026-03-01"),
        Release("1.11", yanked=True),
    )


def test_pre_releases_come_when_asked_for(index: Index, tmp_path: Path) -> None:
    assert list_releases("tiny", cache=tmp_path, prereleases=True)[-1].version == "2.0rc1"


def test_an_index_that_speaks_only_html_is_read_too(index: Index, tmp_path: Path) -> None:
    index.pages["/simple/tiny/"] = ("text/html", HTML)
    assert list_releases("tiny", cache=tmp_path) == (Release("1.0"), Release("1.1+x", yanked=True))


def test_an_index_in_a_folder_is_read_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "simple" / "tiny" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text(HTML)
    monkeypatch.setenv("UV_DEFAULT_INDEX", (tmp_path / "simple").as_uri())
    assert list_releases("tiny", cache=tmp_path / "kit")[0] == Release("1.0")


def test_credentials_of_the_index_address_are_used(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://me:p%40ss@127.0.0.1:{index.port}/simple")
    list_releases("tiny", cache=tmp_path)
    assert index.asked == [("/simple/tiny/", f"Basic {base64.b64encode(b'me:p@ss').decode()}")]


def test_an_extra_index_is_asked_before_the_default_one(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_INDEX", f"http://127.0.0.1:{index.port}/extra")
    list_releases("tiny", cache=tmp_path)
    assert [path for path, _ in index.asked] == ["/extra/tiny/", "/simple/tiny/"]


def test_the_index_is_asked_once_an_hour(index: Index, tmp_path: Path, later: Later) -> None:
    first = list_releases("tiny", cache=tmp_path)
    later(3500)
    assert list_releases("tiny", cache=tmp_path) == first
    assert len(index.asked) == 1
    later(3700)
    list_releases("tiny", cache=tmp_path)
    assert len(index.asked) == 2


def test_no_file_repeats_the_address_of_the_index(index: Index, tmp_path: Path) -> None:
    list_releases("tiny", cache=tmp_path)
    kept = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert kept
    assert not any("127.0.0.1" in text or "http" in text for text in kept)


def test_a_package_that_no_index_has_is_a_mistake(index: Index, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no 'tinny'; check the spelling"):
        list_releases("tinny", cache=tmp_path)


def test_without_an_answer_an_older_list_serves_and_says_so(
    index: Index,
    tmp_path: Path,
    later: Later,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    first = list_releases("tiny", cache=tmp_path)
    later(4000)
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    with caplog.at_level(logging.WARNING):
        assert list_releases("tiny", cache=tmp_path) == first
    assert "using an older list of tiny" in caplog.text
    with pytest.raises(UserError, match="does not answer") as caught:
        list_releases("other", cache=tmp_path)
    assert "127.0.0.1" not in str(caught.value)


def test_a_range_and_a_count_choose_among_what_can_be_installed() -> None:
    known = [Release("1.0", wheels=False), Release("1.1"), Release("1.2", yanked=True), Release("1.3"), Release("2.0")]
    assert [one.version for one in matching(known, ">=1,<2")] == ["1.1", "1.3"]
    assert [one.version for one in newest(known, 2)] == ["1.3", "2.0"]
    assert newest(known, 0) == ()
    with pytest.raises(UserError, match="write it like"):
        matching(known, "about 5")


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.booleans()), max_size=30))
def test_every_readable_file_counts_for_one_release_in_version_order(files: list[tuple[int, int, bool]]) -> None:
    named = [{"filename": f"tiny-{a}.{b}-py3-none-any.whl", "yanked": yanked} for a, b, yanked in files]
    found = releases.from_files("tiny", named)
    assert [Version(one.version) for one in found] == sorted({Version(f"{a}.{b}") for a, b, _ in files})
    for one in found:
        assert one.yanked == all(yanked for a, b, yanked in files if f"{a}.{b}" == one.version)
