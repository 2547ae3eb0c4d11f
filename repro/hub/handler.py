"""One HTTP request: takes its body in as it comes, sends the answer in pieces, and does the fault it was given."""

from __future__ import annotations

import asyncio
import contextlib
import io
import socket
import struct
import tempfile
from http.client import responses
from typing import Any

from tornado import iostream, web
from tornado.http1connection import HTTP1Connection

from repro.hub.faults import CUTS, Fault
from repro.hub.ranges import Unsatisfiable, asked_bytes
from repro.hub.record import Request
from repro.hub.routes import Answer, Call, query, route
from repro.hub.state import Hub
from repro.hub.storage import Refused, Upload

PIECE = 256 << 10
_IN_MEMORY = 1 << 20
_KEPT = 1_000
"""Characters of a path that the record keeps."""
_PAGE = b"<!doctype html><html><body><h1>Please sign in to this network</h1></body></html>\n"


@web.stream_request_body
class Handler(web.RequestHandler):
    """One request."""

    SUPPORTED_METHODS = (*web.RequestHandler.SUPPORTED_METHODS, "CONNECT")

    def initialize(self, hub: Hub) -> None:
        self.hub, self.gone = hub, asyncio.Event()

    def prepare(self) -> None:
        request = self.request
        assert isinstance(request.connection, HTTP1Connection)
        self.connection = request.connection
        self.connection.set_max_body_size(1 << 62)
        self.refused: Refused | None = None
        self.sink: Upload | Any = None
        asked, path = request.headers.get("Range", ""), self._path()
        try:
            endpoint, self.names = route(request.method or "", path)
        except Refused as refused:
            endpoint, self.names, self.refused = "other" if path.startswith("/") else "elsewhere", {}, refused
        self.fault = self.hub.plan.take(endpoint, bool(asked))
        self.seen = Request(self.hub.now(), endpoint, request.method or "", path[:_KEPT], bytes=asked[:_KEPT])
        self.seen.fault = self.fault.typed if self.fault else ""
        self.hub.record.begin(self.seen)
        self.hub.open.add(self)
        self.length = int(request.headers.get("Content-Length", "0") or 0)
        self.to_cut = self.fault is not None and self.fault.kind in CUTS
        self.cuts_body = self.to_cut and self.length > 0 and not (self.fault and self.fault.applied)
        try:
            self.sink = self._sink(endpoint)
        except Refused as refused:
            self.refused = refused

    def _path(self) -> str:
        """The path; of a request to another host, for which this is taken as a proxy, all of the address."""
        ours = self.connection.stream.socket
        if ours is None:  # the client has left already
            return self.request.path
        return self.request.path.removeprefix("http://{}:{}".format(*ours.getsockname()))

    def _sink(self, endpoint: str) -> Any:
        if endpoint == "put":
            return self.hub.api.repository(self._call()).upload(self.names["sha256"])
        return tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=str(self.hub.folder))

    async def data_received(self, chunk: bytes) -> None:
        self.seen.up += len(chunk)
        if self.fault is not None and self.fault.kind == "slow":
            await asyncio.sleep(len(chunk) / self.fault.value)
        if self.cuts_body and 2 * self.seen.up >= self.length:
            self.cuts_body = False
            await self._cut()
        if self.sink is not None and self.refused is None:
            self.sink.write(chunk)

    async def _respond(self) -> None:
        if self.gone.is_set():
            return
        fault = self.fault
        answer = _injected(fault) if fault is not None and not fault.applied else None
        if answer is None:
            try:
                if self.refused is not None:
                    raise self.refused
                answer = self._not_stored() if fault is not None and fault.kind == "not-stored" else self._answer()
            except Refused as refused:
                answer = _refusal(refused)
            except OSError as error:
                answer = _refusal(Refused(507, f"the Hub cannot write: {error.strerror}"))
        if fault is not None and fault.applied:
            answer = _injected(fault) or answer
        try:
            await self._send(answer)
        except iostream.StreamClosedError:
            self.over()

    get = post = put = delete = head = patch = options = connect = _respond

    def _call(self) -> Call:
        request = self.request
        token = bool(request.headers.get("Authorization"))
        origin = f"http://{request.host}"
        body = None if self.sink is None or isinstance(self.sink, Upload) else self.sink
        return Call(self.seen.endpoint, self.seen.method, self.names, query(request.query), origin, token, body)

    def _answer(self) -> Answer:
        if isinstance(self.sink, Upload):
            self.sink.store()
        else:
            self.sink.seek(0)
        return self.hub.api.answer(self._call())

    def _not_stored(self) -> Answer:
        if isinstance(self.sink, Upload):
            self.hub.api.repository(self._call()).lost[self.names["sha256"]] = self.seen.up
            return Answer()
        head = self.hub.api.repository(self._call()).resolve(self.names["revision"])
        url = f"http://{self.request.host}/{self.names['name']}/commit/{head}"
        return Answer({"success": True, "commitOid": head, "commitUrl": url, "hookOutput": ""})

    async def _send(self, answer: Answer) -> None:
        self.set_status(answer.status)
        self.seen.status = answer.status
        self.set_header("Content-Type", answer.content_type)
        for name, value in answer.headers.items():
            self.set_header(name, value)
        if answer.file is not None and self.check_etag_header():
            self.set_status(304)
            self.seen.status, self.seen.whole = 304, True
            await self.finish()
            return
        size = answer.file.stat().st_size if answer.file else len(answer.body)
        span = range(size)
        if answer.file is not None and self.seen.method == "GET":
            try:
                span = self._span(answer, size)
            except Unsatisfiable:
                self.set_status(416)
                self.seen.status, size, span = 416, 0, range(0)
                self.set_header("Content-Range", f"bytes */{answer.file.stat().st_size}")
        span = self._shortened(span)
        self.set_header("Content-Length", str(len(span)))
        if self.seen.method != "HEAD":
            with answer.file.open("rb") if answer.file else io.BytesIO(answer.body) as file:
                file.seek(span.start)
                await self._pour(file, len(span))
        elif self.to_cut:
            await self._cut()
        if not self.gone.is_set():
            self.seen.whole = True
            await self.finish()

    def _span(self, answer: Answer, size: int) -> range:
        """The bytes to send of a file, and the status and headers that say so."""
        condition = self.request.headers.get("If-Range")
        header = self.request.headers.get("Range") if condition in (None, answer.headers["ETag"]) else None
        asked = asked_bytes(header, size)
        kind = self.fault.kind if self.fault is not None else ""
        if asked is None or kind == "range-ignored":
            return range(size)
        if kind == "wrong-range":
            asked = range(asked.start - 1, asked.stop - 1) if asked.start else range(min(1, size - 1), asked.stop)
        self.set_status(206)
        self.seen.status = 206
        self.set_header("Content-Range", f"bytes {asked.start}-{asked.stop - 1}/{size}")
        return asked

    def _shortened(self, span: range) -> range:
        kind = self.fault.kind if self.fault is not None else ""
        return span[:0] if kind == "empty" else span[:-1] if kind == "wrong-length" else span

    async def _pour(self, file: Any, total: int) -> None:
        """Send ``total`` bytes of a file, or as many as the fault lets through."""
        kind = self.fault.kind if self.fault is not None else ""
        if self.to_cut and not total:
            await self._cut()
        while self.seen.down < total and not self.gone.is_set():
            stops = [stop for stop in (total, total // 2) if stop > self.seen.down]
            chunk = file.read(min(PIECE, min(stops) - self.seen.down))
            if not chunk:
                raise iostream.StreamClosedError  # the file was cut off under us
            if kind == "flip" and self.seen.down <= total // 2 < self.seen.down + len(chunk):
                place = total // 2 - self.seen.down
                chunk = chunk[:place] + bytes([chunk[place] ^ 1]) + chunk[place + 1 :]
            if kind == "slow" and self.fault is not None:
                await asyncio.sleep(len(chunk) / self.fault.value)
            self.write(chunk)
            await self.flush()
            self.seen.down += len(chunk)
            if self.to_cut and 2 * self.seen.down >= total - 1:
                await self._cut()

    async def _cut(self) -> None:
        """Break the connection off, or say nothing more on it for a time or until the client leaves."""
        fault, stream = self.fault, self.connection.stream
        assert fault is not None
        self.to_cut = False
        if fault.kind == "stall":
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.gone.wait(), fault.value or None)
            return
        if fault.kind == "reset":
            stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.over()
        stream.close()

    def on_connection_close(self) -> None:
        self.over()

    def on_finish(self) -> None:
        self.over()

    def over(self) -> None:
        """Count the request as ended, once, and let go of what it held."""
        self.gone.set()
        if self in self.hub.open:
            self.hub.open.discard(self)
            self.seen.seconds = round(self.hub.now() - self.seen.at_s, 4)
            self.hub.record.end(self.seen)
            if self.sink is not None:
                self.sink.close()


def _injected(fault: Fault) -> Answer | None:
    if fault.kind == "html":
        return Answer(page=_PAGE)
    if fault.kind != "status":
        return None
    after = {"Retry-After": f"{fault.value:g}"} if fault.value else {}
    return Answer({"error": responses.get(fault.status, "a fault")}, fault.status, after)


def _refusal(refused: Refused) -> Answer:
    code = {"X-Error-Code": refused.code} if refused.code else {}
    message = str(refused).encode("ascii", "replace").decode()
    return Answer({"error": str(refused)}, refused.status, {**code, "X-Error-Message": message})
