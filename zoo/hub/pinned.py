"""Fetch an artifact as ``zoo.lock`` pins it, or say what differs."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import constants

from zoo.errors import HubError, LockDrift, RepoNotFound
from zoo.hub import repo as remote
from zoo.hub.client import Client, check_repo, check_revision, connect
from zoo.hub.fetch import FetchedArtifact, fetch
from zoo.hub.lock_file import Pin, pin_of, read_lock
from zoo.progress import Progress


def fetch_pinned(
    lock: Path,
    repo: str,
    revision: str | None,
    *,
    force: bool = False,
    any_size: bool = False,
    progress: Progress,
    endpoint: str | None = None,
) -> FetchedArtifact:
    """Bring the pinned commit of an artifact into the cache.

    A branch may have moved on since: that is said, and the pinned commit is taken. A tag may not.

    Raises:
        LockInvalid: the lock file cannot be used.
        LockDrift: it does not pin that repo at that revision, its tag was moved, or what is there
            is not what was pinned.
        ZooError: as :func:`~zoo.hub.fetch.fetch`.
    """
    check_repo(repo)
    if revision is not None:
        check_revision(revision)
    pin = _pin(lock, repo, revision)
    client = connect(endpoint, progress)
    now = _now(client, lock, repo, pin, progress)
    try:
        found = fetch(
            repo,
            pin.commit,
            force=force,
            any_size=any_size,
            progress=progress,
            endpoint=endpoint,
        )
    except RepoNotFound as err:
        if now is None:
            raise
        raise LockDrift(
            f"{repo} has no commit {pin.commit} any more{client.where}, which {lock} pins; its "
            f"{pin.revision} is {now}.",
            hint="It was made anew, perhaps by somebody else. If you trust it, "
            f"`zoo lock add {repo}`.",
        ) from err
    if pin_of(found, pin.revision) != pin:
        raise LockDrift(
            f"{repo} at {pin.commit[:12]} is not the artifact, or not on the backbone, that {lock} "
            "pins; it was not opened.",
            hint=f"If the file was not changed by hand, do not trust {repo}{client.where}.",
        )
    return found


def _pin(lock: Path, repo: str, revision: str | None) -> Pin:
    pins = read_lock(lock).artifacts
    if repo not in pins:
        raise LockDrift(f"{lock} does not pin {repo}.", hint=f"`zoo lock add {repo}` does.")
    pin = pins[repo]
    if revision not in (None, pin.revision, pin.commit):
        raise LockDrift(
            f"{lock} pins {repo} at {pin.revision} ({pin.commit[:12]}), not at {revision}.",
            hint=f"`zoo lock add {repo}@{revision}` pins that instead.",
        )
    return pin


def _now(client: Client, lock: Path, repo: str, pin: Pin, progress: Progress) -> str | None:
    """What the pinned revision stands for today, where the hub says so."""
    if pin.revision == pin.commit or constants.HF_HUB_OFFLINE:
        return None
    try:
        found = remote.info(client, repo, pin.revision)
    except HubError as err:
        progress.note(f"{err.message} Using {repo} at {pin.commit[:12]}, as {lock} pins it.")
        return None
    if remote.renamed(repo, found):
        progress.note(
            f"{repo} is called {found.id} now{client.where}: {lock} pins its old name at "
            f"{pin.commit}, and {pin.revision} of the new one is {found.commit}."
        )
    if found.commit is None or found.commit == pin.commit:
        return found.commit
    if _is_tag(client, repo, pin.revision):
        raise LockDrift(
            f"The tag {pin.revision} of {repo} was moved{client.where}: {lock} pins {pin.commit}, "
            f"and it is {found.commit} now.",
            hint=f"Ask its owner why; `zoo lock add {repo}@{pin.revision}` takes the new one.",
        )
    progress.note(
        f"{pin.revision} of {repo} moved on: {lock} pins {pin.commit}, it is {found.commit} now. "
        "Using the pinned one."
    )
    return found.commit


def _is_tag(client: Client, repo: str, revision: str) -> bool:
    if revision == constants.DEFAULT_REVISION:
        return False
    try:
        return revision in remote.refs(client, repo).tags
    except HubError:
        return True  # who cannot tell does not go on
