"""How long the client library may take over an upload.

By itself it sleeps as long as a hub asks it to, a day if need be, and waits for an answer for ever.
The hooks stay with its session and do nothing while no upload is made.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from huggingface_hub.utils import (  # type: ignore[attr-defined]  # public, not in __all__
    get_session,
    hf_raise_for_status,
)

from zoo.hub.exchange import LONGEST_WAIT, TIMEOUT, asked_to_wait

ANSWER = 120.0  # seconds that a hub may take over an answer: a commit of many files is work for it
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
    hooks = get_session().event_hooks
    for kind, hook in (("request", _limit), ("response", _refuse_long_waits)):
        if hook not in hooks[kind]:
            hooks[kind].append(hook)


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
