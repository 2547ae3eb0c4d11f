"""What the Hub says to a plain HTTP client: the parts of the protocol that the real clients rarely show."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import psutil
import pytest
from huggingface_hub import constants

from benchmarks.reading import LAYOUTS, REPO, hub_here, write
from repro.hub import CLIENT_ENVIRONMENT
from repro.recipes.read_case import case_index
from tests.conftest import Kit
from tests.hub.conftest import Running

Start = Callable[..., Running]
CONTENT = bytes(range(256)) * 4
FILE = "/datasets/me/data/resolve/main/a"


@pytest.mark.parametrize("name", ["..%2F..%2F..%2Foutside", "me/..%2F..%2F..%2Foutside", "me/%2e%2e", "me/x%00"])
def test_a_name_never_leads_out_of_the_folder(hub: Start, tmp_path: Path, name: str) -> None:
    running = hub()
    running.repository("data", a=CONTENT)
    shutil.copytree(running.folder / "datasets/me/data", running.folder.parent / "outside")
    before = sorted((running.folder.parent / "outside").rglob("*"))
    lines = b'{"key": "header", "value": {"summary": "s"}}\n{"key": "file", "value": {"path": "b", "content": "aGk="}}'
    asked = [("GET", f"/api/datasets/{name}", None), ("POST", f"/api/datasets/{name}/commit/main", lines)]
    assert [running.ask(*one)[0].status for one in asked] == [404, 404]
    assert sorted((running.folder.parent / "outside").rglob("*")) == before


def test_a_path_of_any_length_takes_little_room_in_the_record(hub: Start) -> None:
    running = hub()
    running.ask("GET", "/" + "x" * 60_000)
    (seen,) = running.close().requests
    assert len(seen.path) <= 1_000


def test_a_body_that_is_no_form_of_any_client_is_refused(hub: Start) -> None:
    answer, _ = hub().ask("POST", "/api/repos/create", b" " * (65 << 20))
    assert answer.status == 413


def test_ranges_of_a_file(hub: Start) -> None:
    running = hub()
    oid = running.repository("data", a=CONTENT)
    answer, body = running.ask("GET", FILE)
    assert (answer.status, body) == (200, CONTENT)
    assert (answer.headers["X-Repo-Commit"], answer.headers["Accept-Ranges"]) == (oid, "bytes")
    etag = answer.headers["ETag"]
    answer, body = running.ask("GET", FILE, Range="bytes=10-19")
    assert (answer.status, body) == (206, CONTENT[10:20])
    assert answer.headers["Content-Range"] == f"bytes 10-19/{len(CONTENT)}"
    answer, body = running.ask("GET", FILE, Range="bytes=-5")
    assert (answer.status, body) == (206, CONTENT[-5:])
    answer, body = running.ask("GET", FILE, Range="bytes=99999-")
    assert (answer.status, body, answer.headers["Content-Range"]) == (416, b"", f"bytes */{len(CONTENT)}")
    answer, body = running.ask("GET", FILE, Range="bytes=10-19", If_Range=etag)
    assert (answer.status, body) == (206, CONTENT[10:20])
    answer, body = running.ask("GET", FILE, Range="bytes=10-19", If_Range='"another"')
    assert (answer.status, body) == (200, CONTENT)
    answer, body = running.ask("HEAD", FILE)
    assert (answer.status, body, answer.headers["Content-Length"]) == (200, b"", str(len(CONTENT)))
    answer, _ = running.ask("GET", FILE, If_None_Match=etag)
    assert answer.status == 304


def test_a_long_tree_comes_in_pages(hub: Start) -> None:
    running = hub()
    running.repository("data", **{f"folder/{number:03}": b"x" for number in range(7)})
    found, path = [], "/api/datasets/me/data/tree/main/folder?recursive=False&limit=3"
    for _ in range(3):
        answer, body = running.ask("GET", path)
        found += [one["path"] for one in json.loads(body)]
        link = answer.headers["Link"] or ""
        path = link.partition(">")[0].removeprefix(f"<{running.address}")
    assert found == [f"folder/{number:03}" for number in range(7)]
    assert link == ""


def test_who_has_no_token_may_read_and_not_write(hub: Start) -> None:
    running = hub()
    running.repository("data", a=CONTENT)
    assert running.ask("GET", FILE, token=None)[0].status == 200
    for method, path in (("GET", "/api/whoami-v2"), ("POST", "/api/repos/create"), ("DELETE", "/api/repos/delete")):
        assert running.ask(method, path, {}, token=None)[0].status == 401
    assert running.ask("POST", "/api/datasets/me/data/commit/main", b"", token=None)[0].status == 401


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/datasets/me/none", 404, "RepoNotFound"),
        ("GET", "/datasets/me/data/resolve/none/a", 404, "RevisionNotFound"),
        ("GET", "/datasets/me/data/resolve/main/none", 404, "EntryNotFound"),
        ("GET", "/api/datasets/me/data/tree/main/none", 404, "EntryNotFound"),
        ("POST", "/api/datasets/me/data/branch/main", 409, None),
        ("GET", "/api/datasets/../../../etc/passwd", 404, None),
        ("PUT", "/lfs/datasets/me/data/..%2f..%2frefs.json", 404, None),
        ("GET", "/nowhere", 404, None),
    ],
)
def test_errors_have_the_names_that_clients_know(
    hub: Start, method: str, path: str, status: int, code: str | None
) -> None:
    running = hub()
    running.repository("data", a=CONTENT)
    answer, _ = running.ask(method, path, {})
    assert (answer.status, answer.headers["X-Error-Code"]) == (status, code)


def test_no_token_is_written_anywhere(hub: Start) -> None:
    running, secret = hub(), "hf_" + "s" * 34
    running.repository("data", a=CONTENT)
    running.ask("GET", f"/api/datasets/me/data?token={secret}", token=secret)
    running.ask("POST", "/api/repos/create", b"not json", token=secret)
    assert secret not in json.dumps(running.close().to_json())
    for path in running.folder.rglob("*"):
        assert path.is_dir() or secret.encode() not in path.read_bytes()


def test_memory_is_bounded_however_large_a_file_is(hub: Start) -> None:
    running, size = hub(), 256 << 20
    running.repository("data")
    process = psutil.Process(running._child._process.pid)
    before = process.memory_info().rss
    sha256 = hashlib.sha256(bytes(size)).hexdigest()
    running.ask("PUT", f"/lfs/datasets/me/data/{sha256}", bytes(size))
    assert process.memory_info().rss - before < 48 << 20
    blob = running.folder / "datasets/me/data/blobs" / sha256
    assert (blob.stat().st_size, blob.stat().st_blocks) == (size, 0)


def test_the_record_counts_bytes_both_ways(hub: Start) -> None:
    running = hub()
    oid = running.repository("data", a=CONTENT)
    running.ask("GET", FILE, Range="bytes=0-99")
    record = running.close()
    assert [one.endpoint for one in record.requests] == ["create", "commit", "resolve"]
    last = record.requests[-1]
    assert (last.status, last.down, last.bytes, last.whole) == (206, 100, "bytes=0-99", True)
    assert record.requests[1].up > len(CONTENT)
    assert (record.totals["resolve"].requests, record.totals["resolve"].down) == (1, 100)
    assert [(one.repository, one.revision, one.oid, one.added) for one in record.commits] == [
        ("datasets/me/data", "main", oid, 1)
    ]


def test_it_listens_on_127_0_0_1_only(hub: Start) -> None:
    running = hub()
    listening = [one for one in psutil.Process(running._child._process.pid).net_connections() if one.status == "LISTEN"]
    assert [one.laddr.ip for one in listening] == ["127.0.0.1"]


class TestCommand:
    @staticmethod
    def start(*words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "repro", "hub", *words]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_first_the_address_and_at_the_end_what_it_saw(self, tmp_path: Path, number: signal.Signals) -> None:
        process = self.start("--folder", str(tmp_path / "new" / "hub"), "--fault", "whoami:503")
        try:
            assert process.stdout is not None
            name, _, address = process.stdout.readline().strip().partition("=")
            assert name == "HF_ENDPOINT"
            assert address.startswith("http://127.0.0.1:")
            more = dict(process.stdout.readline().strip().split("=") for _ in CLIENT_ENVIRONMENT)
            assert more == CLIENT_ENVIRONMENT
            with pytest.raises(HTTPError, match="503"):
                urlopen(f"{address}/api/whoami-v2")
            process.send_signal(number)
            said, complaints = process.communicate(timeout=60)
        finally:
            process.kill()
        assert (process.returncode, complaints) == (0, "")
        assert "whoami:503" in said
        assert "What the Hub saw" in said

    def test_mistakes_are_one_line(self, tmp_path: Path, kit: Kit, hub: Start) -> None:
        file = tmp_path / "file"
        file.touch()
        taken = hub().address.rpartition(":")[2]
        for words in (
            ("--folder", str(file)),
            ("--folder", str(tmp_path), "--port", "70000"),
            ("--folder", str(tmp_path), "--port", taken),
            ("--folder", str(tmp_path), "--fault", "resolve:flop"),
            (),
        ):
            status, out, err = kit("hub", *words)
            assert (status, out) == (2, "")
            assert err.startswith("repro: ")
            assert err.count("\n") == 1


def test_a_hub_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from repro.hub.child import Child;"
        f"hub = Child(Path({str(tmp_path)!r}), (), {{}}); print(hub._process.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    number = int(said.stdout)
    for _ in range(1000):
        if not psutil.pid_exists(number) or psutil.Process(number).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.02)
    raise AssertionError("the Hub outlived its starter")


def test_as_a_proxy_it_leads_nowhere_else_and_says_who_asked(hub: Start) -> None:
    running = hub()
    running.repository("data", a=CONTENT)
    assert running.ask("GET", running.address + FILE)[1] == CONTENT
    assert running.ask("GET", "http://example.org/some/page")[0].status == 403
    assert running.ask("CONNECT", "example.org:443")[0].status == 403
    assert running.ask("PATCH", "/nowhere")[0].status == 404
    seen = [(one.endpoint, one.path, one.status) for one in running.close().requests][2:]
    assert seen == [
        ("resolve", FILE, 200),
        ("elsewhere", "http://example.org/some/page", 403),
        ("elsewhere", "example.org:443", 403),
        ("other", "/nowhere", 404),
    ]


def test_a_client_that_leaves_at_once_is_no_fault_of_the_hub(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path / "tree", LAYOUTS[0])
    with hub_here(tmp_path / "tree") as hub:
        host, _, port = constants.ENDPOINT.removeprefix("http://").partition(":")
        for _ in range(100):
            with socket.create_connection((host, int(port))) as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.send(b"GET /api/whoami-v2 HTTP/1.1\r\nHost: a\r\n\r\n" * 3)
        assert case_index(REPO).ids
    assert not hub.open
    assert [one.getMessage() for one in caplog.records if one.levelname == "ERROR"] == []
