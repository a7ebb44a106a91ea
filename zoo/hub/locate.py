"""Where the bytes of a file are, and what a hub says of them: checked before anything is written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from huggingface_hub.utils import (  # type: ignore[attr-defined]  # public, not in __all__
    get_session,
    hf_raise_for_status,
)

from zoo.errors import CorruptFile, HubUnreachable
from zoo.hub import exchange
from zoo.hub.client import Client, shown_endpoint
from zoo.hub.translate import not_a_hub

_ETAG = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")
_MOST_REDIRECTS = 8


@dataclass(frozen=True)
class Located:
    """The address of a file's bytes.

    Attributes:
        url: on the hub, or signed for a while and elsewhere.
        size: in bytes, where the hub says it.
        elsewhere: whether it is another origin, to which no token goes.
    """

    url: str
    size: int | None
    elsewhere: bool


def locate(client: Client, repo: str, commit: str, name: str) -> Located:
    """Ask where a file is.

    Raises:
        HubUnreachable: what answers is no hub: it names no commit or another one, or gives the
            file a name or a size that none has.
        Exception: of the client library, where the hub refuses or is silent.
    """
    url = f"{client.endpoint}/{repo}/resolve/{commit}/{quote(name)}"
    told: dict[str, str] = {}
    for _ in range(_MOST_REDIRECTS):
        response = get_session().request(
            "HEAD",
            url,
            headers={**exchange.headers(client.token), "accept-encoding": "identity"},
            timeout=exchange.TIMEOUT,
            follow_redirects=False,
        )
        hf_raise_for_status(response)
        redirects = 300 <= response.status_code < 400 and "location" in response.headers
        told = {**_said(response, redirects), **told}
        if not redirects:
            break
        target = urljoin(url, response.headers["location"])
        if _origin(target) != _origin(client.endpoint):
            url = target
            break
        url = target
    _require_commit(client, repo, name, commit, told.get("commit"))
    if not _ETAG.match(told.get("etag", "")):
        raise not_a_hub(client)
    size = told.get("size")
    if size is not None and not re.fullmatch(r"\d{1,15}", size):
        raise not_a_hub(client)
    elsewhere = _origin(url) != _origin(client.endpoint)
    return Located(url, None if size is None else int(size), elsewhere)


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


def _said(response: Any, redirects: bool) -> dict[str, str]:
    found = response.headers
    said = {
        "commit": found.get("X-Repo-Commit"),
        "etag": found.get("X-Linked-ETag") or found.get("ETag"),
        "size": found.get("X-Linked-Size") or (None if redirects else found.get("Content-Length")),
    }
    said["etag"] = (said["etag"] or "").removeprefix("W/").strip('"') or None
    return {key: value for key, value in said.items() if value is not None}


def _require_commit(client: Client, repo: str, name: str, commit: str, found: str | None) -> None:
    if found is None:
        raise not_a_hub(client)
    if found != commit:
        raise HubUnreachable(
            f"{shown_endpoint(client.endpoint)} was asked for {name} of {repo} at {commit[:12]} "
            "and answered with another commit.",
            hint="Check HF_ENDPOINT; no hub does that.",
        )


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").lower(), port
