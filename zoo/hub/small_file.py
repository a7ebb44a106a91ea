"""Files whose digest nobody knows before they are here: one request each, and never into the cache."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass
from typing import Any

from huggingface_hub.errors import HfHubHTTPError, HTTPError  # type: ignore[attr-defined]

from zoo.artifact.manifest import MANIFEST, MAX_BYTES
from zoo.errors import CorruptFile, HubError, NotAnArtifact, ZooError
from zoo.hub import exchange
from zoo.hub.client import Client
from zoo.hub.locate import Expired, asked_for, opened
from zoo.hub.translate import told

_SHA1 = 40  # hexadecimal digits


def small_file(client: Client, repo: str, commit: str, name: str, *, limit: int) -> bytes:
    """The bytes of a file: those that the hub names by its ETag.

    Not every hub names contents as git does. Where 40 digits mean something else, bytes that come
    twice the same are what it has.

    Args:
        client: the hub.
        repo: ``owner/name``.
        commit: a full commit id.
        name: the file's path in the repo.
        limit: the most bytes it may have.

    Raises:
        CorruptFile: it is larger, or what came is not what the hub names, twice.
        HubError: the hub does not have it, or does not answer.
    """

    def read() -> Came:
        return exchange.persist(lambda: _read(client, repo, commit, name, limit))

    with told(client, repo, commit, name):
        try:
            came = read()
        except Expired:
            came = read()
        if came.is_named:
            return came.content
        again = read()
        if again.is_named or (again == came and again.may_have_another_name):
            return again.content
        raise CorruptFile(
            f"{repo} at {commit[:12]}: {name} is not what the hub itself says of it; nothing was "
            "kept.",
            hint="Tell whoever runs the hub, or check what is in between.",
        )


def manifest_at(client: Client, repo: str, commit: str) -> bytes:
    """The bytes of an artifact's manifest.

    Raises:
        NotAnArtifact: the repo has none.
        CorruptFile, HubError: as :func:`small_file`.
    """
    try:
        return small_file(client, repo, commit, MANIFEST, limit=MAX_BYTES)
    except HubError as err:
        if type(err) is HubError:  # the repo is there, the file is not
            raise NotAnArtifact(
                f"{repo} at {commit[:12]} is not an artifact: it has no {MANIFEST}.",
                hint="If it holds a backbone, give it to `--backbone`; `zoo backbones` shows how.",
            ) from err
        raise


def manifest_now(client: Client, repo: str, revision: str) -> Came | None:
    """The manifest that a branch or tag has, asked for once; ``None`` where that takes more."""
    with contextlib.suppress(ZooError, HTTPError, HfHubHTTPError, OSError, ValueError):
        came = _read(client, repo, revision, MANIFEST, MAX_BYTES)
        return came if came.is_named else None
    return None


@dataclass(frozen=True)
class Came:
    """Bytes, and what the hub says of them.

    Attributes:
        content: the bytes.
        etag, size: as the hub names and counts them.
        commit: that they are of.
        repo: what the hub calls it now.
    """

    content: bytes
    etag: str
    size: int | None
    commit: str
    repo: str

    @property
    def is_named(self) -> bool:
        """Whether they are what the hub says they are."""
        return self._fits and self.etag in _names(self.content)

    @property
    def may_have_another_name(self) -> bool:
        """Whether the name is of no kind that is known here."""
        return self._fits and len(self.etag) == _SHA1

    @property
    def _fits(self) -> bool:
        return self.size in (None, len(self.content))


def _read(client: Client, repo: str, revision: str, name: str, limit: int) -> Came:
    what = f"{repo} at {revision[:12]}: {name}"
    with asked_for(client, repo, revision, name, "GET") as (located, response):
        if located.elsewhere:
            with opened(client, located) as there:
                content = _bounded(there, what, limit)
        else:
            content = _bounded(response, what, limit)
    return Came(content, located.etag, located.size, located.commit, located.repo)


def _bounded(response: Any, what: str, limit: int) -> bytes:
    content = bytearray()
    for piece in exchange.paced(response.iter_bytes()):
        content += piece
        if len(content) > limit:
            raise CorruptFile(
                f"{what} does not end after the {limit} bytes it may have; nothing was kept.",
                hint="The repo or the hub is not to be trusted.",
            )
    return bytes(content)


def _names(content: bytes) -> tuple[str, ...]:
    """What hubs name a content by: as git does, or by a digest."""
    blob = b"blob %d\0" % len(content)
    return tuple(
        kind(data).hexdigest()
        for kind in (hashlib.sha1, hashlib.sha256)
        for data in (content, blob + content)
    )
