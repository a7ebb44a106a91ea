"""A hub with faults that can be switched on."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass

from zoo.hub.server import EmbeddedHub
from zoo.hub.server.wire import Answer, Request, as_json


@dataclass
class Fault:
    """What happens to requests with ``part`` in their path: by default to all but reading ones."""

    part: str
    act: Callable[[FaultyHub, Request], Answer]
    method: str | None = None
    after: int = 0
    times: int = 1

    def meets(self, request: Request) -> bool:
        writes = request.method != "GET"
        wanted = request.method == self.method if self.method else writes
        if self.part not in request.segments or not wanted:
            return False
        if self.after:
            self.after -= 1
            return False
        self.times -= 1
        return self.times >= 0


class FaultyHub(EmbeddedHub):
    """Faults apply in the order they were switched on; each wears off."""

    _faults: tuple[Fault, ...] = ()
    _choosing = threading.Lock()

    def respond(self, request: Request) -> Answer:
        with self._choosing:
            met = next((fault for fault in self._faults if fault.meets(request)), None)
        return met.act(self, request) if met else super().respond(request)

    def as_usual(self, request: Request) -> Answer:
        """The answer without faults."""
        return super().respond(request)

    def mend(self) -> None:
        """Switch all faults off."""
        self._faults = ()

    def lose_reply(self, part: str) -> None:
        """Do what is asked and hang up without a word."""

        def act(hub: FaultyHub, request: Request) -> Answer:
            hub.as_usual(request)
            raise ConnectionResetError

        self._faults = (*self._faults, Fault(part, act))

    def fail(
        self,
        part: str,
        status: int,
        *,
        after: int = 0,
        times: int = 1,
        method: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Answer with an error."""

        def act(hub: FaultyHub, request: Request) -> Answer:
            for _ in request.chunks():
                pass
            return Answer(b'{"error": "switched on"}', status, dict(headers or {}))

        self._faults = (*self._faults, Fault(part, act, method, after, times))

    def cut_upload(self, share: float) -> None:
        """Hang up in the middle of a content."""

        def act(hub: FaultyHub, request: Request) -> Answer:
            whole = int(request.headers["Content-Length"])
            for _ in request.chunks():
                if request.received >= share * whole:
                    break
            raise ConnectionResetError

        self._faults = (*self._faults, Fault("lfs", act, "PUT"))

    def lie(self, part: str, status: int) -> None:
        """Do what is asked and say that it failed."""

        def act(hub: FaultyHub, request: Request) -> Answer:
            hub.as_usual(request)
            return Answer(b'{"error": "switched on"}', status)

        self._faults = (*self._faults, Fault(part, act))

    def before(self, part: str, do: Callable[[], object]) -> None:
        """Do something first, once."""

        def act(hub: FaultyHub, request: Request) -> Answer:
            do()
            return hub.as_usual(request)

        self._faults = (*self._faults, Fault(part, act))

    def ignore(self, name: str) -> None:
        """As if the repo's .gitignore named a file."""

        def act(hub: FaultyHub, request: Request) -> Answer:
            answer = hub.as_usual(request)
            told = json.loads(bytes(answer.body))
            for file in told["files"]:
                file["shouldIgnore"] = file["path"] == name
            return as_json(told)

        self._faults = (*self._faults, Fault("preupload", act, times=99))
