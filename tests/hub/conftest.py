"""Hubs that end with their test, a plain HTTP client, and real clients in environments of their own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from repro.hub.child import Child
from repro.hub.record import Record

CLIENT = Path(__file__).with_name("client.py")


class Running:
    """A Hub with what a test asks of it."""

    def __init__(self, folder: Path, *faults: str, tree: Path | None = None) -> None:
        self.folder, self._child = folder, Child(folder, faults, {}, tree)
        self.address, self.environment = self._child.address, self._child.environment

    def ask(
        self, method: str, path: str, body: Any = None, token: str | None = "t", **headers: str
    ) -> tuple[HTTPResponse, bytes]:
        connection = HTTPConnection(urlsplit(self.address).netloc, timeout=20)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        with contextlib.closing(connection):
            connection.request(method, path, data, sent)
            answer = connection.getresponse()
            return answer, answer.read()

    def repository(self, name: str, **files: bytes) -> str:
        """Make a dataset with small files; its commit."""
        import base64

        self.ask("POST", "/api/repos/create", {"name": name, "organization": "me", "type": "dataset"})
        operations: list[Any] = [{"key": "header", "value": {"summary": "files"}}]
        for path, content in files.items():
            operations.append({"key": "file", "value": {"path": path, "content": base64.b64encode(content).decode()}})
        lines = b"".join(json.dumps(one).encode() + b"\n" for one in operations)
        _, said = self.ask("POST", f"/api/datasets/me/{name}/commit/main", lines)
        return str(json.loads(said)["commitOid"])

    def close(self) -> Record:
        form = self._child.close()
        assert form is not None
        return Record.from_json(form)


class Client:
    """A real client in a process of its own, which runs pieces of code."""

    def __init__(self, python: Path | str, environment: dict[str, str], home: Path) -> None:
        env = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        env |= {"HOME": str(home), "TMPDIR": str(home), "HF_HOME": str(home / "hf"), "HF_HUB_DISABLE_TELEMETRY": "1"}
        env |= {"HF_HUB_DOWNLOAD_TIMEOUT": "2", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "DO_NOT_TRACK": "1", **environment}
        self._process = subprocess.Popen(
            [str(python), str(CLIENT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, cwd=home, text=True
        )

    def run(self, code: str, **names: Any) -> Any:
        """The value of ``out``; an exception of the client is a ``Failed`` here."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps([code, names]) + "\n")
        self._process.stdin.flush()
        error, value = json.loads(self._process.stdout.readline())
        if error:
            raise Failed(error)
        return value

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


class Failed(Exception):
    """What a client raised: its type and message."""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """``hub("put:reset")``: a Hub with these faults."""
    with contextlib.ExitStack() as stack:

        def start(*faults: str) -> Running:
            folder = tmp_path / "hub"
            folder.mkdir()
            running = Running(folder, *faults)
            stack.callback(running._child.close)
            return running

        yield start


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Callable[[Running], Client]]:
    """The client that is installed beside the kit."""
    with contextlib.ExitStack() as stack:

        def start(running: Running, **environment: str) -> Client:
            home = tmp_path / "home"
            home.mkdir()
            client = Client(sys.executable, {**running.environment, **environment}, home)
            stack.callback(client.close)
            return client

        yield start
