"""Serves a Hub on 127.0.0.1."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from tornado import httpserver, netutil, web

from repro.errors import UserError
from repro.hub.handler import PIECE, Handler
from repro.hub.state import Hub

HOST = "127.0.0.1"


@contextlib.asynccontextmanager
async def serving(hub: Hub, port: int = 0) -> AsyncIterator[str]:
    """Serve on 127.0.0.1 only; gives the address. Port 0 takes a free one.

    Raises:
        UserError: the port is taken or not ours to take.
    """
    try:
        sockets = netutil.bind_sockets(port, HOST)
    except OSError as error:
        raise UserError(f"cannot serve on port {port} ({error.strerror}): leave --port out for a free one") from error
    application = web.Application([(r".*", Handler, {"hub": hub})], log_function=lambda handler: None)
    server = httpserver.HTTPServer(application, chunk_size=PIECE)
    server.add_sockets(sockets)
    try:
        yield f"http://{HOST}:{sockets[0].getsockname()[1]}"
    finally:
        server.stop()
        for handler in tuple(hub.open):
            handler.over()
        await server.close_all_connections()


def run(hub: Hub, port: int, say: Callable[[str], object]) -> None:
    """Serve until Ctrl-C or SIGTERM; ``say`` is given the address."""
    asyncio.run(_until_told(hub, port, say))


async def _until_told(hub: Hub, port: int, say: Callable[[str], object]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serving(hub, port) as address:
        say(address)
        await stop.wait()


def folder_for(path: Path) -> Path:
    """The folder of a Hub, made if missing. Raises UserError if it cannot be one."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError as error:
        raise UserError(f"{path} cannot hold the Hub's files ({error.strerror}): name a folder to write in") from error
