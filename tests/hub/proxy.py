"""A line to any hub that does to its answers what networks, proxies and hubs in trouble do.

It stands in front of a hub and knows nothing of it: requests go through as they are, and what
comes back is changed by the faults that are switched on. A hub that has contents elsewhere, at
another origin, is followed there.
"""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

ALWAYS = 1 << 30
_OF_THE_CONNECTION = ("connection", "date", "keep-alive", "server", "transfer-encoding")


@dataclass
class Fault:
    """What happens to answers to requests with ``at`` in their path.

    Attributes:
        at: part of the path.
        method: of the request; ``""`` for any.
        after: how many such requests go through first.
        times: how many then do not.
        before: done before the hub is asked.
        status: told instead of asking the hub.
        headers: put in, or left out where ``None``; the last to be changed.
        body: what to make of the bytes; ``Content-Length`` then fits what was made.
        cut: hang up after so many bytes of the body.
        stall: seconds without a byte after the headers; broken off when the line is closed.
        pace: bytes a second.
        lost: ask the hub, and hang up without an answer.
    """

    at: str
    method: str = "GET"
    after: int = 0
    times: int = 1
    before: Callable[[], object] | None = None
    status: int | None = None
    headers: Mapping[str, str | None] = field(default_factory=dict)
    body: Callable[[bytes], bytes] | None = None
    cut: int | None = None
    stall: float = 0.0
    pace: int | None = None
    lost: bool = False
    met: int = 0

    def meets(self, method: str, path: str) -> bool:
        if self.at not in path or self.method not in ("", method):
            return False
        self.met += 1
        return self.after < self.met <= self.after + self.times


@dataclass(frozen=True)
class Seen:
    """A request that came along."""

    method: str
    path: str
    headers: Mapping[str, str]
    elsewhere: bool


class FaultyLine:
    """Two origins on this machine: the hub's, and the one its contents may come from."""

    def __init__(self, url: str, elsewhere: str | None = None) -> None:
        self.log: list[Seen] = []
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self.idle = threading.Event()  # set at the end, for whoever waits
        self._servers = [self._serving(to) for to in (url, elsewhere or url)]
        self.url, self.elsewhere = (
            f"http://127.0.0.1:{server.server_address[1]}" for server in self._servers
        )
        self.moved = {elsewhere: self.elsewhere} if elsewhere else {}

    def __enter__(self) -> FaultyLine:
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, at: TracebackType | None
    ) -> None:
        self.idle.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def on(self, at: str, **what: Any) -> Fault:
        """Switch a fault on; where several meet a request, the first does."""
        self._faults.append(Fault(at, **what))
        return self._faults[-1]

    def mend(self) -> None:
        """Switch all off."""
        self._faults.clear()

    def met(self, seen: Seen) -> Fault | None:
        """The fault that a request meets, if it meets one."""
        with self._lock:
            self.log.append(seen)
            return next((f for f in self._faults if f.meets(seen.method, seen.path)), None)

    def _serving(self, to: str) -> ThreadingHTTPServer:
        handler = type("LineHandler", (_Handler,), {"line": self, "to": to})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        return server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or the client waits 40 ms for the body of each answer
    line: FaultyLine
    to: str

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        elsewhere = self.server is not self.line._servers[0]
        seen = Seen(
            self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, elsewhere
        )
        fault = self.line.met(seen) or Fault("")
        with contextlib.suppress(ConnectionError):
            if fault.before:
                fault.before()
            answer = (fault.status, {}, b"") if fault.status else self._asked(body)
            if fault.lost:
                self.close_connection = True
                return
            self._answer(fault, *answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _pass  # noqa: N815  # names of http.server

    def _asked(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        hub = http.client.HTTPConnection(urlsplit(self.to).netloc, timeout=60)
        with contextlib.closing(hub):
            hub.request(self.command, self.path, body, dict(self.headers.items()))
            answer = hub.getresponse()
            content = answer.read()
        found = {k: v for k, v in answer.getheaders() if k.lower() not in _OF_THE_CONNECTION}
        for name, value in found.items():
            for there, here in self.line.moved.items():
                if name.lower() == "location":
                    found[name] = value.replace(there, here)
        return answer.status, found, content

    def _answer(self, fault: Fault, status: int, headers: dict[str, str], body: bytes) -> None:
        if fault.body is not None:
            body = fault.body(body)
        if self.command != "HEAD":
            headers = {k: v for k, v in headers.items() if k.lower() != "content-length"}
            headers["Content-Length"] = str(len(body))
        gone = {name.lower() for name in fault.headers}
        headers = {k: v for k, v in headers.items() if k.lower() not in gone}
        headers |= {k: v for k, v in fault.headers.items() if v is not None}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self._send(fault, body)

    def _send(self, fault: Fault, body: bytes) -> None:
        self.wfile.flush()
        self.line.idle.wait(fault.stall)
        whole = body if fault.cut is None else body[: fault.cut]
        step = max(1, (fault.pace or 1 << 22) // 20)
        for start in range(0, len(whole), step):
            self.wfile.write(whole[start : start + step])
            if fault.pace:
                self.line.idle.wait(1 / 20)
        self.wfile.flush()
        if fault.cut is not None:
            self.close_connection = True
