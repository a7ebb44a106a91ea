"""One request and its answer: bounded in time, in size, and in how often it is tried again.

The client library waits as long as a hub asks it to, and for ever where a hub says nothing. Here
both have an end. The connections are the library's own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from huggingface_hub import __version__ as hub_version
from huggingface_hub import constants, get_token
from huggingface_hub.errors import HfHubHTTPError, HTTPError  # type: ignore[attr-defined]
from huggingface_hub.utils import (  # type: ignore[attr-defined]  # public, not in __all__
    get_session,
    hf_raise_for_status,
)

import zoo
from zoo import waits
from zoo.errors import HubError, HubUnreachable
from zoo.waits import LONGEST_WAIT, asked_to_wait

ATTEMPTS = 4
FIRST_WAIT = 1.0  # seconds; doubled each time
NOBODY_WAIT = 0.25  # seconds before the only second try where no connection is made at all
WINDOW, LEAST = 60.0, 60_000  # seconds, and bytes in them: 1 kB/s
LARGEST = 64 << 20  # bytes of an answer that is not a file

_T = TypeVar("_T")
_MAY_PASS = (408, 425, 429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Answer:
    """What a hub said.

    Attributes:
        headers: of the answer, any case.
        content: all of the body.
    """

    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        """The body as JSON; raises ``ValueError`` where it is something else."""
        try:
            return json.loads(self.content)
        except RecursionError as err:
            raise ValueError("its answer is nested too deeply") from err


def headers(token: str | bool | None) -> dict[str, str]:
    """What goes with every request; ``token`` as :class:`~zoo.hub.client.Client` has it."""
    found = {"user-agent": f"zoo/{zoo.__version__}; hf_hub/{hub_version}"}
    if token is None and not constants.HF_HUB_DISABLE_IMPLICIT_TOKEN:
        token = get_token()
    if isinstance(token, str):
        found["authorization"] = f"Bearer {token}"
    return found


def exchange(url: str, token: str | bool | None) -> Answer:
    """GET a page of a hub's; raises as the client library does.

    Args:
        url: of the page.
        token: ``False`` for none, ``None`` for the saved one.

    Raises:
        HubError: the answer is larger than any should be.
    """
    sent = headers(token)
    return persist(lambda: _once(url, sent))


def persist(ask: Callable[[], _T]) -> _T:
    """What ``ask`` returns; tried again where that may go better, and raising what it raised last."""
    attempt = 1
    while True:
        try:
            return ask()
        except (HTTPError, HfHubHTTPError) as err:
            wait = wait_for(err, attempt)
            if wait is None or attempt >= ATTEMPTS:
                raise
            time.sleep(wait)
            attempt += 1


def wait_for(err: BaseException, attempt: int) -> float | None:
    """Seconds until it may go better; ``None`` where it will not, or the hub asks for too many."""
    # By its name: which HTTP library the client uses, and so whose error it is, depends on its version.
    if type(err).__name__ == "ConnectError":  # nobody is there: a person offline waits for this
        return NOBODY_WAIT if attempt == 1 else None
    if not isinstance(err, HfHubHTTPError):
        return _growing(attempt)
    if err.response.status_code not in _MAY_PASS:
        return None
    asked = asked_to_wait(err.response.headers)
    return None if asked > LONGEST_WAIT else max(asked, _growing(attempt))


def paced(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Bytes as they come, as long as they come: no line is so slow that it is worth the wait.

    Raises:
        HubUnreachable: fewer than ``LEAST`` of them came in ``WINDOW`` seconds.
    """
    since, came = time.monotonic(), 0
    for piece in pieces:
        came += len(piece)
        if (now := time.monotonic()) - since > WINDOW:
            if came < LEAST:
                raise HubUnreachable(
                    f"It sent {came:,} bytes in {now - since:.0f} seconds; that is too slow.",
                    hint="Try again when the network or the hub is less busy.",
                )
            since, came = now, 0
        yield piece


def _growing(attempt: int) -> float:
    return float(FIRST_WAIT * 2 ** (attempt - 1))


def _once(url: str, sent: dict[str, str]) -> Answer:
    with get_session().stream("GET", url, headers=sent, timeout=waits.TIMEOUT) as response:
        hf_raise_for_status(response)
        read = bytearray()
        for piece in paced(response.iter_bytes()):
            read += piece
            if len(read) > LARGEST:
                raise HubError(
                    f"The hub answers with more than {LARGEST >> 20} MiB where a page was asked for.",
                    hint="The repo lists too many files, or the hub is not to be trusted.",
                )
        return Answer(response.headers, bytes(read))
