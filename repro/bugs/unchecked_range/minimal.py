# /// script
# requires-python = ">=3.11"
# dependencies = ["huggingface_hub==2.4.0"]
# ///
"""A server ignores the Range header, as HTTP allows: HfFileSystem returns other bytes than were asked for."""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

DATA, FILES = bytes(range(256)) * 40, [{"type": "file", "path": "a", "size": 10240, "oid": "0"}]


class Server(BaseHTTPRequestHandler):
    def log_request(self, *_: object) -> None: ...
    def do_GET(self) -> None:
        form = FILES if "/tree/" in self.path else {"id": "me/data", "sha": "0" * 40, "siblings": []}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(DATA if "/resolve/" in self.path else json.dumps(form).encode())


server = HTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ.update(HF_ENDPOINT=f"http://127.0.0.1:{server.server_port}", HF_HUB_OFFLINE="0")
hub = __import__("huggingface_hub")  # which reads them once
got = hub.HfFileSystem().cat_file("datasets/me/data/a", 1000, 1010)
print("wanted", DATA[1000:1010].hex(), "and got", got.hex(), "with huggingface_hub", hub.__version__)
raise SystemExit(got != DATA[1000:1010])
