"""What a revision stands for: asked for once, so that all files are of one commit."""

from __future__ import annotations

from typing import NamedTuple

from huggingface_hub import constants

from zoo.artifact.manifest import MANIFEST
from zoo.errors import HubError, HubUnreachable, RepoNotFound
from zoo.hub import cache
from zoo.hub import repo as remote
from zoo.hub.client import Client, check_repo, check_revision
from zoo.hub.repo import COMMIT
from zoo.hub.translate import not_a_hub
from zoo.progress import Progress

_BRANCH = constants.DEFAULT_REVISION


class Resolved(NamedTuple):
    """What a revision stands for, and whether the hub answers; ``None`` where it was not asked."""

    commit: str
    reachable: bool | None


def resolve(client: Client, repo: str, revision: str | None, progress: Progress) -> Resolved:
    """The commit that a revision stands for: asked for once, so that all files are of one commit.

    Raises:
        BadSetting, RepoNotFound, AccessDenied, HubUnreachable: as :func:`fetch`.
    """
    check_repo(repo)
    wanted = _BRANCH if revision is None else revision
    check_revision(wanted)
    if COMMIT.match(wanted) and cache.cached_file(client.entry(repo), wanted, MANIFEST):
        return Resolved(wanted, reachable=None)
    try:
        commit = _ask(client, repo, revision, progress)
    except HubUnreachable as err:
        commit = cache.cached_commit(client.entry(repo), wanted) or ""
        if not COMMIT.match(commit) or not cache.cached_file(client.entry(repo), commit, MANIFEST):
            raise
        progress.note(f"{err.message} Using {repo} {wanted} as fetched before: {commit[:12]}.")
        return Resolved(commit, reachable=False)
    if COMMIT.match(wanted) and commit != wanted:
        raise not_a_hub(client)  # a commit is what it is
    if commit != wanted:
        cache.remember_commit(client.entry(repo), wanted, commit)
    return Resolved(commit, reachable=True)


def _ask(client: Client, repo: str, revision: str | None, progress: Progress) -> str:
    try:
        found = remote.info(client, repo, revision)
    except RepoNotFound as err:
        if revision is not None and "no revision" in err.message:
            err.hint = _revisions(client, repo) or err.hint
        raise
    if found.commit is None:
        raise not_a_hub(client)
    if remote.renamed(repo, found):
        progress.note(f"{repo} is called {found.id} now{client.where}.")
    return found.commit


def answers(client: Client, repo: str, commit: str) -> bool:
    """Whether the hub has that commit to give; a download by itself takes long to find out."""
    try:
        return bool(remote.info(client, repo, commit).commit)
    except HubUnreachable:
        return False


def _revisions(client: Client, repo: str) -> str:
    """What there is instead, for a hint."""
    try:
        refs = remote.refs(client, repo)
    except HubError:
        return ""
    names = [*refs.branches, *refs.tags]
    return f"It has {', '.join(names[:8])}{', …' if len(names) > 8 else ''}." if names else ""
