"""What a repo says of itself in small files, each with one request: its manifest and its signature."""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import constants

from zoo.artifact import trust
from zoo.artifact.manifest import MANIFEST, MAX_BYTES, Manifest, digest_of, parse_manifest
from zoo.artifact.signing import MAX_BYTES as MAX_SIGNATURE
from zoo.artifact.signing import SIGNATURE
from zoo.errors import HubError, HubUnreachable
from zoo.hub import cache
from zoo.hub.client import Client, check_repo, check_revision, connect
from zoo.hub.repo import COMMIT
from zoo.hub.small_file import manifest_at, manifest_now, small_file
from zoo.hub.translate import status_of
from zoo.progress import Progress, Silent


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
    """Look at an artifact on a hub: two files, each with a redirect at most. No torch.

    Raises as ``fetch``.
    """
    progress = progress or Silent()
    client = connect(endpoint, progress)
    commit, content = _manifest(client, repo, revision, progress)
    manifest = parse_manifest(content, f"{repo} at {commit[:12]}: {MANIFEST}")
    return Glance(repo, commit, manifest, content, signature_of(client, repo, commit))


def _manifest(
    client: Client, repo: str, revision: str | None, progress: Progress
) -> tuple[str, bytes]:
    """A commit and its manifest; what the revision stands for is asked only where that is needed."""
    from zoo.hub.resolve import resolve

    wanted = constants.DEFAULT_REVISION if revision is None else revision
    check_repo(repo)
    check_revision(wanted)
    if not COMMIT.match(wanted):
        found = manifest_now(client, repo, wanted)
        if found is not None:
            if found.repo.lower() != repo.lower():
                progress.note(f"{repo} is called {found.repo} now{client.where}.")
            return found.commit, found.content
    commit = resolve(client, repo, revision, progress).commit
    path = cache.cached_file(client.entry(repo), commit, MANIFEST)
    return commit, cache.read_small(path, MAX_BYTES) if path else manifest_at(client, repo, commit)


def signature_of(client: Client, repo: str, commit: str, *, again: bool = False) -> bytes | None:
    """The signature of a commit, from the cache where it is known, or known to be none.

    Where nobody answers there is none: a policy that asks for one then refuses.

    Args:
        client: the hub.
        repo: ``owner/name``.
        commit: a full commit id.
        again: ask also where it is known.
    """
    path = cache.cached_file(client.entry(repo), commit, SIGNATURE)
    if path is not None and not again:
        return cache.read_small(path, MAX_SIGNATURE)
    absent = (
        cache.folder(client.entry(repo)) / ".no_exist" / commit / SIGNATURE
    )  # the client library's own mark
    if (absent.exists() and not again) or constants.HF_HUB_OFFLINE:
        return None
    try:
        content = small_file(client, repo, commit, SIGNATURE, limit=MAX_SIGNATURE)
    except HubUnreachable:
        return None
    except HubError as err:
        if status_of(err) != 404:
            raise
        _write(absent, b"")
        return None
    _write(cache.snapshot(client.entry(repo), commit) / SIGNATURE, content)
    return content


def require_trusted(client: Client, repo: str, commit: str, *, again: bool = False) -> None:
    """Refuse an artifact whose manifest is in the cache and that no policy lets in.

    Args:
        client: the hub.
        repo: ``owner/name``.
        commit: a full commit id.
        again: ask for the signature also where it is known.

    Raises:
        NotTrusted, PolicyInvalid: as :func:`zoo.artifact.trust.require`.
    """
    signature = signature_of(client, repo, commit, again=again)
    path = cache.cached_file(client.entry(repo), commit, MANIFEST)
    assert path is not None  # whoever calls has read it
    trust.require(repo, cache.read_small(path, MAX_BYTES), signature)


def _write(path: Path, content: bytes) -> None:
    """Put a small file into the cache, whole; a cache that cannot be written is left as it is."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.incomplete")
        temporary.write_bytes(content)
        temporary.replace(path)
