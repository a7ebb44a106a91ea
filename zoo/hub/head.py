"""The head of a branch there, and whether it holds a file that is here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from huggingface_hub import RepoFile

from zoo.errors import ArtifactError, HubError, RepoNotFound
from zoo.hub import cache
from zoo.hub.client import TIMEOUT, Client
from zoo.hub.download import download
from zoo.hub.outgoing import Outgoing, outgoing
from zoo.hub.translate import status_of, told

_NO_SUCH_THING = (404, 405, 501)


@dataclass(frozen=True)
class Head:
    """The state of a branch.

    Attributes:
        commit: ``None`` for an empty repo.
        files: what the hub says of each, by path.
        sha256_of: reads a file there, of no more than so many bytes; ``None`` where it cannot.
    """

    commit: str | None
    files: Mapping[str, Any]
    sha256_of: Callable[[str, int], str | None] = lambda path, limit: None

    def holds(self, file: Outgoing) -> bool:
        """Whether those very bytes are there under that path."""
        there = self.files.get(file.path)
        if there is None:
            return False
        if there.lfs is not None:
            return bool(there.lfs.sha256 == file.sha256)
        if there.blob_id in (file.oid, file.sha256):
            return True
        # Not every hub names files as git does; without names that mean something, bytes decide.
        return there.size in (None, file.size) and (
            self.sha256_of(file.path, file.size) == file.sha256
        )


def head_of(client: Client, repo: str, revision: str) -> Head | None:
    """The head of a branch; ``None`` where repo or branch do not exist.

    Raises:
        AccessDenied, HubUnreachable: the hub said no, or nothing.
    """
    try:
        with told(client, repo, revision):
            commit = client.api.model_info(repo, revision=revision, timeout=TIMEOUT).sha
    except RepoNotFound:
        return None
    if commit is None:
        return Head(None, {})

    def sha256_of(path: str, limit: int) -> str | None:
        return _sha256_of(client, repo, commit, path, limit)

    return Head(commit, _files(client, repo, commit), sha256_of)


def _files(client: Client, repo: str, commit: str) -> dict[str, Any]:
    """The files of a commit; from the model's own page where a hub has no trees."""
    try:
        with told(client, repo, commit):
            entries = list(client.api.list_repo_tree(repo, recursive=True, revision=commit))
    except HubError as err:
        if status_of(err) not in _NO_SUCH_THING:
            raise
        with told(client, repo, commit):
            found = client.api.model_info(
                repo, revision=commit, files_metadata=True, timeout=TIMEOUT
            )
        return {sibling.rfilename: sibling for sibling in found.siblings or []}
    return {entry.path: entry for entry in entries if isinstance(entry, RepoFile)}


def _sha256_of(client: Client, repo: str, commit: str, path: str, limit: int) -> str | None:
    try:
        there = cache.cached_file(repo, commit, path) or download(
            client, repo, commit, path, limit=limit, advance=lambda _: None
        )
        return outgoing(path, there).sha256
    except (HubError, ArtifactError):
        return None
