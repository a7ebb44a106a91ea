"""Where the bytes of a file are, and what a hub says of them: checked before anything is written."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from huggingface_hub import constants
from huggingface_hub.utils import (  # type: ignore[attr-defined]  # public, not in __all__
    get_session,
    hf_raise_for_status,
)

from zoo import waits
from zoo.errors import CorruptFile, HubUnreachable
from zoo.hub import exchange
from zoo.hub.client import Client, shown_endpoint
from zoo.hub.repo import COMMIT
from zoo.hub.translate import not_a_hub

_ETAG = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")
_SIZE = re.compile(r"[0-9]{1,15}\Z")
_URL = re.compile(r"https?://[\w.:\[\]-]+(?:[/?][!-~]*)?\Z", re.ASCII)
_OF_A_REPO = re.compile(r"/([\w.-]+/[\w.-]+)/resolve/", re.ASCII)
_MOST_REDIRECTS = 8
_REFUSED = (400, 401, 403, 404, 410)  # what is said to an address whose time is over


class Expired(HubUnreachable):
    """An address that was signed for a while, and is not taken any more."""


@dataclass(frozen=True)
class Located:
    """The address of a file's bytes.

    Attributes:
        url: on the hub, or signed for a while and elsewhere.
        size: in bytes, where the hub says it.
        etag: what the hub names the content by: 40 or 64 hexadecimal digits.
        commit: that the file is of.
        repo: what the hub calls it now, where it redirects from an old name.
        elsewhere: whether it is another origin, to which no token goes.
    """

    url: str
    size: int | None
    etag: str
    elsewhere: bool
    commit: str
    repo: str


def locate(client: Client, repo: str, commit: str, name: str) -> Located:
    """Ask where a file is. Raises as :func:`asked_for`."""
    with asked_for(client, repo, commit, name, "HEAD") as (located, _):
        return located


@contextlib.contextmanager
def asked_for(
    client: Client, repo: str, revision: str, name: str, method: str
) -> Iterator[tuple[Located, Any]]:
    """Where a file is, and the answer that says so; to a GET it has the bytes too, if not elsewhere.

    Redirects within the hub are followed.

    Args:
        client: the hub.
        repo: ``owner/name``.
        revision: a full commit id, or what stands for one.
        name: the file's path in the repo.
        method: of HTTP.

    Raises:
        HubUnreachable: what answers is no hub: it names no commit or another one, or gives the
            file a name or a size that none has.
        Exception: of the client library, where the hub refuses or is silent.
    """
    url = f"{client.endpoint}/{repo}/resolve/{quote(revision, safe='')}/{quote(name)}"
    sent = {**exchange.headers(client.token), "accept-encoding": "identity"}
    said: dict[str, str] = {}
    for _ in range(_MOST_REDIRECTS):
        with get_session().stream(
            method, url, headers=sent, timeout=waits.TIMEOUT, follow_redirects=False
        ) as response:
            hf_raise_for_status(response)
            target = _target(client, url, response)
            said = {**_said(response, redirects=target is not None), **said}
            if target is None or not _is_ours(client, target):
                _require_commit(client, repo, name, revision, said.get("commit"))
                yield _located(client, repo, target or url, said), response
                return
            if moved := _OF_A_REPO.match(target.removeprefix(client.endpoint)):
                repo = moved[1]
            url = target
    raise not_a_hub(client)


@contextlib.contextmanager
def opened(client: Client, located: Located, start: int = 0) -> Iterator[Any]:
    """The answer with a file's bytes, from the one at ``start`` on where the hub can do that.

    Raises:
        Expired: the address is of no use, which another one may be.
        Exception: of the client library, where the hub refuses or is silent.
    """
    sent = exchange.headers(False if located.elsewhere else client.token)
    sent["accept-encoding"] = "identity"  # else the bytes counted are not those of the file
    if start:
        sent["range"] = f"bytes={start}-"
    seconds = constants.HF_HUB_DOWNLOAD_TIMEOUT
    with get_session().stream("GET", located.url, headers=sent, timeout=seconds) as response:
        if located.elsewhere and response.status_code in _REFUSED:
            raise Expired(
                f"The place that {shown_endpoint(client.endpoint)} named for a file answers with "
                f"HTTP {response.status_code}.",
                hint="Try again in some minutes; if it stays so, check this machine's clock.",
            )
        hf_raise_for_status(response)
        yield response


def require_size(located: Located, what: str, size: int) -> None:
    """Refuse a file that the hub itself says is not the one wanted.

    Raises:
        CorruptFile: of another size.
    """
    if located.size not in (None, size):
        raise CorruptFile(
            f"{what} has {located.size} bytes by the hub's word; the manifest lists {size}.",
            hint="Tell the owner of the repo, or pull another revision.",
        )


def _said(response: Any, *, redirects: bool) -> dict[str, str]:
    found = response.headers
    said = {
        "commit": found.get("X-Repo-Commit"),
        "etag": found.get("X-Linked-ETag") or found.get("ETag"),
        "size": found.get("X-Linked-Size") or (None if redirects else found.get("Content-Length")),
    }
    said["etag"] = (said["etag"] or "").removeprefix("W/").strip('"') or None
    return {key: value for key, value in said.items() if value is not None}


def _located(client: Client, repo: str, url: str, said: Mapping[str, str]) -> Located:
    size, etag = said.get("size"), said.get("etag", "")
    if not _ETAG.match(etag) or not (size is None or _SIZE.match(size)):
        raise not_a_hub(client)
    return Located(
        url=url,
        size=None if size is None else int(size),
        etag=etag,
        elsewhere=not _is_ours(client, url),
        commit=said["commit"],
        repo=repo,
    )


def _target(client: Client, url: str, response: Any) -> str | None:
    """Where an answer redirects to, if it does."""
    if not 300 <= response.status_code < 400 or "location" not in response.headers:
        return None
    try:
        target = urljoin(url, str(response.headers["location"]))
        if _URL.match(target) and _origin(target):
            return target
    except ValueError:
        pass
    raise not_a_hub(client)


def _require_commit(client: Client, repo: str, name: str, revision: str, found: str | None) -> None:
    if found is None or not COMMIT.match(found):
        raise not_a_hub(client)
    if COMMIT.match(revision) and found != revision:
        raise HubUnreachable(
            f"{shown_endpoint(client.endpoint)} was asked for {name} of {repo} at {revision[:12]} "
            "and answered with another commit.",
            hint="Check HF_ENDPOINT; no hub does that.",
        )


def _is_ours(client: Client, url: str) -> bool:
    return _origin(url) == _origin(client.endpoint)


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").lower(), port
