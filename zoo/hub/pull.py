"""Pull: an artifact from a hub as a model that answers as the one that was pushed."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.artifact.atomic import replacing, write
from zoo.artifact.manifest import MANIFEST, read_manifest
from zoo.artifact.signing import SIGNATURE, read_signature
from zoo.errors import ArtifactError, OutputExists
from zoo.host import installed
from zoo.hub.fetch import FetchedArtifact, fetch
from zoo.hub.pinned import fetch_pinned
from zoo.progress import Progress, Silent

if TYPE_CHECKING:
    from zoo.model import ComposedModel


def pull(
    repo: str,
    *,
    revision: str | None = None,
    force: bool = False,
    any_size: bool = False,
    weights: Path | None = None,
    folder: str | Path | None = None,
    progress: Progress | None = None,
    lock: str | Path | None = None,
    endpoint: str | None = None,
) -> ComposedModel:
    """Fetch an artifact, check it, and open it with the plugins installed here.

    Args:
        repo: ``owner/name``.
        revision: branch, tag or full commit id; by default the main branch.
        force: fetch again what is in the cache, and replace what is in ``folder``.
        any_size: also more than 200 GiB.
        weights: a folder to take the backbone's weights from.
        folder: also copy the artifact there, once it has answered as it should.
        progress: told how far it is.
        lock: a ``zoo.lock``; the commit that it pins is taken, and nothing else.
        endpoint: the hub, by default what ``HF_ENDPOINT`` says.

    Raises:
        BadSetting: ``repo`` or ``revision`` is not a name.
        RepoNotFound, AccessDenied, HubUnreachable: the hub said no, or nothing.
        ArtifactError: the artifact is refused; the subclasses of it say why.
        MissingPlugin: no installed plugin provides what it names.
        WeightsNotFound: the backbone is nowhere to be had.
        OutputExists: ``folder`` holds something else.
        LockInvalid, LockDrift: ``lock`` cannot be used, or does not pin what is asked or found.
    """
    from zoo.artifact.load import load

    progress = progress or Silent()
    if folder is not None:
        _require_free(Path(folder), force)
    get = fetch if lock is None else functools.partial(fetch_pinned, Path(lock))
    found = get(
        repo,
        revision,
        force=force,
        any_size=any_size,
        progress=progress,
        endpoint=endpoint,
    )
    progress.note(f"{repo} at {found.commit[:12]}: opening, and comparing its answers")
    model = load(found.folder, weights=weights)
    if folder is not None:
        copy(found, Path(folder))
    for broken in installed().after_pull(repo, found.commit, found.folder):
        progress.note(broken)
    return model


def copy(found: FetchedArtifact, folder: Path) -> None:
    """Copy a fetched artifact out of the cache, whole or not at all.

    Raises:
        WriteFailed: the disk is full or the place cannot be written.
    """
    with replacing(folder) as fresh:
        for name in (MANIFEST, *found.manifest.files):
            shutil.copyfile(found.folder / name, fresh / name)
        if (signature := read_signature(found.folder)) is not None:
            write(fresh / SIGNATURE, signature)


def _require_free(folder: Path, force: bool) -> None:
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    try:
        read_manifest(folder)
    except ArtifactError as err:
        raise OutputExists(
            f"{folder} holds something that is not an artifact; nothing was fetched.",
            hint="Choose another folder.",
        ) from err
    if not force:
        raise OutputExists(
            f"{folder} holds an artifact already; nothing was fetched.",
            hint="Choose another folder, or replace it with `--force`.",
        )
