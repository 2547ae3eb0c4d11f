# /// script
# requires-python = ">=3.10"
# dependencies = ["huggingface_hub==2.4.0"]
# ///
"""A PUT that gets no answer: upload_file neither fails nor sends it again. After a minute this says where it waits."""

import faulthandler
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

os.environ.update(HF_HUB_OFFLINE="0", HF_HUB_DISABLE_XET="1")  # the Hub is the one below
from huggingface_hub import HfApi


class Hub(BaseHTTPRequestHandler):
    do_PUT = threading.Barrier(2, lambda: os._exit(0)).wait  # the first PUT waits for a second one

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        objects = [{**one, "actions": {"upload": {"href": f"{url}/put"}}} for one in asked.get("objects", [])]
        files = [{"path": "x.bin", "uploadMode": "lfs", "shouldIgnore": False}]
        self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n" + json.dumps({"files": files, "objects": objects}).encode())


threading.Thread(target=(server := ThreadingHTTPServer(("127.0.0.1", 0), Hub)).serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"
faulthandler.dump_traceback_later(60, exit=True)
HfApi(url, token="hf_x").upload_file(path_or_fileobj=b"x", path_in_repo="x.bin", repo_id="me/x")
