"""What a repo says of itself in small files, each with one request: its manifest and its signature."""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from huggingface_hub import constants
from huggingface_hub.utils import (  # type: ignore[attr-defined]  # public, not in __all__
    build_hf_headers,
    get_session,
    hf_raise_for_status,
)

from zoo.artifact import trust
from zoo.artifact.manifest import MANIFEST, MAX_BYTES, Manifest, digest_of, parse_manifest
from zoo.artifact.signing import MAX_BYTES as MAX_SIGNATURE
from zoo.artifact.signing import SIGNATURE
from zoo.errors import CorruptFile, HubError, HubUnreachable, NotAnArtifact
from zoo.hub import cache
from zoo.hub.client import Client, connect, shown_endpoint
from zoo.hub.translate import status_of, told
from zoo.progress import Progress, Silent

_TIMEOUT = 20.0  # seconds without a sign of life


@dataclass(frozen=True)
class Glance:
    """What can be known of an artifact on a hub without its weights.

    Attributes:
        repo: ``owner/name``.
        commit: what the revision stands for.
        manifest: parsed.
        content: its bytes.
        signature: the bytes of ``model.sig``, if there is one.
    """

    repo: str
    commit: str
    manifest: Manifest
    content: bytes
    signature: bytes | None

    @property
    def digest(self) -> str:
        """Of the artifact."""
        return digest_of(self.content)


def glance(
    repo: str,
    revision: str | None = None,
    *,
    progress: Progress | None = None,
    endpoint: str | None = None,
) -> Glance:
    """Look at an artifact on a hub: at most three requests, no torch. Raises as ``fetch``."""
    from zoo.hub.resolve import resolve

    progress = progress or Silent()
    client = connect(endpoint, progress)
    commit = resolve(client, repo, revision, progress).commit
    path = cache.cached_file(repo, commit, MANIFEST)
    content = cache.read_small(path, MAX_BYTES) if path else _fetched(client, repo, commit)
    manifest = parse_manifest(content, f"{repo} at {commit[:12]}: {MANIFEST}")
    return Glance(repo, commit, manifest, content, signature_of(client, repo, commit))


def signature_of(client: Client, repo: str, commit: str) -> bytes | None:
    """The signature of a commit, from the cache where it is known, or known to be none.

    Where nobody answers there is none: a policy that asks for one then refuses.
    """
    path = cache.cached_file(repo, commit, SIGNATURE)
    if path is not None:
        return cache.read_small(path, MAX_SIGNATURE)
    absent = _folder(repo) / ".no_exist" / commit / SIGNATURE  # the client library's own mark
    if absent.exists() or constants.HF_HUB_OFFLINE:
        return None
    try:
        content = _small_file(client, repo, commit, SIGNATURE, MAX_SIGNATURE)
    except HubUnreachable:
        return None
    except HubError as err:
        if status_of(err) != 404:
            raise
        _write(absent, b"")
        return None
    _write(_folder(repo) / "snapshots" / commit / SIGNATURE, content)
    return content


def require_trusted(client: Client, repo: str, commit: str) -> None:
    """Refuse an artifact whose manifest is in the cache and that no policy lets in.

    Raises:
        NotTrusted, PolicyInvalid: as :func:`zoo.artifact.trust.require`.
    """
    signature = signature_of(client, repo, commit)
    path = cache.cached_file(repo, commit, MANIFEST)
    assert path is not None  # whoever calls has read it
    trust.require(repo, cache.read_small(path, MAX_BYTES), signature)


def _fetched(client: Client, repo: str, commit: str) -> bytes:
    try:
        return _small_file(client, repo, commit, MANIFEST, MAX_BYTES)
    except HubError as err:
        if type(err) is HubError:  # the repo is there, the file is not
            raise NotAnArtifact(
                f"{repo} at {commit[:12]} is not an artifact: it has no {MANIFEST}.",
                hint="If it holds a backbone, give it to `--backbone`; `zoo backbones` shows how.",
            ) from err
        raise


def _small_file(client: Client, repo: str, commit: str, name: str, limit: int) -> bytes:
    url = f"{client.endpoint}/{repo}/resolve/{commit}/{quote(name)}"
    headers = build_hf_headers(token=client.token)
    content = bytearray()
    with (
        told(client, repo, commit),
        get_session().stream(
            "GET", url, headers=headers, timeout=_TIMEOUT, follow_redirects=True
        ) as response,
    ):
        hf_raise_for_status(response)
        other = response.headers.get("X-Repo-Commit") not in (None, commit)
        if other or "text/html" in response.headers.get("content-type", ""):
            raise HubUnreachable(
                f"What answers at {shown_endpoint(client.endpoint)} is not a hub.",
                hint="Check HF_ENDPOINT; a login page or a proxy may be in between.",
            )
        for piece in response.iter_bytes():
            content += piece
            if len(content) > limit:
                raise CorruptFile(f"{repo} at {commit[:12]}: {name} is larger than {limit} bytes.")
    return bytes(content)


def _write(path: Path, content: bytes) -> None:
    """Put a small file into the cache, whole; a cache that cannot be written is left as it is."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.incomplete")
        temporary.write_bytes(content)
        temporary.replace(path)


def _folder(repo: str) -> Path:
    return Path(constants.HF_HUB_CACHE, f"models--{repo.replace('/', '--')}")
