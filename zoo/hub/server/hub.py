"""EmbeddedHub: the server as a thing to start and stop."""

from __future__ import annotations

import collections
import contextlib
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal, NamedTuple

from zoo.errors import BadSetting, DataNotFound
from zoo.hub.server.access import Access, Gate
from zoo.hub.server.routes import respond
from zoo.hub.server.store import Store
from zoo.hub.server.uploads import Tickets
from zoo.hub.server.wire import Answer, Handler, Request

_KEPT = 10_000


class Logged(NamedTuple):
    """One request answered; sizes are those of the bodies."""

    method: str
    path: str
    status: int
    bytes_in: int
    bytes_out: int


class EmbeddedHub:
    """A hub over a directory.

    ::

        with EmbeddedHub("hub/", mirrors=["weights/"]) as hub:
            HfApi(endpoint=hub.url).list_models()

    Args:
        directory: a new, empty or earlier directory of a hub, which can be written to; or any
            folder of ``owner/name/<files>``, which is then served as it is, read-only.
        host: address to listen on.
        port: 0 takes a free one.
        mirrors: more folders of ``owner/name/<files>``, read-only.
        tokens: what each token allows; without any, everybody may read and write.
        on_request: told of each request when it is answered.

    Attributes:
        log: the latest requests, oldest first.

    Raises:
        BadSetting: the address cannot be listened on.
        DataNotFound: a mirror is not a directory.
        OutputExists: ``directory`` is a file.
    """

    def __init__(
        self,
        directory: str | Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        mirrors: Sequence[str | Path] = (),
        tokens: Mapping[str, Access | Literal["read", "write"]] | None = None,
        on_request: Callable[[Logged], None] | None = None,
    ) -> None:
        for mirror in mirrors:
            if not Path(mirror).is_dir():
                raise DataNotFound(f"{mirror} is not a directory; a mirror is one.")
        self.log: collections.deque[Logged] = collections.deque(maxlen=_KEPT)
        self._store = Store(Path(directory), [Path(mirror) for mirror in mirrors])
        self._gate = Gate(tokens)
        self._tickets = Tickets()
        self._on_request = on_request
        self._server = self._listen(host, port)
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The endpoint: what ``HF_ENDPOINT`` is set to."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    @property
    def writable(self) -> bool:
        """Whether repos can be made here."""
        return self._store.writable

    def respond(self, request: Request) -> Answer:
        """Answer one request; raises :class:`zoo.hub.server.refusal.Refusal`."""
        request.access = self._gate.enter(request.headers.get("Authorization"))
        return respond(self._store, self._tickets, request)

    def serve_forever(self) -> None:
        """Serve until interrupted or closed."""
        self._server.serve_forever(poll_interval=0.1)

    def start(self) -> EmbeddedHub:
        """Serve in a thread of this process."""
        self._thread = threading.Thread(target=self.serve_forever, name="zoo-hub", daemon=True)
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop serving and hang up on everybody."""
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._thread = None
        self._server.server_close()
        self._server.hang_up()

    def __enter__(self) -> EmbeddedHub:
        return self.start()

    def __exit__(self, *failure: object) -> None:
        self.close()

    def _listen(self, host: str, port: int) -> _Server:
        members = {"respond": staticmethod(self.respond), "record": staticmethod(self._record)}
        try:
            return _Server((host, port), type("HubHandler", (Handler,), members))
        except (OSError, OverflowError) as err:
            raise BadSetting(
                f"Cannot listen on {host}:{port}: {getattr(err, 'strerror', None) or err}.",
                hint="`--port 0` takes a free port.",
            ) from err

    def _record(self, method: str, path: str, status: int, received: int, sent: int) -> None:
        logged = Logged(method, path, status, received, sent)
        self.log.append(logged)
        if self._on_request is not None:
            self._on_request(logged)


class _Server(ThreadingHTTPServer):
    """Knows its open connections, so that closing the hub closes them too."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *arguments: Any) -> None:
        self._connections: set[socket.socket] = set()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Close every connection."""
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
