"""How long the client library may take over an upload.

By itself it sleeps as long as a hub asks it to, a day if need be, and waits for an answer for ever.
The hooks stay with its sessions and do nothing while no upload is made. It has one session after
another: whatever thread cannot connect closes the one that all use.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from huggingface_hub.utils import (  # type: ignore[attr-defined]  # public, not in __all__
    _http,
    get_session,
    hf_raise_for_status,
)

from zoo.hub.exchange import LONGEST_WAIT, TIMEOUT, asked_to_wait

ANSWER = 120.0  # seconds that a hub may take over an answer: a commit of many files is work for it
_FACTORY = "_GLOBAL_CLIENT_FACTORY"
_LIMITS = {"connect": TIMEOUT, "pool": TIMEOUT, "write": LONGEST_WAIT, "read": ANSWER}

_lock = threading.Lock()
_uploads = 0


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """Make waits without an end, or longer than :data:`LONGEST_WAIT`, an error."""
    _install()
    _count(1)
    try:
        yield
    finally:
        _count(-1)


def _install() -> None:
    """Have hooks on the session that there is and on those that come after it."""
    _hooked(get_session())
    # Setting it by set_client_factory would close the session under the hands of other threads,
    # and nothing public tells what it is: the user's own, where there are proxies or certificates.
    made_by = getattr(_http, _FACTORY, None)
    if made_by is not None and not isinstance(made_by, _Hooking):
        setattr(_http, _FACTORY, _Hooking(made_by))


@dataclass(frozen=True)
class _Hooking:
    """Makes sessions as another factory does, with the hooks."""

    factory: Callable[[], Any]

    def __call__(self) -> Any:
        return _hooked(self.factory())


def _hooked(session: Any) -> Any:
    for kind, hook in (("request", _limit), ("response", _refuse_long_waits)):
        if hook not in session.event_hooks[kind]:
            session.event_hooks[kind].append(hook)
    return session


def _count(change: int) -> None:
    global _uploads
    with _lock:
        _uploads += change


def _limit(request: Any) -> None:
    if _uploads:
        given = request.extensions.get("timeout") or {}
        kept = {name: value for name, value in given.items() if value is not None}
        request.extensions["timeout"] = _LIMITS | kept


def _refuse_long_waits(response: Any) -> None:
    if _uploads and response.is_error and asked_to_wait(response.headers) > LONGEST_WAIT:
        response.read()
        hf_raise_for_status(response)
