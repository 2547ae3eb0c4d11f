"""An upload whose PUT gets no answer must not wait without end."""

import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from huggingface_hub import HfApi

PATIENCE_S = 90  # any default will do; without one the client waits until somebody ends it


@pytest.fixture
def hub() -> Iterator[tuple[str, threading.Event]]:
    """A server that leaves every PUT without an answer, and an event for the second PUT."""
    over, again, count = threading.Event(), threading.Event(), threading.Semaphore(1)

    class Hub(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            modes = {"files": [{"path": "x.bin", "uploadMode": "lfs", "shouldIgnore": False}]}
            upload = {"actions": {"upload": {"href": f"{url}/put"}}}
            found = modes if "files" in asked else {"objects": [{**one, **upload} for one in asked["objects"]]}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(found).encode())

        def do_PUT(self) -> None:
            if not count.acquire(blocking=False):
                again.set()
            over.wait()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.daemon_threads = True
    url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield url, again
    over.set()
    server.shutdown()


def test_a_put_that_gets_no_answer_is_given_up_and_sent_again(hub: tuple[str, threading.Event]) -> None:
    url, again = hub
    sent = {"path_or_fileobj": io.BytesIO(b"x"), "path_in_repo": "x.bin", "repo_id": "me/x"}
    threading.Thread(target=HfApi(url, token="hf_x").upload_file, kwargs=sent, daemon=True).start()
    assert again.wait(PATIENCE_S), f"after {PATIENCE_S} s the client still waits for the first PUT"
