"""`make lab` for real: a JupyterLab that asks nobody for news, nor its user whether it may."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.test_frame import ROOT, run

TOKEN = "of-a-test"
NOTIFICATION = "@jupyterlab/apputils-extension:notification"


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Of a JupyterLab started as `make lab` starts it, but without a browser."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = f"--no-browser --port={port} --IdentityProvider.token={TOKEN} --allow-root"
    command = run("make", "-n", "lab", f"ARGS={options}").stdout.partition("JUPYTER_CONFIG_PATH")
    line = "exec env " + "".join(command[1:]).replace(".venv/bin/python", shlex.quote(sys.executable))
    home = {"HOME": str(tmp_path), "JUPYTER_CONFIG_DIR": str(tmp_path), "JUPYTERLAB_SETTINGS_DIR": str(tmp_path)}
    with (tmp_path / "log").open("w") as log:
        lab = subprocess.Popen(["sh", "-c", line], cwd=ROOT, env=os.environ | home, stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        lab.send_signal(signal.SIGTERM)
        lab.wait(60)


def settings(address: str, plugin: str) -> Any:
    """What the settings endpoint says of a plugin, as soon as the server answers."""
    asked = urllib.request.Request(f"{address}/lab/api/settings/{plugin}", headers={"Authorization": f"token {TOKEN}"})
    for _ in range(600):
        try:
            with urllib.request.urlopen(asked, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError:
            raise
        except OSError:
            time.sleep(0.2)
    raise AssertionError("it did not start")


@pytest.mark.slow
def test_the_prompt_for_news_and_the_check_for_updates_are_off(address):
    """`fetchNews` is "none" by default, which means: ask the user at each start."""
    told = settings(address, NOTIFICATION)["schema"]["properties"]
    assert (told["fetchNews"]["default"], told["checkForUpdates"]["default"]) == ("false", False)
