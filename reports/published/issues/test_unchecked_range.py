"""A read of a part of a file gives that part or raises, whatever the server sends in place of it."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from huggingface_hub import HfFileSystem, constants

DATA = bytes(range(256)) * 40
SIZE, START, STOP = len(DATA), 1000, 1200
PAGE = b"<html>Please sign in</html>"
ANSWERS = {  # status, Content-Range, body; the last one is right and should always pass
    "range ignored": (200, None, DATA),
    "another range": (206, f"bytes {START - 1}-{STOP - 2}/{SIZE}", DATA[START - 1 : STOP - 1]),
    "nothing": (206, f"bytes {START}-{STOP - 1}/{SIZE}", b""),
    "a page": (200, None, PAGE),
    "a byte too few": (206, f"bytes {START}-{STOP - 1}/{SIZE}", DATA[START : STOP - 1]),
    "what was asked": (206, f"bytes {START}-{STOP - 1}/{SIZE}", DATA[START:STOP]),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_ranged_read_gives_the_range_or_raises(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)  # the server is this one

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            files = [{"type": "file", "path": "a", "size": SIZE, "oid": "0"}]
            form = files if "/tree/" in self.path else {"id": "me/data", "sha": "0" * 40, "siblings": []}
            status, part, body = 200, None, json.dumps(form).encode()
            if "/resolve/" in self.path:
                status, part, body = ANSWERS[answer]
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if part:
                self.send_header("Content-Range", part)
            self.end_headers()
            self.wfile.write(body)

    server = HTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        fs = HfFileSystem(endpoint=f"http://127.0.0.1:{server.server_port}", token=False, skip_instance_cache=True)
        with fs.open("datasets/me/data/a", block_size=0x40, cache_type="none") as file:
            try:
                file.seek(START)
                got = file.read(STOP - START)
            except Exception:
                got = None
    finally:
        server.shutdown()
        server.server_close()
    assert got in ((DATA[START:STOP],) if answer == "what was asked" else (None, DATA[START:STOP]))
