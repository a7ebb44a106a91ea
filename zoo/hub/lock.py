"""Pins of a project: write one, and make a machine match all of them."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import constants

from zoo.hub.fetch import fetch
from zoo.hub.lock_file import LOCK, Pin, changing, pin_of, read_lock
from zoo.hub.pull import pull
from zoo.progress import Progress, Silent


def add(
    repo: str,
    revision: str | None = None,
    *,
    lock: str | Path = LOCK,
    progress: Progress | None = None,
    endpoint: str | None = None,
) -> Pin:
    """Fetch an artifact and pin it, instead of what the repo was pinned at before.

    Args:
        repo: ``owner/name``.
        revision: branch, tag or full commit id; by default the main branch.
        lock: the lock file; made if it is not there.
        progress: told how far it is.
        endpoint: the hub, by default what ``HF_ENDPOINT`` says.

    Raises:
        LockInvalid: the lock file cannot be used; it is left as it is.
        WriteFailed: it cannot be written; it is as it was.
        ZooError: as :func:`~zoo.hub.fetch.fetch`.
    """
    progress = progress or Silent()
    found = fetch(repo, revision, progress=progress, endpoint=endpoint)
    pin = pin_of(found, constants.DEFAULT_REVISION if revision is None else revision)
    with changing(Path(lock)) as pins:
        before = pins.get(repo)
        pins[repo] = pin
    if before is not None and before.commit != pin.commit:
        progress.note(
            f"{repo} was pinned at {before.revision} ({before.commit}); it is at {pin.revision} "
            f"({pin.commit}) now."
        )
    return pin


def sync(
    *,
    lock: str | Path = LOCK,
    weights: Path | None = None,
    progress: Progress | None = None,
    endpoint: str | None = None,
) -> dict[str, Pin]:
    """Fetch every pinned commit with its backbone, open each, and compare its answers.

    Args:
        lock: the lock file.
        weights: a folder with the backbone of those that were made on a local folder, which no hub
            has.
        progress: told how far it is.
        endpoint: the hub, by default what ``HF_ENDPOINT`` says.

    Returns:
        the pins by repo.

    Raises:
        LockInvalid: the lock file cannot be used.
        LockDrift: something there is not what was pinned.
        ZooError: as :func:`~zoo.hub.pull.pull`.
    """
    progress = progress or Silent()
    pins = read_lock(Path(lock)).artifacts
    for repo, pin in sorted(pins.items()):
        nowhere = weights if not pin.backbone.source else None
        pull(repo, lock=lock, weights=nowhere, progress=progress, endpoint=endpoint)
    return dict(pins)
