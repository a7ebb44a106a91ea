"""Where a push goes: a repo and a branch that are there or are made, and a tag that is free."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.artifact.manifest import MANIFEST
from zoo.errors import AccessDenied, BadSetting, OutputExists, RepoNotFound
from zoo.hub.access import Identity, refused
from zoo.hub.client import Client, check_repo, check_revision
from zoo.hub.commit import moved
from zoo.hub.head import Head, head_of
from zoo.hub.outgoing import Outgoing
from zoo.hub.translate import told

MAIN = "main"


def require_names(repo: str, branch: str, tag: str | None, *, create_pr: bool) -> None:
    """Refuse what cannot be a repo, a branch or a tag.

    Raises:
        BadSetting: a name is none, the tag is that of a branch, or a pull request has one.
    """
    check_repo(repo)
    check_revision(branch)
    if tag is None:
        return
    check_revision(tag)
    if tag in (branch, MAIN):
        raise BadSetting(
            f"A tag {tag!r} would hide the branch of that name.", hint="Choose another, e.g. v1."
        )
    if create_pr:
        raise BadSetting(
            "A pull request has no tag.", hint="Tag the commit that merges it, or push to a branch."
        )


def require_free(
    client: Client, repo: str, tag: str | None, head: Head | None, files: Sequence[Outgoing]
) -> None:
    """A tag may be made, or be there on the very same files, but never moved.

    Raises:
        OutputExists: it is there on others.
    """
    if tag is None or head is None:
        return
    found = head_of(client, repo, tag)
    if found is not None and not all(found.holds(file) for file in files):
        raise OutputExists(
            f"{repo} has a tag {tag!r} already, at {str(found.commit)[:12]}; nothing was pushed.",
            hint="Choose another tag: one that moves is worth nothing to those who pinned it.",
        )


def nothing_to_propose_to(client: Client, repo: str, branch: str) -> RepoNotFound:
    """What a pull request should be opened on is not there."""
    return RepoNotFound(
        f"There is no {repo} with a branch {branch}{client.where} to open a pull request on.",
        hint="Check the spelling, or push without `--create-pr` to make it.",
    )


def make(client: Client, repo: str, branch: str, *, private: bool, identity: Identity) -> Head:
    """Make the repo, or the branch, or both; its head then.

    Raises:
        AccessDenied, HubUnreachable: the hub said no, or nothing.
    """
    try:
        with told(client, repo):
            client.api.create_repo(repo, private=private, exist_ok=True)
    except AccessDenied as err:
        raise refused(client, repo, identity, err) from err
    if branch != MAIN:
        with told(client, repo, branch):
            client.api.create_branch(repo, branch=branch, exist_ok=True)
    return head_of(client, repo, branch) or Head(None, {})


def require_new(
    client: Client, repo: str, branch: str, head: Head, files: Sequence[Outgoing]
) -> None:
    """A branch that was not there before must not have somebody else's artifact now.

    Raises:
        HeadMoved: it has one.
    """
    if MANIFEST in head.files and not all(head.holds(file) for file in files):
        raise moved(client, repo, branch, head)
