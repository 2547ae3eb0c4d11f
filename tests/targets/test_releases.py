"""Which releases there are, from whatever index is configured."""

from __future__ import annotations

import base64
import json
import logging
import shutil
import ssl
import subprocess
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
from pypi_simple import DistributionPackage

from repro.errors import EnvironmentFault, UserError
from repro.targets import list_releases, records, releases

JSON = "application/vnd.pypi.simple.v1+json"


def file(name: str, **more: object) -> dict[str, object]:
    return {"filename": name, "url": f"https://files.example.org/{name}", "hashes": {}, **more}


FILES = [
    file("tiny-0.9.tar.gz"),
    file("tiny-1.10-py3-none-any.whl"),
    file("tiny-1.9-py3-none-any.whl"),
    file("tiny-1.9.tar.gz", yanked=False),
    file("tiny-1.11-py3-none-any.whl", yanked="broken"),
    file("tiny-2.0rc1-py3-none-any.whl", yanked=False),
    file("tiny-0.1.win32.exe"),
    file("tiny-what-py3-none-any.whl"),
    file("tiny_extras-7.0-py3-none-any.whl"),
]
HTML = """<!DOCTYPE html><a href="https://files.example.org/a/tiny-1.0-py3-none-any.whl#sha256=00">tiny-1.0-py3-none-any.whl</a>
<a href="../tiny-1.1%2Bx-py3-none-any.whl">tiny-1.1+x-py3-none-any.whl</a>
<a href="../tiny-1.2-py3-none-any.whl" data-yanked="">tiny-1.2-py3-none-any.whl</a>"""


@dataclass
class Index:
    """A package index on the loopback interface: what it answers, and what it was asked."""

    pages: dict[str, tuple[str, str]] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    server: ThreadingHTTPServer = field(init=False)

    @property
    def port(self) -> int:
        return self.server.server_port


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    state = Index(
        pages={"/simple/tiny/": (JSON, json.dumps({"meta": {"api-version": "1.0"}, "name": "tiny", "files": FILES}))}
    )

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

    server = state.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
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


def test_only_what_can_be_installed_is_listed_oldest_first(index: Index, tmp_path: Path) -> None:
    assert list_releases("Tiny", cache=tmp_path) == ("1.9", "1.10")


def test_an_index_that_speaks_only_html_is_read_too(index: Index, tmp_path: Path) -> None:
    index.pages["/simple/tiny/"] = ("text/html", HTML)
    assert list_releases("tiny", cache=tmp_path) == ("1.0", "1.1+x")


def test_an_index_in_a_folder_is_read_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "my index" / "tiny" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text(HTML)
    monkeypatch.setenv("UV_DEFAULT_INDEX", (tmp_path / "my index").as_uri())
    assert list_releases("tiny", cache=tmp_path / "kit") == ("1.0", "1.1+x")
    with pytest.raises(UserError, match="check the spelling"):
        list_releases("tinny", cache=tmp_path / "kit")


@pytest.mark.parametrize(("login", "sent"), [("me:p%40ss", b"me:p@ss"), ("token", b"token:")])
def test_credentials_of_the_index_address_are_used(
    login: str, sent: bytes, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://{login}@127.0.0.1:{index.port}/simple")
    list_releases("tiny", cache=tmp_path)
    assert index.asked == [("/simple/tiny/", f"Basic {base64.b64encode(sent).decode()}")]


def test_without_credentials_none_are_sent(index: Index, tmp_path: Path) -> None:
    list_releases("tiny", cache=tmp_path)
    assert index.asked == [("/simple/tiny/", None)]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with openssl")
@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "PIP_CERT"])
def test_a_private_certificate_is_trusted_where_uv_or_pip_would(
    variable: str, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    made = ["-newkey", "rsa:2048", "-nodes", "-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "cert")]
    subprocess.run(["openssl", "req", "-x509", *subject, *made], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    index.server.socket = context.wrap_socket(index.server.socket, server_side=True)
    for name in ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"https://127.0.0.1:{index.server.server_port}/simple")
    with pytest.raises(EnvironmentFault, match="does not answer"):
        list_releases("tiny", cache=tmp_path)
    monkeypatch.setenv(variable, str(tmp_path / "cert"))
    assert list_releases("tiny", cache=tmp_path) == ("1.9", "1.10")


@pytest.mark.parametrize(
    "answer",
    [(JSON, "not JSON"), (JSON, '{"files": 3}'), ("image/png", "?"), (JSON, '{"meta": {"api-version": "9.0"}}')],
)
def test_a_page_that_is_no_index_page_is_no_answer(answer: tuple[str, str], index: Index, tmp_path: Path) -> None:
    index.pages["/simple/tiny/"] = answer
    with pytest.raises(EnvironmentFault, match="the releases of tiny are unknown: the package index does not answer"):
        list_releases("tiny", cache=tmp_path)


def test_a_cache_that_cannot_be_written_is_named_with_the_way_out(index: Index, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentFault, match=r"cannot write in .*/file/kit \(.*\): .* REPRO_CACHE"):
        list_releases("tiny", cache=tmp_path / "file" / "kit")


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
    with pytest.raises(EnvironmentFault, match=r"the releases of other are unknown: .*does not answer") as caught:
        list_releases("other", cache=tmp_path)
    assert "127.0.0.1" not in str(caught.value)


def test_a_list_that_an_older_kit_kept_is_asked_for_again(index: Index, tmp_path: Path) -> None:
    records.save(tmp_path / "releases" / "tiny.json", {"at": time.time(), "releases": [{"version": "1.0"}]})
    assert list_releases("tiny", cache=tmp_path) == ("1.9", "1.10")


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.booleans()), max_size=30))
def test_a_release_counts_if_any_wheel_of_it_is_not_withdrawn(files: list[tuple[int, int, bool]]) -> None:
    named = [file(f"tiny-{a}.{b}-py3-none-any.whl", yanked=yanked) for a, b, yanked in files]
    found = releases.installable("tiny", map(DistributionPackage.from_json_data, named))
    assert [Version(one) for one in found] == sorted({Version(f"{a}.{b}") for a, b, yanked in files if not yanked})
