"""A headless Chromium for tests, driven through its own debugging protocol; skips where there is none."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

FLAGS = shlex.split(
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --remote-debugging-port=0 "
    "--remote-allow-origins=* about:blank"
)
START_S = 60.0
_NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)


class Tab:
    """One tab: ``send`` a command of the protocol, or use the few verbs below."""

    def __init__(self, address: str) -> None:
        import websocket

        self._socket = websocket.create_connection(address, timeout=60)
        self._ids = itertools.count(1)
        self.requests: list[str] = []
        for domain in ("Page", "Network", "Runtime"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._ids)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = self._receive()
            if message.get("id") == number:
                assert "error" not in message, message
                return dict(message["result"])

    def open(
        self, path: Path, *, width: int = 1280, height: int = 900, dark: bool = False, script: bool = True
    ) -> None:
        """Load a local file in a window of that size; ``requests`` lists what the page asked for."""
        self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", media="", features=[scheme])
        self.send("Emulation.setScriptExecutionDisabled", value=not script)
        self.requests.clear()
        self.send("Page.navigate", url=path.as_uri())
        while self._receive().get("method") != "Page.loadEventFired":
            pass

    def run(self, expression: str) -> Any:
        """The value of a JavaScript expression; promises are awaited."""
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def screenshot(self, path: Path) -> None:
        shot = self.send("Page.captureScreenshot", captureBeyondViewport=True, format="png")
        path.write_bytes(base64.b64decode(shot["data"]))

    def _receive(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._socket.recv())
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(message["params"]["request"]["url"])
        return message


@contextlib.contextmanager
def chromium() -> Iterator[Tab]:
    """A tab of a fresh browser, which is gone afterwards with its profile."""
    program = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("no Chromium here: install the package chromium to test the page in a real browser")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        env = {**os.environ, "HOME": profile, "XDG_CONFIG_HOME": profile, "XDG_CACHE_HOME": profile}
        child = subprocess.Popen(
            [program, f"--user-data-dir={profile}", *FLAGS],
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield Tab(_address(Path(profile) / "DevToolsActivePort", child))
        finally:
            child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _address(file: Path, child: subprocess.Popen[bytes]) -> str:
    end = time.monotonic() + START_S
    while time.monotonic() < end and child.poll() is None:
        with contextlib.suppress(OSError, ValueError):
            port = int(file.read_text().splitlines()[0])
            with urlopen(f"http://127.0.0.1:{port}/json") as answer:
                tabs = [tab for tab in json.load(answer) if tab["type"] == "page"]
            return str(tabs[0]["webSocketDebuggerUrl"])
        time.sleep(0.1)
    raise RuntimeError(f"Chromium did not start (exit status {child.poll()})")


def axe_source() -> str:
    """The source of axe-core, fetched by npm once a test run; skips without npm or its registry."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm here: axe-core, which checks accessibility, cannot be fetched")
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [npm, "pack", "axe-core@4", "--silent"],
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
        except subprocess.TimeoutExpired:
            pytest.skip("npm did not answer: axe-core cannot be fetched")
        archives = list(Path(folder).glob("axe-core-*.tgz"))
        if done.returncode or not archives:
            pytest.skip(f"npm has no axe-core for us: {done.stderr.strip()[-200:]}")
        shutil.unpack_archive(archives[0], folder)
        return (Path(folder) / "package" / "axe.min.js").read_text("utf-8")
