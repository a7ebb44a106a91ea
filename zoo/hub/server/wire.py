"""HTTP on the wire: requests in, answers out, one thread a connection."""

from __future__ import annotations

import contextlib
import errno
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from io import BufferedIOBase
from pathlib import Path
from typing import Any, BinaryIO, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

from zoo.hub.server.access import Access
from zoo.hub.server.refusal import Refusal

_JSON_LIMIT = 256 << 20
_DRAIN_LIMIT = 1 << 20
_CHUNK = 1 << 16
_RANGE = re.compile(r"bytes=(\d*)-(\d*)\Z")


@dataclass(frozen=True)
class Answer:
    """What goes back: bytes, or a file."""

    body: bytes | Path = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def as_json(data: Any, status: int = 200) -> Answer:
    """An answer of JSON."""
    return Answer(json.dumps(data).encode(), status, {"Content-Type": "application/json"})


class Request:
    """One request, its body not yet read.

    Attributes:
        method: ``GET`` also for ``HEAD``, which differs only in what is sent.
        segments: of the path, each decoded by itself, so that ``%2F`` within one stays there.
        query: parameters, each as often as it was given.
        access: what its token allows; ``None`` for a stranger.
        base: scheme and host under which the client reached this hub.
        received: bytes of the body read so far.
    """

    def __init__(
        self, method: str, target: str, headers: Any, stream: BufferedIOBase, default_host: str
    ) -> None:
        parts = urlsplit(target)
        self.method = "GET" if method == "HEAD" else method
        self.segments = [unquote(s) for s in parts.path.strip("/").split("/")]
        self.query = parse_qs(parts.query, keep_blank_values=True)
        self.headers = headers
        self.access: Access | None = None
        self.base = f"http://{headers.get('Host') or default_host}"
        self.received = 0
        self._stream = stream
        self._left = _count(headers.get("Content-Length") or "0", 10)
        self._chunked = "chunked" in (headers.get("Transfer-Encoding") or "").lower()

    def chunks(self) -> Iterator[bytes]:
        """The body, piece by piece.

        Raises:
            ConnectionError: the client stopped before the end.
        """
        while self._left or self._chunked:
            if not self._left and not self._next_chunk():
                return
            piece = self._stream.read(min(self._left, _CHUNK))
            if not piece:
                raise ConnectionError("the body ended early")
            self._left -= len(piece)
            self.received += len(piece)
            if not self._left and self._chunked:
                self._stream.readline()
            yield piece

    def body(self) -> bytes:
        """The whole body.

        Raises:
            Refusal: it is larger than any JSON document should be.
        """
        read = bytearray()
        for piece in self.chunks():
            read += piece
            if len(read) > _JSON_LIMIT:
                raise Refusal(413, "The request is too large; send large files by the LFS route")
        return bytes(read)

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; an absent body is an empty one."""
        try:
            data = json.loads(self.body() or b"{}")
        except ValueError as err:
            raise Refusal(400, f"The request is not JSON: {err}") from err
        if not isinstance(data, dict):
            raise Refusal(400, "The request is not a JSON object")
        return data

    def form(self) -> dict[str, list[str]]:
        """The body as form or JSON data, every value a list."""
        if "json" in (self.headers.get("Content-Type") or ""):
            return {k: v if isinstance(v, list) else [str(v)] for k, v in self.json().items()}
        return parse_qs(self.body().decode(), keep_blank_values=True)

    def flag(self, name: str) -> bool:
        """Whether a query parameter says yes."""
        return self.query.get(name, [""])[0].lower() in ("1", "true")

    def drain(self) -> bool:
        """Read what is left of a small body; ``False`` where the connection is better closed."""
        if self._left > _DRAIN_LIMIT or self._chunked:
            return not self._left and not self._chunked
        for _ in self.chunks():
            pass
        return True

    def _next_chunk(self) -> bool:
        self._left = _count(self._stream.readline(_CHUNK).split(b";")[0].decode("latin-1"), 16)
        if not self._left:
            self._chunked = False
            while self._stream.readline(_CHUNK).strip():  # trailers
                pass
        return bool(self._left)


class Handler(BaseHTTPRequestHandler):
    """Reads requests off a connection and writes what ``respond`` answers."""

    protocol_version = "HTTP/1.1"
    server_version = "zoo-hub"
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = 300  # seconds a silent connection is kept

    respond: ClassVar[Callable[[Request], Answer]]
    record: ClassVar[Callable[[str, str, int, int, int], None]]

    def handle(self) -> None:
        """Serve the connection until either side has enough of it."""
        try:
            super().handle()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: whoever runs the hub is told by ``record``."""

    def _serve(self) -> None:
        answer, received = self._answer()
        with contextlib.ExitStack() as stack:
            answer, stream, length = self._opened(answer, stack)
            sent = 0 if self.command == "HEAD" else length
            type(self).record(self.command, self.path, answer.status, received, sent)
            self._send_head(answer, length)
            if sent and stream is not None:
                _copy(stream, self.wfile, sent)
            elif sent and isinstance(answer.body, bytes):
                self.wfile.write(answer.body)
            self.wfile.flush()

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815  # names of http.server

    def _answer(self) -> tuple[Answer, int]:
        """The answer, and how many bytes of the request's body were read."""
        host = "{}:{}".format(*self.connection.getsockname()[:2])
        try:
            request = Request(self.command, self.path, self.headers, self.rfile, host)
        except Refusal as err:
            self.close_connection = True
            return _refused(err), 0
        try:
            answer = type(self).respond(request)
        except (ConnectionError, TimeoutError):
            raise
        except Exception as err:  # whatever goes wrong in one answer, the hub goes on
            answer = _refused(_as_refusal(err))
        if not request.drain():
            self.close_connection = True
        return answer, request.received

    def _opened(
        self, answer: Answer, stack: contextlib.ExitStack
    ) -> tuple[Answer, BinaryIO | None, int]:
        """The answer to what part was asked for, where its bytes come from, and how many."""
        if not isinstance(answer.body, Path):
            return answer, None, len(answer.body)
        stream = stack.enter_context(answer.body.open("rb"))
        size = stream.seek(0, 2)
        start, stop = _range(self.headers.get("Range"), size) or (0, size)
        if start >= size > 0:
            return Answer(b"", 416, {"Content-Range": f"bytes */{size}"}), None, 0
        stream.seek(start)
        if stop - start == size:
            return answer, stream, size
        span = {"Content-Range": f"bytes {start}-{stop - 1}/{size}"}
        return Answer(answer.body, 206, answer.headers | span), stream, stop - start

    def _send_head(self, answer: Answer, length: int) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()


def _copy(source: BinaryIO, target: Any, length: int) -> None:
    while length:
        piece = source.read(min(length, _CHUNK))
        if not piece:
            raise ConnectionAbortedError("the file became shorter while it was sent")
        target.write(piece)
        length -= len(piece)


def _range(header: str | None, size: int) -> tuple[int, int] | None:
    """First byte and the one after the last, or ``None`` for everything."""
    found = _RANGE.match((header or "").strip())
    if not found or not (found[1] or found[2]):
        return None
    if not found[1]:
        return max(size - int(found[2]), 0), size
    stop = min(int(found[2]) + 1, size) if found[2] else size
    start = int(found[1])
    return (start, stop) if start < stop or start >= size else None


def _refused(err: Refusal) -> Answer:
    headers = {"Content-Type": "application/json"}
    headers["X-Error-Message"] = err.message.encode("ascii", "replace").decode()
    if err.code:
        headers["X-Error-Code"] = err.code
    if err.commit:
        headers["X-Repo-Commit"] = err.commit
    return Answer(json.dumps({"error": err.message}).encode(), err.status, headers)


def _as_refusal(err: Exception) -> Refusal:
    if isinstance(err, Refusal):
        return err
    if isinstance(err, OSError) and err.errno in (errno.ENOSPC, errno.EDQUOT):
        return Refusal(507, "The hub's disk is full")
    if isinstance(err, OSError) and err.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return Refusal(403, "The hub's directory is read-only")
    return Refusal(500, f"The hub failed: {type(err).__name__}")


def _count(text: str, base: int) -> int:
    try:
        number = int(text.strip(), base)
    except ValueError:
        number = -1
    if number < 0:
        raise Refusal(400, "The length of the request is not a number")
    return number
