"""Runs pieces of code with the huggingface_hub that is installed here: a JSON line in, a JSON line out."""

import json
import os
import sys

out_file = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what a client prints is no answer

opened: list[str] = []


def watch(event, arguments):
    if event == "socket.connect":
        opened.append(str(arguments[1]))
    elif event == "socket.getaddrinfo":
        opened.append(str(arguments[0]))


sys.addaudithook(watch)

import huggingface_hub  # noqa: E402
from huggingface_hub import HfApi, HfFileSystem, snapshot_download  # noqa: E402

known = {
    "api": HfApi(),
    "HfFileSystem": HfFileSystem,
    "snapshot_download": snapshot_download,
    "version": huggingface_hub.__version__,
    "opened": opened,
}
for line in sys.stdin:
    code, names = json.loads(line)
    known.update(names, out=None)
    try:
        exec(code, known)
        answer = [None, known["out"]]
    except Exception as error:
        answer = [f"{type(error).__name__}: {error}", None]
    out_file.write(json.dumps(answer) + "\n")
    out_file.flush()
