"""The head of a branch there, and whether it holds a file that is here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from zoo.errors import ArtifactError, HubError, RepoNotFound
from zoo.hub.client import Client
from zoo.hub.download import download
from zoo.hub.outgoing import Outgoing
from zoo.hub.repo import Entry, files, info


@dataclass(frozen=True)
class Head:
    """The state of a branch.

    Attributes:
        commit: ``None`` for an empty repo.
        files: what the hub says of each, by path.
        compare: fetches a file there, and says whether it is one that is here.
    """

    commit: str | None
    files: Mapping[str, Entry]
    compare: Callable[[Outgoing], bool] = lambda file: False

    def holds(self, file: Outgoing) -> bool:
        """Whether those very bytes are there under that path."""
        there = self.files.get(file.path)
        if there is None:
            return False
        if there.sha256 is not None:
            return there.sha256 == file.sha256
        if there.oid in (file.oid, file.sha256):
            return True
        # Not every hub names files as git does; without names that mean something, bytes decide.
        return there.size in (None, file.size) and self.compare(file)


def head_of(client: Client, repo: str, revision: str) -> Head | None:
    """The head of a branch; ``None`` where repo or branch do not exist.

    Raises:
        AccessDenied, HubUnreachable: the hub said no, or nothing.
    """
    try:
        commit = info(client, repo, revision).commit
    except RepoNotFound:
        return None
    if commit is None:
        return Head(None, {})

    def compare(file: Outgoing) -> bool:
        try:
            download(client, repo, commit, file.path, size=file.size, sha256=file.sha256)
        except (HubError, ArtifactError):
            return False
        return True

    return Head(commit, files(client, repo, commit), compare)
